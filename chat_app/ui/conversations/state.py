"""State of the list of conversations."""

from collections.abc import Sequence
from uuid import UUID

import reflex as rx
from msgspec.structs import replace

from chat_app.accounts.schemas import Identity
from chat_app.conversations.queries import get_conversation, list_conversations, unread_counts
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import AppError, NotFound
from chat_app.realtime.events import AnyEvent, MessageCreated
from chat_app.ui.conversations import updates
from chat_app.ui.conversations.rows import (
    NO_NOTIFICATION,
    ConversationRow,
    Notification,
    conversation_row,
    notification_of,
    peer_status,
)
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.vars import set_changed
from chat_app.ui.session import require_identity

# A list is sent whole when it changes. Events mostly change its first rows, so those are a list of
# their own.
RECENT_ROWS = 10


class ConversationsState(rx.State):
    """The list of conversations, `recent` above `others`, and the number of unread messages."""

    recent: list[ConversationRow] = []
    others: list[ConversationRow] = []
    # Ids of the conversations whose peer is online, apart from the rows: a change of presence then
    # changes no row.
    online_ids: list[str] = []
    unread_total: int = 0
    # The latest message of another person, for sounds and desktop notifications.
    notification: Notification = NO_NOTIFICATION
    loaded: bool = False
    has_more: bool = False
    problem: str = ""

    _items: updates.Conversations = ()
    _rows: tuple[ConversationRow, ...] = ()
    _unread: dict[UUID, int] = {}
    _next_before: str | None = None
    # Loaded by `_preload`: the page's own handler need not load again.
    _preloaded: bool = False

    @rx.event
    async def load(self) -> None:
        """Load the newest conversations."""
        await self._load_unless_preloaded(await require_identity(self))

    @rx.event
    async def load_more(self) -> None:
        """Load the next page of older conversations."""
        me = await require_identity(self)
        if self._next_before is None:
            return
        try:
            node = current_node()
            page = await list_conversations(
                node.database, viewer_id=me.user_id, online=node.online, before=self._next_before
            )
        except AppError as error:
            self.problem = error.detail
            return
        known = {one.id for one in self._items}
        self._next_before = page.next_before
        self._show(me, (*self._items, *(one for one in page.items if one.id not in known)))

    async def _load_unless_preloaded(self, me: Identity) -> None:
        if self._preloaded:
            self._preloaded = False
            return
        try:
            await self._load(me)
        except AppError as error:
            self.problem = error.detail

    async def _load(self, me: Identity) -> None:
        node = current_node()
        page = await list_conversations(node.database, viewer_id=me.user_id, online=node.online)
        self._unread = await unread_counts(node.database, viewer_id=me.user_id)
        await node.deliveries.record_all(viewer_id=me.user_id)
        self._next_before = page.next_before
        self._show(me, tuple(page.items))
        set_changed(self, loaded=True, problem="")

    async def _apply_events(self, me: Identity, events: Sequence[AnyEvent]) -> None:
        if not self.loaded:
            return
        items, to_load, recount = self._items, dict[UUID, None](), False
        for event in events:
            recount = recount or updates.changes_unlisted_count(items, event, viewer_id=me.user_id)
            unknown = updates.conversation_to_load(items, event, viewer_id=me.user_id)
            if unknown is None:
                items = updates.apply(items, event, viewer_id=me.user_id)
            else:
                to_load[unknown] = None
        for conversation_id in to_load:
            items = await _with_loaded(items, conversation_id, me)
        if recount:
            self._unread = await unread_counts(current_node().database, viewer_id=me.user_id)
        if recount or items is not self._items:
            self._show(me, items)
        self._show_notification(me, events)

    async def _reload(self, me: Identity) -> None:
        if self.loaded:
            await self._load(me)

    async def _preload(self, me: Identity) -> None:
        await self._load_unless_preloaded(me)
        self._preloaded = True

    def _show_notification(self, me: Identity, events: Sequence[AnyEvent]) -> None:
        others = [
            event.message
            for event in events
            if isinstance(event, MessageCreated) and event.message.sender_id != me.user_id
        ]
        for conversation in self._items:
            if others and conversation.id == others[-1].conversation_id:
                set_changed(
                    self,
                    notification=notification_of(others[-1], conversation, viewer_id=me.user_id),
                )

    def _show(self, me: Identity, items: updates.Conversations) -> None:
        items = tuple(map(_trimmed, items))
        # A conversation that did not change is the same object, and keeps its row.
        shown = dict(zip(map(id, self._items), self._rows, strict=True))
        rows = [shown.get(id(one)) or conversation_row(one, viewer_id=me.user_id) for one in items]
        self._unread.update((one.id, one.unread) for one in items if id(one) not in shown)
        self._items, self._rows = items, tuple(rows)
        recent, others = rows[:RECENT_ROWS], rows[RECENT_ROWS:]
        total = sum(self._unread.values())
        has_more = self._next_before is not None
        online = [str(one.id) for one in items if peer_status(one, viewer_id=me.user_id)["online"]]
        set_changed(self, recent=recent, others=others, unread_total=total, has_more=has_more)
        set_changed(self, online_ids=online)


def _trimmed(conversation: Conversation) -> Conversation:
    """Drop what the list does not show: a tab would hold all members of a large group."""
    is_group = conversation.kind == "group"
    if not (conversation.receipts or (is_group and conversation.members)):
        return conversation
    return replace(conversation, receipts=[], members=[] if is_group else conversation.members)


async def _with_loaded(
    items: updates.Conversations, conversation_id: UUID, me: Identity
) -> updates.Conversations:
    try:
        node = current_node()
        async with node.database.reading() as reading:
            fresh = await get_conversation(
                reading,
                viewer_id=me.user_id,
                conversation_id=conversation_id,
                online=node.online,
            )
    except NotFound:
        return items
    return updates.with_loaded(items, fresh)
