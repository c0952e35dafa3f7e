"""Use cases of conversations: open, mark as read or unread, deliver what changed."""

import asyncio
import contextlib
from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.change_log.store import (
    GROUP,
    PROFILE,
    VIEW,
    ChangedView,
    Publication,
    changed_group,
    changed_profile,
    changed_view,
    view_changed,
)
from chat_app.change_log.tail import Tail
from chat_app.change_log.unit_of_work import unit_of_work
from chat_app.conversations.errors import ConversationNotFound, ReceiverIsSelf
from chat_app.conversations.membership_loader import MembershipLoader, MembershipSummary
from chat_app.conversations.queries import direct_peers, get_conversation
from chat_app.conversations.read_marks import ReadMarks
from chat_app.conversations.schemas import Conversation, Opened
from chat_app.conversations.store import (
    NewConversation,
    add_conversation,
    check_reachable,
    ends_of,
    find_direct,
    set_mark,
    set_opened,
)
from chat_app.conversations.view_updates import ViewUpdates
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.ids import pair_key
from chat_app.core.rate_limit import HOUR_S, Limit, RateLimits, charged, token_bucket
from chat_app.core.settings import Settings
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import (
    ConversationUpdated,
    conversation_of,
    conversation_topic,
    make_envelope,
    user_topic,
)
from chat_app.realtime.hub import Hub
from chat_app.realtime.online import Online

# So many peers receive a changed name at once.
MAX_PEERS = 100
# The views of so many new members are made before their group's next messages are delivered.
MAX_VIEWS = 5


class Conversations:
    """The use cases of conversations over one database and broker."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        hub: Hub,
        tail: Tail,
        online: Online,
        limits: RateLimits,
        local_limits: RateLimits,
        settings: Settings,
        read_marks: ReadMarks,
        views: ViewUpdates,
    ) -> None:
        self._database = database
        self._broker = broker
        self._hub = hub
        tail.read_with(
            {
                PROFILE: self.changed_profiles,
                VIEW: self.changed_views,
                GROUP: self.changed_groups,
            }
        )
        hub.on_concealed = self.concealed
        self._online = online
        self._limits = limits
        self._open_limit = Limit("open", settings.limit_conversations_per_hour, HOUR_S)
        self._local_limits = local_limits
        self._read_limit = token_bucket(
            "read", settings.limit_read_mark_burst, settings.limit_read_marks_per_second
        )
        self._unread_limit = token_bucket(
            "unread", settings.limit_unread_mark_burst, settings.limit_unread_marks_per_second
        )
        self._read_marks = read_marks
        self._views = views
        self._memberships = MembershipLoader(database)

    async def close(self) -> None:
        """Wait for the memberships that are being loaded."""
        await self._memberships.close()

    async def membership(self, user_id: UUID) -> MembershipSummary | None:
        """Return a user's groups and unread counts, None without any. Raises Unavailable."""
        return await self._memberships.membership(user_id)

    async def recent_revs(self, user_id: UUID) -> dict[UUID, int] | None:
        """Return the last `rev` of a user's conversations that changed lately, None for none.

        Raises Unavailable.
        """
        return await self._memberships.recent_revs(user_id)

    async def open_direct(self, *, actor_id: UUID, user_id: UUID) -> Opened:
        """Return the direct conversation with a user; create it where there is none.

        Until its first message it is listed only for the user who opened it. An existing one can
        always be opened. Raises ReceiverIsSelf, PersonNotFound, RateLimited, and CannotMessage or
        FriendsOnly for a user whom the actor may not write to.
        """
        if actor_id == user_id:
            raise ReceiverIsSelf("user_id")
        key = pair_key(actor_id, user_id)
        async with self._database.reading() as session:
            found = await find_direct(session, key, actor_id)
            if found is not None and found[1]:
                view = await self._view(session, actor_id, found[0])
                return Opened(conversation=view, created=False)
        if found is not None:
            return await self._list(actor_id, user_id, found[0])
        async with charged(self._limits, self._open_limit, actor_id.hex):
            try:
                return await self._create(actor_id, user_id)
            except IntegrityError:
                # The other user opened it between our SELECT and our INSERT: now it is there.
                return await self.open_direct(actor_id=actor_id, user_id=user_id)

    async def mark_read(self, *, actor_id: UUID, conversation_id: UUID, seq: int) -> None:
        """Move the actor's read mark forward to `seq`; past the end means the end.

        The actor's other devices and the members receive it, but nobody across a block. Raises
        ConversationNotFound, RateLimited and Unavailable; nothing is stored then.
        """
        await (await self.submit_mark(actor_id=actor_id, conversation_id=conversation_id, seq=seq))

    async def submit_mark(
        self, *, actor_id: UUID, conversation_id: UUID, seq: int
    ) -> asyncio.Future[None]:
        """Queue a read mark; return the future of its outcome, so that many may be under way.

        Raises RateLimited or Unavailable at once; the rest of `mark_read`'s errors by the future.
        """
        await self._local_limits.take(self._read_limit, actor_id.hex)
        return self._read_marks.submit(actor_id, conversation_id, seq)

    async def mark_unread(self, *, actor_id: UUID, conversation_id: UUID, seq: int) -> None:
        """Mark message `seq` and all after it as unread, for the actor alone.

        Raises ConversationNotFound, RateLimited, or Invalid for a message that is not there.
        """
        await self._local_limits.take(self._unread_limit, actor_id.hex)
        async with unit_of_work(self._database, self._broker) as uow:
            first, last = await ends_of(uow.session, actor_id, conversation_id)
            if not first <= seq <= last:
                raise Invalid({"seq": "There is no such message."})
            await set_mark(uow.session, actor_id, conversation_id, seq - 1)
            uow.add(view_changed(ChangedView(conversation_id, [actor_id])))

    async def changed_profiles(self, payloads: Sequence[bytes]) -> list[Publication]:
        """Deliver a changed profile to the peers of direct conversations who are connected here.

        A reader of the change log. Peers of all but the MAX_PEERS latest conversations see the
        change when they load. Raises Unavailable and msgspec.DecodeError.
        """
        for user_id in dict.fromkeys(map(changed_profile, payloads)):
            async with self._database.reading() as session:
                peers = await direct_peers(session, user_id=user_id, limit=MAX_PEERS)
            for conversation_id, peer_id in peers:
                self._views.add(conversation_id, [peer_id])
        return []

    async def changed_views(self, payloads: Sequence[bytes]) -> list[Publication]:
        """Deliver changed conversations to the people who are connected here.

        Return the joining of new members, in the order of the log. A reader of the change log.
        Raises Unavailable and msgspec.DecodeError.
        """
        publications = []
        for conversation_id, viewer_ids, is_new_group in map(changed_view, payloads):
            if not is_new_group:
                self._views.add(conversation_id, viewer_ids)
                continue
            here = [one for one in viewer_ids if self._hub.has_subscribers(user_topic(one))]
            if len(here) <= MAX_VIEWS:
                publications += [
                    one
                    for viewer_id in here
                    for one in await self._joining(conversation_id, [viewer_id])
                ]
            else:
                publications += await self._joining(conversation_id, here)
                self._views.add(conversation_id, here)
        return publications

    async def changed_groups(self, payloads: Sequence[bytes]) -> list[Publication]:
        """Deliver changed groups to all of their members who are connected here.

        A reader of the change log. Raises msgspec.DecodeError.
        """
        for conversation_id in dict.fromkeys(map(changed_group, payloads)):
            members = self._hub.users_of(conversation_topic(conversation_id))
            self._views.add(conversation_id, members)
        return []

    def concealed(self, topic: str, user_id: UUID) -> None:
        """Deliver the view of a group in place of a change that a member may not read.

        So their devices have its `rev`, and miss nothing.
        """
        self._views.add(conversation_of(topic), [user_id])

    async def _joining(self, group_id: UUID, here: Sequence[UUID]) -> list[Publication]:
        """Return one envelope for people who join a group together.

        The group is the same for all of them, but for friendships and presence in its cards, which
        are removed where there are several; the view of each follows then.
        """
        for viewer_id in here:
            # Somebody may have left again.
            with contextlib.suppress(ConversationNotFound):
                async with self._database.reading() as session:
                    view = await self._view(session, viewer_id, group_id)
                shown = view if len(here) == 1 else _without_relations(view)
                topic, since = conversation_topic(group_id), view.me.since_seq
                event = ConversationUpdated(conversation=shown)
                envelope = make_envelope(event, join=topic, since=since)
                return [Publication(list(map(user_topic, here)), envelope)]
        return []

    async def _create(self, actor_id: UUID, user_id: UUID) -> Opened:
        async with unit_of_work(self._database, self._broker) as uow:
            await check_reachable(uow.session, actor_id=actor_id, user_id=user_id)
            pair = (actor_id, user_id)
            new = NewConversation(
                "direct", actor_id, pair, opened_by=pair[:1], direct_key=pair_key(*pair)
            )
            connection = await uow.session.connection()
            identifier = await connection.run_sync(add_conversation, new)
            view = await self._view(uow.session, actor_id, identifier)
            uow.add(view_changed(ChangedView(identifier, [actor_id])))
            return Opened(conversation=view, created=True)

    async def _list(self, actor_id: UUID, user_id: UUID, identifier: UUID) -> Opened:
        async with unit_of_work(self._database, self._broker) as uow:
            await set_opened(uow.session, identifier, actor_id)
            view = await self._view(uow.session, actor_id, identifier)
            # Now both see it, and each the other's presence.
            uow.add(view_changed(ChangedView(identifier, [actor_id, user_id])))
            return Opened(conversation=view, created=False)

    async def _view(
        self, session: AsyncSession, viewer_id: UUID, conversation_id: UUID
    ) -> Conversation:
        return await get_conversation(
            session, viewer_id=viewer_id, conversation_id=conversation_id, online=self._online
        )


def _without_relations(view: Conversation) -> Conversation:
    cards = [
        replace(card, friendship="none", online=None, last_seen_at=None) for card in view.members
    ]
    return replace(view, members=cards)
