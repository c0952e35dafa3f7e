"""The details of the group that a tab has open: facts about it, and its members."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from chat_app.conversations.groups.queries import list_members
from chat_app.conversations.groups.schemas import GroupMember, MemberPage
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import AppError, NotFound
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRemoved,
    ConversationUpdated,
    MessageCreated,
    Presence,
)
from chat_app.ui.current_node import current_node
from chat_app.ui.groups.rows import NO_GROUP, group_of, member_rows
from chat_app.ui.reflex.patches import Patch
from chat_app.ui.reflex.tab import Tab

LIST = "group"
MEMBERS = "members"
PAGE_SIZE = 50
# As many are loaded again after a change; further ones with the button.
MAX_RELOADED = 500


class GroupView:
    """The group whose details are open in a tab, if there is one.

    Every change of a group is a notice in it; the details are then loaded again.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._group: Conversation | None = None
        self._members: dict[UUID, GroupMember] = {}
        self._next_after: str | None = None
        self._query = ""

    @property
    def group_id(self) -> UUID | None:
        """The group whose details are open."""
        return self._group.id if self._group else None

    async def open(self, group_id: UUID) -> None:
        """Send the details of a group, and follow it from now on."""
        self._group, self._members, self._query = None, {}, ""
        try:
            await self._load(group_id)
        except AppError as error:
            about = {**NO_GROUP, "id": str(group_id), "problem": error.detail}
            self._tab.send(Patch(list=LIST, about=about))

    def close(self) -> None:
        """Close the details, in the page too."""
        self._group, self._members, self._query = None, {}, ""
        self._tab.send(Patch(list=LIST, about=dict(NO_GROUP)), Patch(list=MEMBERS, reset=True))

    async def search(self, text: str) -> None:
        """Send the members whose names contain a text."""
        if self._group is None:
            return
        self._query, self._members = text, {}
        try:
            await self._load(self._group.id)
        except AppError as error:
            self._query = ""
            self._tab.send(Patch(list=LIST, about={"problem": error.detail}))

    async def load_more(self) -> None:
        """Send the next page of members."""
        if self._group is None or self._next_after is None:
            return
        try:
            page = await self._page(self._group.id, self._next_after)
        except AppError as error:
            self._tab.send(Patch(list=LIST, about={"problem": error.detail}))
            return
        self._take(page)
        self._send()

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send what these events change."""
        if self._group is None:
            return
        here = self._group.id
        must_load = has_changed = False
        for event in events:
            match event:
                case ConversationRemoved(conversation_id=place) if place == here:
                    self.close()
                    return
                case ConversationUpdated(conversation=group) if group.id == here:
                    must_load = True
                case MessageCreated(message=message) if message.conversation_id == here:
                    must_load = must_load or message.notice is not None
                case Presence(user_id=user_id) if user_id in self._members:
                    self._set_presence(event)
                    has_changed = True
                case _:
                    pass
        if must_load:
            await self.reload()
        elif has_changed:
            self._send()

    async def reload(self) -> None:
        """Send the details again, if they are open."""
        if self._group is None:
            return
        try:
            await self._load(self._group.id)
        except NotFound:
            self.close()

    async def _load(self, group_id: UUID) -> None:
        node = current_node()
        async with node.database.reading() as reading:
            group = await get_conversation(
                reading,
                viewer_id=self._viewer_id,
                conversation_id=group_id,
                online=node.online,
            )
        least = min(len(self._members), MAX_RELOADED)
        page = await self._page(group_id)
        self._group, self._members = group, {}
        self._take(page)
        while page.next_after is not None and len(self._members) < least:
            page = await self._page(group_id, page.next_after)
            self._take(page)
        self._send()

    async def _page(self, group_id: UUID, after: str | None = None) -> MemberPage:
        node = current_node()
        return await list_members(
            node.database,
            viewer_id=self._viewer_id,
            conversation_id=group_id,
            online=node.online,
            text=self._query,
            after=after,
            limit=PAGE_SIZE,
        )

    def _take(self, page: MemberPage) -> None:
        self._members |= {member.user.id: member for member in page.items}
        self._next_after = page.next_after

    def _set_presence(self, event: Presence) -> None:
        member = self._members[event.user_id]
        card = replace(member.user, online=event.online, last_seen_at=event.last_seen_at)
        self._members[event.user_id] = replace(member, user=card)

    def _send(self) -> None:
        if self._group is None:
            return
        rows = member_rows(
            self._members.values(), viewer_id=self._viewer_id, viewer_role=self._group.me.role
        )
        about = group_of(self._group, query=self._query, has_more=self._next_after is not None)
        self._tab.send(Patch(list=LIST, about=about), Patch(list=MEMBERS, put=rows, reset=True))
