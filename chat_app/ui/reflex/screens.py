"""Screens that load before their page is sent.

A screen is a state with the private method below: unlike its public ones, it cannot be called from
the wire.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import reflex as rx
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event

from chat_app.accounts.schemas import Identity
from chat_app.ui.reflex.guard import HYDRATE
from chat_app.ui.session import SessionState


class PreloadedScreen(Protocol):
    """A state that is filled before its page is first sent."""

    async def _preload(self, me: Identity, /) -> None:
        """Load what the page shows."""


class Preload(Middleware):
    """Load the screens of a route when a tab connects; the guard has let it in before.

    A tab whose link broke comes back to an empty state. Reflex first sends such a state as it is,
    and then lets the page's handlers fill it: the screen would go blank for a moment, and the box
    that has the focus would lose it. Loaded first, the page comes in one piece, and sooner.
    """

    def __init__(self, routes: Mapping[str, Sequence[type[PreloadedScreen]]]) -> None:
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
            for screen in self._routes.get(root.router_data.get("pathname", ""), ()):
                state = await root.get_state(cast("type[BaseState]", screen))
                await cast("PreloadedScreen", state)._preload(identity)
        return None
