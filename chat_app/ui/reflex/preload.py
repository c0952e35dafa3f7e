"""Loading what a page shows before the page is told anything.

A tab whose link broke comes back to a state without memory. Reflex first sends such a state as it
is, and then lets the page's handlers fill it: the screen would go blank for a moment, and the box
one is writing in would lose the focus. So the page is loaded first; it comes in one piece, sooner.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import reflex as rx
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event

from chat_app.accounts.schemas import Identity
from chat_app.ui.session import SessionState

HYDRATE = "reflex___state____state.hydrate_and_load"

Load = Callable[[BaseState, Identity], Awaitable[None]]


class Preload(Middleware):
    """Calls the loads of a route when a tab connects; the guard has let it in before."""

    def __init__(self, routes: Mapping[str, Sequence[Load]]) -> None:
        self._routes = routes

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Load the page, if this is the first event of a socket."""
        del app
        if event.name != HYDRATE:
            return None
        root = state._get_root_state()
        session = await root.get_state(SessionState)
        identity = session._identity()
        if identity is not None:
            for load in self._routes.get(root.router_data.get("pathname", ""), ()):
                await load(root, identity)
        return None
