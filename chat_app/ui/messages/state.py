"""State of the open conversation."""

import re
from collections.abc import Sequence
from functools import partial
from itertools import repeat
from uuid import UUID

import reflex as rx

from chat_app.accounts.queries import display_names
from chat_app.accounts.schemas import Identity
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import AppError, NotFound
from chat_app.messages.queries import history
from chat_app.realtime.events import AnyEvent, FriendRemoved
from chat_app.ui.conversations import updates as conversation_updates
from chat_app.ui.conversations.rows import HIDDEN, PeerStatus, peer_status
from chat_app.ui.current_node import current_node
from chat_app.ui.messages import updates
from chat_app.ui.messages.head import HEAD_EVENTS, NO_HEAD, Head, head_of
from chat_app.ui.messages.rows import DELETED_NAME, MessageRow, message_rows
from chat_app.ui.messages.window import MAX_WINDOW, PAGE_SIZE, PIECES, Window
from chat_app.ui.reflex.vars import parse_id, set_changed
from chat_app.ui.session import require_identity

CHAT_PATH = "/chat/"
FROM_SEQ = re.compile(r"from-([1-9]\d{0,17})")


class TimelineState(rx.State):
    """The open conversation: its head and a window of its messages.

    `tail` are the newest; those above it are in the other lists, in the order of their `seq`.
    """

    head: Head = NO_HEAD
    peer: PeerStatus = HIDDEN
    older_0: list[MessageRow] = []
    older_1: list[MessageRow] = []
    older_2: list[MessageRow] = []
    older_3: list[MessageRow] = []
    tail: list[MessageRow] = []
    has_older: bool = False
    has_newer: bool = False
    # `seq` below the "New messages" line: the first that was unread when the chat was opened.
    new_from: int = 0
    own_read_seq: int = 0
    delivered_seq: int = 0
    read_seq: int = 0
    problem: str = ""
    missing: str = ""

    _conversation: Conversation | None = None
    _names: dict[UUID, str] = {}
    _other_names: dict[UUID, str] = {}
    _window: Window = Window()
    # Loaded by `_preload`: the page's own handler need not load again.
    _preloaded: bool = False

    @rx.event
    async def open(self) -> None:
        """Load the conversation that the address names, if the user is a member."""
        await self._open_address(await require_identity(self))

    @rx.event
    async def close(self) -> None:
        """Show no conversation."""
        self._clear()

    @rx.event
    async def show_earlier(self) -> None:
        """Load the page above the window."""
        me = await require_identity(self)
        if self._window.has_older:
            await self._load_page(me, before=self._window.first_seq)

    @rx.event
    async def show_later(self) -> None:
        """Load the page below a window that was scrolled up."""
        me = await require_identity(self)
        if self._window.has_newer:
            await self._load_page(me, after=self._window.last_seq)

    @rx.event
    async def show_newest(self) -> None:
        """Slide a window that was scrolled up back to the end."""
        me = await require_identity(self)
        if self._conversation is None or not self._window.has_newer:
            return
        try:
            await self._load_newest(me, self._conversation.id)
        except AppError as error:
            self.problem = error.detail

    async def _open_address(self, me: Identity) -> None:
        wanted = _address_id(self.router.url.path)
        is_loaded = self._preloaded and wanted in {self.head["id"], self.missing}
        self._preloaded = False
        if is_loaded:
            return
        try:
            await self._open(me, parse_id(wanted))
        except NotFound:
            self._clear()
            self.missing = wanted
        except AppError as error:
            self.problem = error.detail

    async def _open(self, me: Identity, conversation_id: UUID) -> None:
        again = self.head["id"] == str(conversation_id)
        conversation = await _load_conversation(me, conversation_id)
        window = await _load_window(me, conversation_id, since=self._window_start(again=again))
        if conversation.unread or not again:
            new_from = conversation.last_read_seq + 1 if conversation.unread else 0
            set_changed(self, new_from=new_from, own_read_seq=conversation.last_read_seq)
        self._conversation = conversation
        self._show_head(me)
        await self._show(me, window, afresh=True)
        set_changed(self, problem="", missing="")

    def _window_start(self, *, again: bool) -> int | None:
        """Return the first `seq` of a window that is scrolled into the past, or None.

        After a broken link it is in the address only, where `timeline.js` keeps it.
        """
        if again and self._window.has_newer:
            return self._window.first_seq
        match = FROM_SEQ.fullmatch(self.router.url.fragment)
        return int(match[1]) if match else None

    async def _load_page(
        self, me: Identity, *, before: int | None = None, after: int | None = None
    ) -> None:
        if self._conversation is None:
            return
        try:
            page = await history(
                current_node().database,
                viewer_id=me.user_id,
                conversation_id=self._conversation.id,
                before=before,
                after=after,
                limit=PAGE_SIZE,
            )
            if before is None:
                window = self._window.with_later(page.items, has_newer=page.has_more)
            else:
                window = self._window.with_earlier(page.items, has_older=page.has_more)
            await self._show(me, window)
        except AppError as error:
            self.problem = error.detail
            return
        current_node().deliveries.record_page(page.items, viewer_id=me.user_id)
        set_changed(self, problem="")

    async def _load_newest(self, me: Identity, conversation_id: UUID) -> None:
        await self._show(me, await _load_window(me, conversation_id))
        set_changed(self, problem="")

    async def _apply_events(self, me: Identity, events: Sequence[AnyEvent]) -> None:
        if self._conversation is None:
            return
        window, here = self._window, self._conversation.id
        for event in events:
            if updates.leaves_a_gap(window, event, conversation_id=here):
                await self._load_newest(me, here)
                window = self._window
            else:
                window = updates.apply(window, event, conversation_id=here)
            if isinstance(event, FriendRemoved) and event.user_id in self._names:
                self._conversation = await _load_conversation(me, here)
                self._show_head(me)
            elif isinstance(event, HEAD_EVENTS):
                (self._conversation,) = _updated(self._conversation, event, me)
                self._show_head(me)
        await self._show(me, window)

    async def _reload(self, me: Identity) -> None:
        if self._conversation is not None:
            await self._open(me, self._conversation.id)

    async def _preload(self, me: Identity) -> None:
        await self._open_address(me)
        self._preloaded = True

    def _show_head(self, me: Identity) -> None:
        conversation = self._conversation
        if conversation is None:
            return
        self._names = {member.id: member.display_name for member in conversation.members}
        if self.head["id"] != str(conversation.id):
            self._other_names = {}
        head = head_of(conversation, viewer_id=me.user_id)
        delivered_seq = min((one.delivered_seq for one in conversation.receipts), default=0)
        read_seq = min((one.read_seq for one in conversation.receipts), default=0)
        set_changed(self, head=head, delivered_seq=delivered_seq, read_seq=read_seq)
        set_changed(self, peer=peer_status(conversation, viewer_id=me.user_id))

    async def _load_names(self, window: Window) -> None:
        """Load the names of authors who are not among the members of the head.

        A large group shows a part of its members there, and some have left.
        """
        authors = {message.sender_id for message in window.messages}
        unknown = authors - self._names.keys() - self._other_names.keys()
        if unknown:
            async with current_node().database.reading() as reading:
                found = await display_names(reading, user_ids=unknown)
            self._other_names = self._other_names | dict.fromkeys(unknown, DELETED_NAME) | found

    async def _show(self, me: Identity, window: Window, *, afresh: bool = False) -> None:
        before = self._window
        if window is before or self._conversation is None:
            return
        await self._load_names(window)
        names = {**self._other_names, **self._names}
        draw = partial(message_rows, viewer_id=me.user_id, names=names)
        # The head of the tail and the end of the rest are each other's neighbours, so each is
        # drawn knowing the other; only the lists that changed are sent.
        if window.older is not before.older:
            shown = repeat(None) if afresh else before.pieces()
            for slot, (piece, old) in enumerate(zip(window.pieces(), shown, strict=False)):
                if piece != old:
                    rows = draw(piece.messages, above=piece.above, below=piece.below)
                    set_changed(self, **{f"older_{slot}": rows})
        if window.tail is not before.tail:
            above = window.older[-1] if window.older else None
            set_changed(self, tail=draw(window.tail, above=above))
        self._window = window
        set_changed(self, has_older=window.has_older, has_newer=window.has_newer)

    def _clear(self) -> None:
        self._conversation = None
        self._window = Window()
        set_changed(self, head=NO_HEAD, peer=HIDDEN, tail=[], has_older=False, has_newer=False)
        set_changed(self, **{f"older_{slot}": [] for slot in range(PIECES)})
        set_changed(
            self, new_from=0, own_read_seq=0, delivered_seq=0, read_seq=0, problem="", missing=""
        )


def _address_id(path: str) -> str:
    return path.removeprefix(CHAT_PATH).rstrip("/")


async def _load_conversation(me: Identity, conversation_id: UUID) -> Conversation:
    node = current_node()
    async with node.database.reading() as reading:
        return await get_conversation(
            reading, viewer_id=me.user_id, conversation_id=conversation_id, online=node.online
        )


async def _load_window(me: Identity, conversation_id: UUID, *, since: int | None = None) -> Window:
    """Load the newest messages, or those from `since` on."""
    page = await history(
        current_node().database,
        viewer_id=me.user_id,
        conversation_id=conversation_id,
        after=since - 1 if since else None,
        limit=MAX_WINDOW if since else PAGE_SIZE,
    )
    current_node().deliveries.record_page(page.items, viewer_id=me.user_id)
    if since is None:
        return Window.of(page.items, has_older=page.has_more)
    if not page.items:
        # The address names a message that does not exist yet.
        return await _load_window(me, conversation_id)
    return Window.of(page.items, has_older=since > 1, has_newer=page.has_more)


def _updated(
    conversation: Conversation, event: AnyEvent, me: Identity
) -> conversation_updates.Conversations:
    followed = conversation_updates.apply((conversation,), event, viewer_id=me.user_id)
    return tuple(one for one in followed if one.id == conversation.id)
