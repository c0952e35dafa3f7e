"""The open groups of `/channels` as one tab shows them."""

from collections.abc import Mapping, Sequence

from chat_app.conversations.groups.queries import list_channels
from chat_app.core.errors import AppError
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRemoved,
    ConversationUpdated,
    MessageCreated,
)
from chat_app.ui.current_node import current_node
from chat_app.ui.groups.rows import ChannelRow, channel_row
from chat_app.ui.reflex.patches import Patch, difference
from chat_app.ui.reflex.tab import Tab

LIST = "channels"
# As many are loaded again after a change; further ones with the button.
MAX_RELOADED = 500


class ChannelsView:
    """The open groups whose titles contain a text, by title.

    About the list: `loaded`, a `problem`, the `query` that found them, and `has_more`. A change of
    a group that the viewer is in, or was, loads it again. Nobody is sent the changes of others.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._query = ""
        self._is_open = False
        self._rows: Mapping[str, ChannelRow] = {}
        self._next_after: str | None = None

    async def open(self, query: str = "") -> None:
        """Send the open groups whose titles contain the text, and follow them."""
        self._is_open, self._query = True, query
        try:
            await self._load(least=0)
        except AppError as error:
            self._send(self._rows, problem=error.detail)

    def close(self) -> None:
        """Follow the list no more, and remove it from the page, which shows another one."""
        self._is_open, self._rows = False, {}
        self._tab.send(Patch(list=LIST, reset=True, about={"loaded": False}))

    async def load_more(self) -> None:
        """Send the next page."""
        if self._next_after is None:
            return
        try:
            rows, self._next_after = await self._page(self._next_after, len(self._rows))
        except AppError as error:
            self._send(self._rows, problem=error.detail)
            return
        self._send({**self._rows, **rows})

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Load the list again where one of these events changes it."""
        if self._is_open and any(self._is_changed_by(event) for event in events):
            await self.reload()

    async def reload(self) -> None:
        """Send what has changed, if the list is shown."""
        if self._is_open:
            await self._load(least=min(len(self._rows), MAX_RELOADED))

    def _is_changed_by(self, event: AnyEvent) -> bool:
        match event:
            case ConversationRemoved():
                return True
            case ConversationUpdated(conversation=conversation):
                return conversation.kind == "group"
            case MessageCreated(message=message):
                return message.notice is not None and str(message.conversation_id) in self._rows
            case _:
                return False

    async def _load(self, *, least: int) -> None:
        rows, after = await self._page(None, 0)
        while after is not None and len(rows) < least:
            more, after = await self._page(after, len(rows))
            rows |= more
        self._next_after = after
        self._send(rows)

    async def _page(
        self, after: str | None, place: int
    ) -> tuple[dict[str, ChannelRow], str | None]:
        page = await list_channels(
            current_node().database, viewer_id=self._viewer_id, text=self._query, after=after
        )
        rows = [channel_row(one, order) for order, one in enumerate(page.items, place)]
        return {row["id"]: row for row in rows}, page.next_after

    def _send(self, rows: Mapping[str, ChannelRow], *, problem: str = "") -> None:
        patch = difference(LIST, self._rows, rows)
        patch["about"] = {
            "loaded": not problem or bool(rows),
            "kept": False,
            "problem": problem,
            "query": self._query,
            "has_more": self._next_after is not None,
        }
        self._rows = rows
        self._tab.send(patch)
