"""The messages that a search in a tab has found."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from chat_app.core.errors import AppError
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRemoved,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
)
from chat_app.realtime.shapes import Message
from chat_app.ui.conversations.rows import timestamp
from chat_app.ui.conversations.titles import conversation_titles, name_in
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.patches import Patch, difference
from chat_app.ui.reflex.tab import Tab
from chat_app.ui.search.rows import HitRow, hit_row, number_found

LIST = "hits"
PAGE = 30
# As many are found again after a change or a break of the link; further ones with the button.
MAX_FOUND_AGAIN = 120
# Messages that would be found now; of more, it is known that there are some.
MAX_NEW = 100
# Until then the index may not have a message. The chat promises half of it.
INDEXED_WITHIN_S = 2.0
NEW = "There are new results"


class _New(NamedTuple):
    """A message that fits the search, and was sent or edited after it."""

    conversation_id: UUID
    noted_at: float


class HitsView:
    """The messages that were found, newest first.

    About the list: `answered`, the number that the page gave its last question; `problem`, why
    that could not be answered; `has_more`; `has_new`, whether there is more to find since; and
    `announcement`, the number of messages as a sentence for screen readers. The page does not keep
    it. What is new is shown once the reader asks again: nothing moves under their finger.
    """

    list_name: ClassVar[str] = LIST
    page_size: ClassVar[int] = PAGE
    notes_new: ClassVar[bool] = True

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._query = ""
        # The conversation that is searched; all of them without one.
        self._scope: UUID | None = None
        self._answered = 0
        self._rows: Mapping[str, HitRow] = {}
        # When each message was last edited.
        self._edited: dict[str, datetime | None] = {}
        self._next_before: str | None = None
        self._new: dict[str, _New] = {}

    async def search(
        self, query: str, scope: UUID | None, *, question: int, least: int = 0
    ) -> None:
        """Send the newest messages that fit the query, at least so many, and follow them."""
        if (query, scope) != (self._query, self._scope):
            self._new = {}
        self._query, self._scope, self._answered = query, scope, question
        asked_at = time.monotonic()
        try:
            rows = await self._find(least=min(least, MAX_FOUND_AGAIN))
        except AppError as error:
            self._next_before = None
            self._send({}, problem=error.detail, resets=True)
            return
        self._new = {
            key: one for key, one in self._new.items() if asked_at - one.noted_at < INDEXED_WITHIN_S
        }
        self._send(rows, resets=True)

    async def load_more(self, *, question: int) -> None:
        """Send the next page."""
        self._answered = question
        if self._next_before is None:
            self._send(self._rows)
            return
        try:
            rows = await self._page(self._next_before, len(self._rows))
        except AppError as error:
            self._send(self._rows, problem=error.detail)
            return
        self._send({**self._rows, **rows})

    def clear(self, *, question: int) -> None:
        """Send that nothing is searched any more."""
        self._query, self._scope, self._answered = "", None, question
        self._next_before, self._new = None, {}
        self._send({}, resets=True)

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send what these events change: an edited text is searched again, which may be found."""
        if not self._query:
            return
        had_new = bool(self._new)
        if self.notes_new:
            await self._note_new(events)
        left = {
            key: row
            for key, row in self._rows.items()
            if not any(_removes(event, row) for event in events)
        }
        if len(left) < len(self._rows) or bool(self._new) != had_new:
            self._send(left)
        if any(self._is_edited_by(event) for event in events):
            await self._search_again()

    async def reload(self) -> None:
        """Search again, if there was a search."""
        if self._query:
            await self._search_again()

    async def _search_again(self) -> None:
        try:
            rows = await self._find(least=min(len(self._rows), MAX_FOUND_AGAIN))
        except AppError as error:
            self._send(self._rows, problem=error.detail)
            return
        self._send(rows)

    async def _note_new(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            match event:
                case MessageCreated(message=message) | MessageUpdated(message=message):
                    await self._note(message)
                case MessageDeleted(message=message):
                    self._new.pop(str(message.id), None)
                case ConversationRemoved(conversation_id=removed):
                    self._new = {
                        key: one for key, one in self._new.items() if one.conversation_id != removed
                    }
                case _:
                    pass

    async def _note(self, message: Message) -> None:
        key = str(message.id)
        if key in self._rows or not self._reaches(message):
            return
        fits = await current_node().search.fits(
            viewer_id=self._viewer_id,
            text=self._query,
            message=message,
            conversation_id=self._scope,
        )
        if not fits:
            self._new.pop(key, None)
        elif len(self._new) < MAX_NEW:
            self._new[key] = _New(message.conversation_id, time.monotonic())

    def _reaches(self, message: Message) -> bool:
        """Return whether the rows reach as far back as a message."""
        if self._next_before is None or not self._rows:
            return True
        oldest = list(self._rows.values())[-1]
        return timestamp(message.created_at) >= oldest["at"]

    def _is_edited_by(self, event: AnyEvent) -> bool:
        if not isinstance(event, MessageUpdated):
            return False
        key = str(event.message.id)
        return key in self._rows and self._edited.get(key) != event.message.edited_at

    async def _find(self, *, least: int) -> dict[str, HitRow]:
        rows = await self._page(None, 0)
        while self._next_before is not None and len(rows) < least:
            rows |= await self._page(self._next_before, len(rows))
        return rows

    async def _page(self, before: str | None, place: int) -> dict[str, HitRow]:
        page = await current_node().search.find(
            viewer_id=self._viewer_id,
            text=self._query,
            before=before,
            limit=self.page_size,
            conversation_id=self._scope,
        )
        ids = {one.conversation.id for one in page.items}
        titles = await conversation_titles(ids, viewer_id=self._viewer_id)
        self._next_before = page.next_before
        rows = [
            hit_row(
                one,
                order,
                is_own=one.message.sender_id == self._viewer_id,
                about=name_in(titles, one.conversation.id),
            )
            for order, one in enumerate(page.items, place)
        ]
        self._edited |= {str(one.message.id): one.message.edited_at for one in page.items}
        return {row["id"]: row for row in rows}

    def _send(self, rows: Mapping[str, HitRow], *, problem: str = "", resets: bool = False) -> None:
        if resets:
            # A page whose link was broken has rows that this view does not know of.
            patch = Patch(list=self.list_name, put=list(rows.values()), reset=True)
        else:
            patch = difference(self.list_name, self._rows, rows)
        has_more = self._next_before is not None
        is_answer = self._query != "" and not problem
        self._new = {key: one for key, one in self._new.items() if key not in rows}
        announcement = NEW if self._new else number_found(len(rows), has_more=has_more)
        patch["about"] = {
            "answered": self._answered,
            "problem": problem,
            "has_more": has_more,
            "has_new": bool(self._new),
            "announcement": announcement if is_answer else "",
        }
        self._rows = rows
        self._edited = {key: edited for key, edited in self._edited.items() if key in rows}
        self._tab.send(patch)


class GoToView(HitsView):
    """The messages that the dialog "Go to" has found, beside those of the search."""

    list_name = "goto"
    page_size = 8
    notes_new = False


def _removes(event: AnyEvent, row: HitRow) -> bool:
    match event:
        case MessageDeleted(message=message):
            return str(message.id) == row["id"]
        case ConversationRemoved(conversation_id=conversation_id):
            return str(conversation_id) == row["conversation_id"]
        case _:
            return False
