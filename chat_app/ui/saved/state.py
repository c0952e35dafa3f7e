"""Handlers of the screen of saved messages; its list is in its view."""

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.saved.view import SavedView
from chat_app.ui.session import require_identity

ROUTE = "/saved"


class SavedState(rx.State):
    """The events of saved messages."""

    # Loaded by `_preload`: the page's own handler need not load again.
    _preloaded: bool = False

    @rx.event
    async def follow(self) -> None:
        """Send which messages are saved, for the menus of messages."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(SavedView).follow()

    @rx.event
    async def load(self) -> None:
        """Send the saved messages."""
        await require_identity(self)
        if not self._preloaded:
            await self._open()
        self._preloaded = False

    @rx.event
    async def load_again(self) -> None:
        """Send the saved messages to a page that does not have them."""
        await require_identity(self)
        await self._open()

    @rx.event
    async def load_more(self) -> None:
        """Show further messages."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(SavedView).load_more()

    @rx.event
    async def close(self) -> None:
        """Follow the list no more: the page shows another one."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            tab.view(SavedView).close()

    async def _open(self) -> None:
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(SavedView).open()

    async def _preload(self, _me: Identity) -> None:
        await self._open()
        self._preloaded = True
