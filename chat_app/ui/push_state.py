"""Handler of what every page says about itself: whether somebody sees it, and needs no push."""

import reflex as rx

from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.session import require_identity


class PushState(rx.State):
    """Takes whether the tab is visible; it is until it says something else, or ends."""

    @rx.event
    async def show(self, visible: bool) -> None:  # noqa: FBT001  # the state of the page
        """Record whether the tab is visible."""
        me = await require_identity(self)
        token = tab_of(self).token
        if visible is True:
            current_node().visible_tabs.show(token, me.session_id)
        else:
            current_node().visible_tabs.hide(token)
