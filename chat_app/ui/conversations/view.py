"""The list of conversations as one tab shows it."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from chat_app.conversations.queries import get_conversation, list_conversations, unread_counts
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import AppError, NotFound
from chat_app.realtime.events import (
    AnyEvent,
    ConversationDelivered,
    ConversationRead,
    Typing,
)
from chat_app.ui.conversations import updates
from chat_app.ui.conversations.rows import ConversationRow, conversation_row
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.patches import Patch
from chat_app.ui.reflex.tab import Tab

LIST = "conversations"


class ConversationsView:
    """The conversations of a tab's user, newest activity first, and the number of unread messages.

    About the list: `loaded`, `has_more`, `unread_total` and a `problem`.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._items: updates.Conversations = ()
        self._rows: dict[str, ConversationRow] = {}
        self._unread: dict[UUID, int] = {}
        self._next_before: str | None = None
        self._is_loaded = False

    async def load(self, *, again: bool = False) -> None:
        """Send the newest conversations; if they were sent before, only where asked `again`."""
        if self._is_loaded and not again:
            return
        try:
            await self._load()
        except AppError as error:
            self._tab.send(Patch(list=LIST, about={"problem": error.detail}))

    async def load_more(self) -> None:
        """Send the next page of older conversations."""
        if self._next_before is None:
            return
        try:
            node = current_node()
            page = await list_conversations(
                node.database,
                viewer_id=self._viewer_id,
                online=node.online,
                before=self._next_before,
            )
        except AppError as error:
            self._tab.send(Patch(list=LIST, about={"problem": error.detail}))
            return
        known = {one.id for one in self._items}
        self._next_before = page.next_before
        self._show((*self._items, *(one for one in page.items if one.id not in known)))

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send the rows that these events change."""
        if not self._is_loaded:
            return
        items, to_load, recount = self._items, dict[UUID, None](), False
        for event in events:
            if _is_irrelevant(event, self._viewer_id):
                continue
            recount = recount or updates.changes_unlisted_count(
                items, event, viewer_id=self._viewer_id
            )
            unknown = updates.conversation_to_load(items, event, viewer_id=self._viewer_id)
            if unknown is None:
                items = updates.apply(items, event, viewer_id=self._viewer_id)
            else:
                to_load[unknown] = None
        for conversation_id in to_load:
            items = await self._with_loaded(items, conversation_id)
        if recount:
            self._unread = await unread_counts(current_node().database, viewer_id=self._viewer_id)
        if recount or items is not self._items:
            self._show(items)

    async def reload(self) -> None:
        """Send all of it again, if it was sent."""
        if self._is_loaded:
            await self._load()

    async def _load(self) -> None:
        node = current_node()
        page = await list_conversations(
            node.database, viewer_id=self._viewer_id, online=node.online
        )
        self._unread = await unread_counts(node.database, viewer_id=self._viewer_id)
        await node.deliveries.record_all(viewer_id=self._viewer_id)
        self._next_before = page.next_before
        self._is_loaded = True
        self._show(tuple(page.items), afresh=True)

    def _show(self, items: updates.Conversations, *, afresh: bool = False) -> None:
        items = tuple(map(_trimmed, items))
        # A conversation that did not change is the same object, and keeps its row.
        before = {} if afresh else dict(zip(map(id, self._items), self._rows.values(), strict=True))
        rows = {}
        changed = []
        for one in items:
            row = before.get(id(one))
            if row is None:
                self._unread[one.id] = one.unread
                row = conversation_row(one, viewer_id=self._viewer_id)
                if row != self._rows.get(row["id"]) or afresh:
                    changed.append(row)
            rows[row["id"]] = row
        gone = [] if afresh else [key for key in self._rows if key not in rows]
        self._items, self._rows = items, rows
        about = {
            "loaded": True,
            "problem": "",
            "has_more": self._next_before is not None,
            "unread_total": sum(self._unread.values()),
            "kept": False,
        }
        self._tab.send(Patch(list=LIST, put=changed, drop=gone, reset=afresh, about=about))

    async def _with_loaded(
        self, items: updates.Conversations, conversation_id: UUID
    ) -> updates.Conversations:
        try:
            node = current_node()
            async with node.database.reading() as reading:
                fresh = await get_conversation(
                    reading,
                    viewer_id=self._viewer_id,
                    conversation_id=conversation_id,
                    online=node.online,
                )
        except NotFound:
            return items
        return updates.with_loaded(items, fresh)


def _is_irrelevant(event: AnyEvent, viewer_id: UUID) -> bool:
    """Return whether an event changes no row: others' receipts are shown in the open chat only."""
    match event:
        case ConversationDelivered() | Typing():
            return True
        case ConversationRead(user_id=user_id):
            return user_id != viewer_id
        case _:
            return False


def _trimmed(conversation: Conversation) -> Conversation:
    """Drop what the list does not show: a tab would hold all members of a large group."""
    is_group = conversation.kind == "group"
    if not (conversation.receipts or (is_group and conversation.members)):
        return conversation
    return replace(conversation, receipts=[], members=[] if is_group else conversation.members)
