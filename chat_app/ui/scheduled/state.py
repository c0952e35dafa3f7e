"""Handlers of the screen of scheduled messages and reminders; its lists are in its view."""

from datetime import timedelta

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.messages.schemas import ScheduledChange
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import parse_id, set_changed
from chat_app.ui.scheduled.view import ScheduledView
from chat_app.ui.session import require_identity

ROUTE = "/scheduled"
MAX_SHOWN_ID = 100
# By the clock of the server: a time that is over is refused.
AT_ONCE = timedelta(seconds=1)


class ScheduledState(rx.State):
    """The events of scheduled messages and reminders.

    `asked_id` is the scheduled message about which the page asks whether to delete it. `failed_id`
    is the row whose button failed last, and `failed` the reason.
    """

    asked_id: str = ""
    failed_id: str = ""
    failed: str = ""

    # Loaded by `_preload`: the page's own handler need not load again.
    _preloaded: bool = False

    @rx.event
    async def load(self) -> None:
        """Send what is scheduled."""
        await require_identity(self)
        if not self._preloaded:
            await self._open()
        self._preloaded = False

    @rx.event
    async def load_again(self) -> None:
        """Send what is scheduled to a page that does not have it."""
        await require_identity(self)
        await self._open()

    @rx.event
    async def close(self) -> None:
        """Follow the lists no more: the page shows another one."""
        await require_identity(self)
        set_changed(self, asked_id="")
        tab = tab_of(self)
        async with tab.changing():
            tab.view(ScheduledView).close()

    @rx.event
    async def send_now(self, item_id: str) -> None:
        """Send a scheduled message at once, also one that was refused."""
        me = await require_identity(self)
        set_changed(self, failed_id="", failed="")
        try:
            await current_node().due_items.change(
                actor_id=me.user_id,
                item_id=parse_id(item_id),
                data=ScheduledChange(send_at=utc_now() + AT_ONCE),
            )
        except AppError as error:
            self._fail(item_id, error)

    @rx.event
    async def ask(self, item_id: str) -> None:
        """Ask whether to delete a scheduled message."""
        await require_identity(self)
        set_changed(self, failed_id="", failed="", asked_id=str(item_id)[:MAX_SHOWN_ID])

    @rx.event
    async def dismiss(self) -> None:
        """Delete nothing."""
        await require_identity(self)
        set_changed(self, asked_id="")

    @rx.event
    async def delete(self) -> None:
        """Delete the scheduled message about which the page has asked."""
        me = await require_identity(self)
        item_id = self.asked_id
        set_changed(self, asked_id="", failed_id="", failed="")
        try:
            await current_node().due_items.cancel(actor_id=me.user_id, item_id=parse_id(item_id))
        except AppError as error:
            self._fail(item_id, error)

    async def _open(self) -> None:
        set_changed(self, failed_id="", failed="")
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(ScheduledView).open()

    async def _preload(self, _me: Identity) -> None:
        await self._open()
        self._preloaded = True

    def _fail(self, row_id: object, error: AppError) -> None:
        set_changed(self, failed_id=str(row_id)[:MAX_SHOWN_ID], failed=error.detail)
