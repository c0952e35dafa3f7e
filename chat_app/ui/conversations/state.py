"""Handlers of the list of conversations; what it shows is in its view."""

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.ui.conversations.view import ConversationsView
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.session import require_identity


class ConversationsState(rx.State):
    """The events of the list of conversations."""

    @rx.event
    async def load(self) -> None:
        """Send the newest conversations, unless the tab has them."""
        await self._preload(await require_identity(self))

    @rx.event
    async def load_again(self) -> None:
        """Send the newest conversations to a page that does not have them."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(ConversationsView).load(again=True)

    @rx.event
    async def load_more(self) -> None:
        """Send the next page of older conversations."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(ConversationsView).load_more()

    async def _preload(self, _me: Identity) -> None:
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(ConversationsView).load()
