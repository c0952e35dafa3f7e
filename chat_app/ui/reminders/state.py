"""Loading of the notices of due reminders with every page."""

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reminders.view import DueView


class RemindersState(rx.State):
    """Loads, with every page, the reminders that became due while no device was connected."""

    async def _preload(self, _me: Identity) -> None:
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(DueView).open()
