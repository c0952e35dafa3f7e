"""Use cases of groups: make, change and delete them, their members and roles, join and leave."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chat_app.change_log.store import (
    ChangedView,
    NewEntry,
    Publication,
    group_changed,
    published,
    view_changed,
)
from chat_app.change_log.tail import Tail
from chat_app.change_log.unit_of_work import UnitOfWork, unit_of_work
from chat_app.conversations.errors import ConversationNotFound, NotAllowed
from chat_app.conversations.groups import store
from chat_app.conversations.groups.errors import (
    CannotAdd,
    CannotJoin,
    GroupFull,
    LastOwner,
    MemberNotFound,
    NotAGroup,
)
from chat_app.conversations.groups.queries import get_member
from chat_app.conversations.groups.schemas import (
    MAX_MEMBERS,
    Added,
    GroupChange,
    GroupMember,
    GroupRequest,
    MembershipRequest,
)
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.schemas import Conversation
from chat_app.conversations.store import ends_of
from chat_app.conversations.views import FOREVER
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.ids import new_id
from chat_app.core.rate_limit import HOUR_S, Limit, RateLimits, charged, token_bucket
from chat_app.core.settings import Settings
from chat_app.models import Conversation as Group
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import (
    ConversationRemoved,
    RemovalReason,
    conversation_topic,
    make_envelope,
    user_topic,
)
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Notice, NoticeEvent, Role

# A changed number of members is published to all of them in small groups; the others count by the
# notices.
MAX_TOLD = 100


class Groups:
    """The use cases of groups over one database and broker."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        tail: Tail,
        online: Online,
        limits: RateLimits,
        settings: Settings,
        on_left: Callable[[UUID], None],
    ) -> None:
        """`on_left` is called with a group that members have left, or that was deleted."""
        self._database = database
        self._broker = broker
        self._tail = tail
        self._online = online
        self._limits = limits
        self._on_left = on_left
        self._limit = Limit("group", settings.limit_groups_per_hour, HOUR_S)
        # Each change is a notice for all members.
        self._change_limit = token_bucket(
            "group_change",
            settings.limit_group_change_burst,
            settings.limit_group_changes_per_second,
        )

    async def create(self, *, actor_id: UUID, data: GroupRequest) -> Conversation:
        """Make a group of the actor, who owns it, and others.

        Raises Invalid for ids that are no others' or come twice, CannotAdd and RateLimited; nothing
        is made then.
        """
        check_ids("member_ids", data.member_ids, actor_id)
        async with (
            charged(self._limits, self._limit, actor_id.hex),
            unit_of_work(self._database, self._broker) as uow,
        ):
            await _check_reach(uow, "member_ids", actor_id, data.member_ids)
            group = Group(
                id=new_id(),
                kind="group",
                title=data.title,
                description=data.description,
                visibility=data.visibility,
                history=data.history,
                posting=data.posting,
                created_by=actor_id,
            )
            await store.add_group(uow.session, group)
            others = list(data.member_ids)
            await self._add(uow, group, [actor_id, *others], owner=actor_id)
            await _notify(uow, group, "created", actor_id, others, title=data.title)
            view = await self._view(uow, actor_id, group.id)
        # So that what the actor writes next comes after the notice on every device here.
        await self._tail.caught_up()
        return view

    async def change(
        self, *, actor_id: UUID, conversation_id: UUID, data: GroupChange
    ) -> Conversation:
        """Change what an admin may change; each change is a notice.

        Raises ConversationNotFound, NotAGroup, NotAllowed and RateLimited.
        """
        await self.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group, _ = await self._managed(uow, actor_id, conversation_id)
            changes = {
                name: value for name, value in data.given().items() if getattr(group, name) != value
            }
            for name, value in changes.items():
                setattr(group, name, value)
                title = group.title if name == "title" else None
                await _notify(uow, group, _EVENTS[name], actor_id, (), title=title)
            if "title" in changes:
                group.title_key = store.title_key(group.title)
            if changes:
                uow.add(group_changed(group.id))
            await store.write_changes(uow.session)
            return await self._view(uow, actor_id, group.id)

    async def delete(self, *, actor_id: UUID, conversation_id: UUID) -> None:
        """Delete a group with its messages, for all.

        Raises ConversationNotFound, NotAGroup, RateLimited, and NotAllowed for whoever is no owner.
        """
        await self.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group, role = await self._joined(uow, actor_id, conversation_id)
            if role != "owner":
                raise NotAllowed("Only owners of the group may do this.")
            await _delete(uow, group)
        self._on_left(conversation_id)
        await self._tail.caught_up()

    async def add_members(
        self, *, actor_id: UUID, conversation_id: UUID, user_ids: Sequence[UUID]
    ) -> Added:
        """Add people to a group.

        Raises ConversationNotFound, NotAGroup, NotAllowed, Invalid, CannotAdd, GroupFull and
        RateLimited; nobody is added then.
        """
        check_ids("user_ids", user_ids, None)
        await self.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group, _ = await self._managed(uow, actor_id, conversation_id)
            present = await store.members_among(uow.session, group.id, user_ids)
            added = [user_id for user_id in user_ids if user_id not in present]
            await _check_reach(uow, "user_ids", actor_id, user_ids, but=present)
            if added:
                await self._add_with_notice(uow, group, "added", actor_id, added)
        await self._tail.caught_up()
        already = [user_id for user_id in user_ids if user_id in present]
        return Added(added=added, already=already)

    async def set_role(
        self, *, actor_id: UUID, conversation_id: UUID, user_id: UUID, role: Role
    ) -> GroupMember:
        """Set the role of a member, and return them.

        Raises ConversationNotFound, NotAGroup, NotAllowed for whoever is no owner, MemberNotFound,
        LastOwner and RateLimited.
        """
        await self.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group, own = await self._joined(uow, actor_id, conversation_id)
            if own != "owner":
                raise NotAllowed("Only owners of the group may do this.")
            present = await store.role_of(uow.session, group.id, user_id)
            if present is None:
                raise MemberNotFound
            if present == "owner" and role != "owner":
                await _check_other_owner(uow, group)
            if present != role:
                await store.set_role(uow.session, group.id, user_id, role)
                await _notify(uow, group, "role", actor_id, [user_id])
                uow.add(view_changed(ChangedView(group.id, [user_id])))
            return await get_member(
                uow.session,
                viewer_id=actor_id,
                group=group,
                user_id=user_id,
                online=self._online,
            )

    async def remove_member(self, *, actor_id: UUID, conversation_id: UUID, user_id: UUID) -> None:
        """Remove a member, or leave; the last one takes the group along.

        From then on no device of theirs receives anything of it. Raises ConversationNotFound,
        NotAGroup, NotAllowed, MemberNotFound, LastOwner and RateLimited.
        """
        await self.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group, own = await self._joined(uow, actor_id, conversation_id)
            role = own if user_id == actor_id else None
            if role is None:
                if own == "member":
                    raise NotAllowed
                role = await store.role_of(uow.session, group.id, user_id)
            if role is None:
                raise MemberNotFound
            if user_id != actor_id and store.RANKS[role] < store.RANKS[own]:
                raise NotAllowed("Only owners of the group may do this.")
            if group.members_count == 1:
                await _delete(uow, group)
            else:
                if role == "owner":
                    await _check_other_owner(uow, group)
                is_leaving = user_id == actor_id
                await _remove(uow, group, user_id, actor_id, "left" if is_leaving else "removed")
        self._on_left(conversation_id)
        await self._tail.caught_up()

    async def join(self, *, actor_id: UUID, conversation_id: UUID) -> Conversation:
        """Join an open group; a member is in it already.

        Raises ConversationNotFound for any other, CannotJoin, GroupFull and RateLimited.
        """
        await self.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group = await store.lock_group(uow.session, conversation_id)
            if group is None or group.kind != "group":
                raise ConversationNotFound
            if await store.role_of(uow.session, group.id, actor_id) is None:
                if group.visibility != "open":
                    raise ConversationNotFound
                await self.enter(uow, group, actor_id)
            view = await self._view(uow, actor_id, group.id)
        await self._tail.caught_up()
        return view

    async def take(self, actor_id: UUID) -> None:
        """Take the token of a change. Raises RateLimited."""
        await self._limits.take(self._change_limit, actor_id.hex)

    async def enter(self, uow: UnitOfWork, group: Group, user_id: UUID) -> None:
        """Add somebody who joins by themselves to a locked group. Raises CannotJoin, GroupFull."""
        if not await store.may_join(uow.session, group.id, user_id):
            raise CannotJoin
        await self._add_with_notice(uow, group, "joined", user_id, [user_id])

    async def change_membership(
        self, *, actor_id: UUID, conversation_id: UUID, data: MembershipRequest
    ) -> Conversation:
        """Mute, favour or archive a conversation, for the actor alone.

        Raises ConversationNotFound, and Invalid for a time that is over.
        """
        given = data.model_dump(exclude_unset=True)
        values: dict[str, Any] = {}
        if "muted_until" in given:
            values["muted_until"] = _muted_until(given["muted_until"])
        if "favourite" in given:
            values["favourite"] = given["favourite"]
        async with unit_of_work(self._database, self._broker) as uow:
            if "archived" in given:
                _, end = await ends_of(uow.session, actor_id, conversation_id)
                values["archived_seq"] = end if given["archived"] else None
            elif "muted_until" in values:
                present = await self._view(uow, actor_id, conversation_id)
                # One that a message has brought back does not leave again because it is muted.
                if not present.me.archived:
                    values["archived_seq"] = None
            if values:
                if not await store.set_membership(uow.session, conversation_id, actor_id, values):
                    raise ConversationNotFound
                uow.add(view_changed(ChangedView(conversation_id, [actor_id])))
            return await self._view(uow, actor_id, conversation_id)

    async def leave_all(self, uow: UnitOfWork, user_id: UUID) -> None:
        """Take an account that is deleted out of its groups.

        What it owned alone passes to the admin, else member, who is there the longest.
        """
        for group_id in await store.groups_of(uow.session, user_id):
            group = await store.lock_group(uow.session, group_id)
            if group is None:
                continue
            role = await store.role_of(uow.session, group_id, user_id)
            if role is None:
                continue
            if group.members_count == 1:
                await _delete(uow, group)
                continue
            if role == "owner" and await store.count_owners(uow.session, group_id) == 1:
                heir = await store.heir_of(uow.session, group_id, user_id)
                if heir is not None:
                    await store.set_role(uow.session, group_id, heir, "owner")
                    await _notify(uow, group, "role", user_id, [heir])
                    uow.add(view_changed(ChangedView(group_id, [heir])))
            await _remove(uow, group, user_id, user_id, "left")

    async def managed(self, uow: UnitOfWork, actor_id: UUID, conversation_id: UUID) -> Group:
        """Lock a group and return it.

        Raises ConversationNotFound, NotAGroup, and NotAllowed unless the actor is an admin.
        """
        return (await self._managed(uow, actor_id, conversation_id))[0]

    async def _managed(
        self, uow: UnitOfWork, actor_id: UUID, conversation_id: UUID
    ) -> tuple[Group, Role]:
        group, role = await self._joined(uow, actor_id, conversation_id)
        if role == "member":
            raise NotAllowed
        return group, role

    async def _joined(
        self, uow: UnitOfWork, actor_id: UUID, conversation_id: UUID
    ) -> tuple[Group, Role]:
        group = await store.lock_group(uow.session, conversation_id)
        role = None
        if group is not None:
            role = await store.role_of(uow.session, conversation_id, actor_id)
        if group is None or role is None:
            raise ConversationNotFound
        if group.kind != "group":
            raise NotAGroup
        return group, role

    async def _add_with_notice(
        self,
        uow: UnitOfWork,
        group: Group,
        event: NoticeEvent,
        actor_id: UUID,
        user_ids: Sequence[UUID],
    ) -> None:
        await self._add(uow, group, user_ids)
        await _notify(uow, group, event, actor_id, user_ids)
        if group.members_count <= MAX_TOLD:
            uow.add(group_changed(group.id))

    async def _add(
        self, uow: UnitOfWork, group: Group, user_ids: Sequence[UUID], *, owner: UUID | None = None
    ) -> None:
        """Add members, whose devices receive from the notice on that follows."""
        if group.members_count + len(user_ids) > MAX_MEMBERS:
            raise GroupFull
        await store.add_members(uow.session, group, user_ids, owner=owner)
        uow.add(view_changed(ChangedView(group.id, list(user_ids), is_new_group=True)))

    async def _view(self, uow: UnitOfWork, viewer_id: UUID, conversation_id: UUID) -> Conversation:
        await store.write_changes(uow.session)
        return await get_conversation(
            uow.session,
            viewer_id=viewer_id,
            conversation_id=conversation_id,
            online=self._online,
        )


_EVENTS: dict[str, NoticeEvent] = {
    "title": "renamed",
    "description": "described",
    "visibility": "visibility",
    "history": "history",
    "posting": "posting",
}


def check_ids(field: str, user_ids: Sequence[UUID], actor_id: UUID | None) -> None:
    """Check that no id comes twice, and none is the actor's own. Raises Invalid, naming them."""
    seen: set[UUID] = set()
    wrong = {}
    for number, user_id in enumerate(user_ids):
        if user_id == actor_id:
            wrong[f"{field}.{number}"] = f"{user_id} is you: you are in the group anyway."
        elif user_id in seen:
            wrong[f"{field}.{number}"] = f"{user_id} is named twice."
        seen.add(user_id)
    if wrong:
        raise Invalid(wrong)


async def _check_reach(
    uow: UnitOfWork,
    field: str,
    actor_id: UUID,
    user_ids: Sequence[UUID],
    *,
    but: set[UUID] | frozenset[UUID] = frozenset(),
) -> None:
    """Check that the actor may write to all but those who are there already.

    Raises Invalid for unknown people, and CannotAdd.
    """
    reach = await store.reach_of(uow.session, actor_id, user_ids)
    unknown, refused = {}, {}
    for number, user_id in enumerate(user_ids):
        found = reach.get(user_id)
        if user_id in but:
            continue
        if found is None or found.refusal == "gone":
            unknown[f"{field}.{number}"] = f"{user_id} is nobody here."
        elif found.refusal is not None:
            refused[f"{field}.{number}"] = f"{user_id} cannot be added by you."
    if unknown:
        raise Invalid(unknown)
    if refused:
        raise CannotAdd(refused)


def _muted_until(value: datetime | str | None) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        return FOREVER
    if value <= utc_now():
        raise Invalid({"muted_until": "This time is over."})
    return min(value, FOREVER)


async def _notify(  # the fields of a notice, and where it goes
    uow: UnitOfWork,
    group: Group,
    event: NoticeEvent,
    actor_id: UUID,
    user_ids: Sequence[UUID],
    *,
    title: str | None = None,
) -> None:
    notice = Notice(event=event, actor_id=actor_id, user_ids=tuple(user_ids), title=title)
    await store.add_notice(uow, group, notice)


async def _remove(
    uow: UnitOfWork,
    group: Group,
    user_id: UUID,
    actor_id: UUID,
    reason: Literal["left", "removed"],
) -> None:
    await store.remove_member(uow.session, group, user_id, reason=reason)
    # Before the notice, which is for the others.
    uow.add(_removal(group.id, [user_id], reason))
    await _notify(uow, group, reason, actor_id, [user_id])
    if group.members_count <= MAX_TOLD:
        uow.add(group_changed(group.id))


async def _check_other_owner(uow: UnitOfWork, group: Group) -> None:
    if await store.count_owners(uow.session, group.id) == 1:
        raise LastOwner


async def _delete(uow: UnitOfWork, group: Group) -> None:
    members = await store.delete_group(uow.session, group)
    await store.write_changes(uow.session)
    uow.add(_removal(group.id, members, "deleted"))


def _removal(group_id: UUID, user_ids: Sequence[UUID], reason: RemovalReason) -> NewEntry:
    """Return the entry after which the devices of these people receive nothing of the group."""
    event = ConversationRemoved(conversation_id=group_id, reason=reason)
    envelope = make_envelope(event, leave=conversation_topic(group_id))
    return published([Publication(list(map(user_topic, user_ids)), envelope)])
