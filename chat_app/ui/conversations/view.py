"""The list of conversations as one tab shows it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from msgspec.structs import replace

from chat_app.conversations.groups.queries import former_groups
from chat_app.conversations.queries import get_conversation, list_conversations, unread_counts
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import AppError, NotFound
from chat_app.realtime.events import (
    AnyEvent,
    ConversationDelivered,
    ConversationRead,
    ConversationRemoved,
    Typing,
)
from chat_app.ui.conversations import updates
from chat_app.ui.conversations.rows import conversation_row, peer_of
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.patches import Patch
from chat_app.ui.reflex.tab import Tab

LIST = "conversations"
NOBODY = UUID(int=0)


class ConversationsView:
    """The conversations of a tab's user, newest activity first, and the number of unread messages.

    About the list: `loaded`, `has_more`, `unread_total` and a `problem`.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._items: dict[UUID, Conversation] = {}
        # The direct conversations of the list, by their peer.
        self._of_peer: dict[UUID, UUID] = {}
        self._unread: dict[UUID, int] = {}
        self._next_before: str | None = None
        self._about: dict[str, object] = {}
        self._is_loaded = False

    async def load(self, *, again: bool = False) -> None:
        """Send the newest conversations; if they were sent before, only where asked `again`."""
        if self._is_loaded and not again:
            return
        try:
            await self._load()
        except AppError as error:
            self._send_problem(error)

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
            self._send_problem(error)
            return
        self._next_before = page.next_before
        self._show(one for one in page.items if one.id not in self._items)

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send the rows that these events change."""
        if not self._is_loaded:
            return
        events = self._without_removed(events)
        changed, to_load = dict[UUID, Conversation](), set[UUID]()
        is_counted_wrong = False
        for event in events:
            key = None if _is_irrelevant(event, self._viewer_id) else self._key_of(event)
            if key is None:
                continue
            current = changed.get(key) or self._items.get(key)
            if updates.must_load(current, event, viewer_id=self._viewer_id):
                to_load.add(key)
            elif current is None:
                is_unlisted = updates.changes_unlisted_count(event, viewer_id=self._viewer_id)
                is_counted_wrong = is_counted_wrong or is_unlisted
            else:
                after = updates.apply(current, event, viewer_id=self._viewer_id)
                if after is not current:
                    changed[key] = after
        if to_load:
            changed |= await self._loaded(to_load, changed)
        if is_counted_wrong:
            self._unread = await unread_counts(current_node().database, viewer_id=self._viewer_id)
        if is_counted_wrong or changed:
            self._show(changed.values())

    def _without_removed(self, events: Sequence[AnyEvent]) -> Sequence[AnyEvent]:
        """Drop groups that the user is in no more, and all that the page has of them."""
        gone = {one.conversation_id for one in events if isinstance(one, ConversationRemoved)}
        if not gone:
            return events
        for key in gone:
            self._items.pop(key, None)
            self._unread.pop(key, None)
            self._tab.send(
                Patch(list=LIST, drop=[str(key)]),
                _gone(key),
            )
        self._show([])
        # What came before its end is of no use; after it, somebody has come back.
        last = {key: _last_removal(events, key) for key in gone}
        return [
            event
            for at, event in enumerate(events)
            if at > last.get(updates.subject_of(event) or NOBODY, -1)
        ]

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
        former = await former_groups(node.database, viewer_id=self._viewer_id)
        self._next_before = page.next_before
        self._is_loaded = True
        self._items, self._of_peer = {}, {}
        self._show(page.items, afresh=True)
        # A browser that was away may still keep what it was shown of them.
        if former:
            self._tab.send(*map(_gone, former))

    def _send_problem(self, error: AppError) -> None:
        self._about = {}
        self._tab.send(Patch(list=LIST, about={"problem": error.detail}))

    def _key_of(self, event: AnyEvent) -> UUID | None:
        person = updates.person_of(event)
        return updates.subject_of(event) if person is None else self._of_peer.get(person)

    def _show(self, changed: Iterable[Conversation], *, afresh: bool = False) -> None:
        rows = []
        for one in map(_trimmed, changed):
            peer = peer_of(one, viewer_id=self._viewer_id)
            if peer is not None:
                self._of_peer[peer.id] = one.id
            self._items[one.id] = one
            self._unread[one.id] = one.unread
            rows.append(conversation_row(one, viewer_id=self._viewer_id))
        about: dict[str, object] = {
            "loaded": True,
            "kept": False,
            "problem": "",
            "has_more": self._next_before is not None,
            "unread_total": sum(self._unread.values()),
        }
        if not (rows or afresh or about != self._about):
            return
        patch = Patch(list=LIST, put=rows)
        if afresh:
            patch["reset"] = True
        if afresh or about != self._about:
            patch["about"] = self._about = about
        self._tab.send(patch)

    async def _loaded(
        self, ids: Iterable[UUID], changed: Mapping[UUID, Conversation]
    ) -> dict[UUID, Conversation]:
        """Load conversations; one that is gone is missing."""
        loaded = {}
        node = current_node()
        for key in ids:
            with suppress(NotFound):
                async with node.database.reading() as reading:
                    fresh = await get_conversation(
                        reading,
                        viewer_id=self._viewer_id,
                        conversation_id=key,
                        online=node.online,
                    )
                current = changed.get(key) or self._items.get(key)
                loaded[key] = updates.with_loaded(current, fresh)
        return loaded


def _gone(key: UUID) -> Patch:
    return Patch(list=f"messages:{key}", about={"gone": True})


def _last_removal(events: Sequence[AnyEvent], key: UUID) -> int:
    return max(
        at
        for at, event in enumerate(events)
        if isinstance(event, ConversationRemoved) and event.conversation_id == key
    )


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
