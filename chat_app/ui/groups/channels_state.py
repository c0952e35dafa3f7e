"""State of the screen of open groups."""

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.conversations.groups.queries import list_channels
from chat_app.core.errors import AppError
from chat_app.ui.current_node import current_node
from chat_app.ui.groups.rows import ChannelRow, channel_row
from chat_app.ui.reflex.vars import BrowserEvent, parse_id, set_changed
from chat_app.ui.session import require_identity

ROUTE = "/channels"
MAX_QUERY_LENGTH = 64
MAX_SHOWN_ID = 100


class ChannelsState(rx.State):
    """The open groups whose titles contain the query.

    `failed_id` is the group whose button failed last, and `failed` the reason.
    """

    channels: list[ChannelRow] = []
    query: str = ""
    loaded: bool = False
    has_more: bool = False
    problem: str = ""
    failed_id: str = ""
    failed: str = ""

    _next_after: str | None = None
    # Loaded by `_preload`: the page's own handler need not load again.
    _preloaded: bool = False

    @rx.event
    async def load(self) -> None:
        """Load the open groups."""
        me = await require_identity(self)
        if not self._preloaded:
            await self._load(me, "")
        self._preloaded = False

    @rx.event
    async def search(self, text: str) -> None:
        """Show the open groups whose titles contain the text."""
        me = await require_identity(self)
        await self._load(me, str(text).strip()[: MAX_QUERY_LENGTH + 1])

    @rx.event
    async def load_more(self) -> None:
        """Show further groups."""
        me = await require_identity(self)
        if self._next_after is not None:
            await self._load(me, self.query, after=self._next_after)

    @rx.event
    async def join(self, group_id: str) -> BrowserEvent | None:
        """Join an open group, and open it."""
        me = await require_identity(self)
        try:
            wanted = parse_id(group_id)
            joined = await current_node().groups.join(actor_id=me.user_id, conversation_id=wanted)
        except AppError as error:
            set_changed(self, failed_id=str(group_id)[:MAX_SHOWN_ID], failed=error.detail)
            return None
        return rx.redirect(f"/chat/{joined.id}")

    async def _load(self, me: Identity, query: str, *, after: str | None = None) -> None:
        try:
            page = await list_channels(
                current_node().database, viewer_id=me.user_id, text=query, after=after
            )
        except AppError as error:
            self.problem = error.detail
            return
        rows = [channel_row(one) for one in page.items]
        self._next_after = page.next_after
        set_changed(self, channels=[*self.channels, *rows] if after else rows, query=query)
        set_changed(self, has_more=page.next_after is not None)
        set_changed(self, loaded=True, problem="", failed_id="", failed="")

    async def _preload(self, me: Identity) -> None:
        await self._load(me, "")
        self._preloaded = True
