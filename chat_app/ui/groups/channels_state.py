"""Handlers of the screen of open groups; its list is in its view."""

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.core.errors import AppError
from chat_app.ui.current_node import current_node
from chat_app.ui.groups.channels_view import ChannelsView
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import BrowserEvent, parse_id, set_changed
from chat_app.ui.session import require_identity

ROUTE = "/channels"
MAX_QUERY_LENGTH = 64
MAX_SHOWN_ID = 100


class ChannelsState(rx.State):
    """The events of the screen of open groups.

    `failed_id` is the group whose button failed last, and `failed` the reason.
    """

    failed_id: str = ""
    failed: str = ""

    # Loaded by `_preload`: the page's own handler need not load again.
    _preloaded: bool = False

    @rx.event
    async def load(self) -> None:
        """Send the open groups."""
        await require_identity(self)
        if not self._preloaded:
            await self._open("")
        self._preloaded = False

    @rx.event
    async def load_again(self) -> None:
        """Send the open groups to a page that does not have them."""
        await require_identity(self)
        await self._open("")

    @rx.event
    async def search(self, text: str) -> None:
        """Show the open groups whose titles contain the text."""
        await require_identity(self)
        await self._open(str(text).strip()[: MAX_QUERY_LENGTH + 1])

    @rx.event
    async def load_more(self) -> None:
        """Show further groups."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(ChannelsView).load_more()

    @rx.event
    async def close(self) -> None:
        """Follow the list no more: the page shows another one."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            tab.view(ChannelsView).close()

    @rx.event
    async def join(self, group_id: str) -> BrowserEvent | None:
        """Join an open group, and open it."""
        me = await require_identity(self)
        try:
            wanted = parse_id(group_id)
            joined = await current_node().groups.join(actor_id=me.user_id, conversation_id=wanted)
        except AppError as error:
            set_changed(self, failed_id=str(group_id)[:MAX_SHOWN_ID], failed=error.detail)
            # What was shown is out of date.
            tab = tab_of(self)
            async with tab.changing():
                await tab.view(ChannelsView).reload()
            return None
        return rx.redirect(f"/chat/{joined.id}")

    async def _open(self, query: str) -> None:
        set_changed(self, failed_id="", failed="")
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(ChannelsView).open(query)

    async def _preload(self, _me: Identity) -> None:
        await self._open("")
        self._preloaded = True
