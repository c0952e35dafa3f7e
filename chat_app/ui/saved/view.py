"""The messages that a tab's user has saved."""

from collections.abc import Mapping, Sequence

from chat_app.core.errors import AppError
from chat_app.messages.saved.queries import list_saved, saved_ids
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRemoved,
    MessageDeleted,
    MessageUpdated,
    SavedUpdated,
)
from chat_app.ui.conversations.titles import conversation_titles, name_in
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.patches import Patch, difference
from chat_app.ui.reflex.tab import Tab
from chat_app.ui.saved.rows import FoundRow, found_row

# The ids of saved messages, for the menus of messages; and the messages, while they are shown.
IDS = "saved"
LIST = "bookmarks"
# As many are loaded again after a change; further ones with the button.
MAX_RELOADED = 500


class SavedView:
    """The saved messages of a user: the ids, once a menu needs them, and those on their screen.

    About the list of messages: `loaded`, a `problem`, and `has_more`.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._has_ids = self._is_open = False
        self._rows: Mapping[str, FoundRow] = {}
        self._next_before: str | None = None

    async def follow(self) -> None:
        """Send the ids of what is saved, unless the page has them."""
        if self._has_ids:
            return
        try:
            await self._send_ids()
        except AppError:
            # The menus offer to save what is saved already, which is harmless.
            return

    async def open(self) -> None:
        """Send the saved messages, the latest first, and follow them."""
        self._is_open = True
        try:
            # All of them: the page may have missed a change while its link was down.
            await self._load(least=0, afresh=True)
        except AppError as error:
            self._send(self._rows, problem=error.detail)

    def close(self) -> None:
        """Follow the messages no more, and remove them from the page, which shows another one."""
        self._is_open, self._rows = False, {}
        self._tab.send(Patch(list=LIST, reset=True, about={"loaded": False}))

    async def load_more(self) -> None:
        """Send the next page."""
        if self._next_before is None:
            return
        try:
            rows = await self._page(self._next_before, len(self._rows))
        except AppError as error:
            self._send(self._rows, problem=error.detail)
            return
        self._send({**self._rows, **rows})

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send what these events change."""
        if self._has_ids:
            for event in events:
                if isinstance(event, SavedUpdated):
                    self._send_change(event)
        if self._is_open and any(self._is_changed_by(event) for event in events):
            await self._load(least=min(len(self._rows), MAX_RELOADED))

    async def reload(self) -> None:
        """Send what has changed, as far as the page has it."""
        if self._has_ids:
            await self._send_ids()
        if self._is_open:
            await self._load(least=min(len(self._rows), MAX_RELOADED))

    def _is_changed_by(self, event: AnyEvent) -> bool:
        match event:
            case SavedUpdated() | ConversationRemoved():
                return True
            case MessageUpdated(message=message) | MessageDeleted(message=message):
                return str(message.id) in self._rows
            case _:
                return False

    def _send_change(self, event: SavedUpdated) -> None:
        key = str(event.message_id)
        change = Patch(list=IDS, put=[{"id": key}]) if event.saved else Patch(list=IDS, drop=[key])
        self._tab.send(change)

    async def _send_ids(self) -> None:
        ids = await saved_ids(current_node().database, viewer_id=self._viewer_id)
        self._has_ids = True
        rows = [{"id": str(message_id)} for message_id in ids]
        self._tab.send(Patch(list=IDS, put=rows, reset=True, about={"loaded": True}))

    async def _load(self, *, least: int, afresh: bool = False) -> None:
        rows = await self._page(None, 0)
        while self._next_before is not None and len(rows) < least:
            rows |= await self._page(self._next_before, len(rows))
        self._send(rows, afresh=afresh)

    async def _page(self, before: str | None, place: int) -> dict[str, FoundRow]:
        node = current_node()
        page = await list_saved(node.database, viewer_id=self._viewer_id, before=before)
        ids = {one.message.conversation_id for one in page.items}
        titles = await conversation_titles(ids, viewer_id=self._viewer_id)
        self._next_before = page.next_before
        rows = [
            found_row(
                one.message,
                order,
                viewer_id=self._viewer_id,
                about=name_in(titles, one.message.conversation_id),
            )
            for order, one in enumerate(page.items, place)
        ]
        return {row["id"]: row for row in rows}

    def _send(
        self, rows: Mapping[str, FoundRow], *, problem: str = "", afresh: bool = False
    ) -> None:
        patch = difference(LIST, {} if afresh else self._rows, rows)
        if afresh:
            patch["reset"] = True
        patch["about"] = {
            "loaded": not problem or bool(rows),
            "kept": False,
            "problem": problem,
            "has_more": self._next_before is not None,
        }
        self._rows = rows
        self._tab.send(patch)
