"""Handlers of the notices of due reminders, which every page has."""

import contextlib

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.core.errors import AppError
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import parse_id_or_nil
from chat_app.ui.reminders.view import DueView
from chat_app.ui.session import require_identity


class RemindersState(rx.State):
    """Loads, with every page, the reminders that became due while no device was connected."""

    @rx.event
    async def dismiss(self, message_id: str) -> None:
        """Withdraw the notice of a message from the other devices: here it is gone already."""
        me = await require_identity(self)
        # Where that fails it stays there, and can be dismissed there.
        with contextlib.suppress(AppError):
            await current_node().due_items.dismiss(
                actor_id=me.user_id, message_id=parse_id_or_nil(str(message_id))
            )

    async def _preload(self, _me: Identity) -> None:
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(DueView).open()
