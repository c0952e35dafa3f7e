"""The doors for somebody who is already inside."""

import reflex as rx

from chat_app.ui.reflex.vars import BrowserEvent
from chat_app.ui.session import SessionState


class GateState(rx.State):
    """The pages to sign in and up; anonymous tabs never reach a handler."""

    @rx.event
    async def pass_through(self) -> BrowserEvent | None:
        """Send somebody who is signed in on to the chat."""
        session = await self.get_state(SessionState)
        return rx.redirect("/") if session._identity() is not None else None
