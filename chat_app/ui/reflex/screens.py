"""Screens that load before their page is sent, and that follow live events.

A screen is a state with the private methods below: unlike its public ones, they cannot be called
from the wire.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar, cast

import reflex as rx
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event

from chat_app.accounts.schemas import Identity
from chat_app.realtime.events import AnyEvent
from chat_app.ui.reflex.guard import HYDRATE
from chat_app.ui.session import SessionState


class PreloadedScreen(Protocol):
    """A state that is filled before its page is first sent."""

    async def _preload(self, me: Identity, /) -> None:
        """Load what the page shows."""


class LiveScreen(Protocol):
    """A state that takes part in the live updates of its tab.

    Both methods run while the tab is locked, and what they change is sent to the browser once all
    screens are done.

    A tab subscribes to the hub before its screens load anything. So an event may come twice (once
    in what was loaded, once as itself) but is never missed: `_apply_events` must change nothing
    the second time, and nothing of a screen that has not loaded yet.
    """

    async def _apply_events(self, me: Identity, events: Sequence[AnyEvent], /) -> None:
        """Update the shown state by these events, oldest first."""

    async def _reload(self, me: Identity, /) -> None:
        """Load what is shown afresh: the tab was too slow and may have missed events."""


Screen = TypeVar("Screen", PreloadedScreen, LiveScreen)


async def state_of(root: BaseState, screen: type[Screen]) -> Screen:
    """Return a screen's state in a tab, given the tab's root state."""
    state = await root.get_state(cast("type[BaseState]", screen))
    return cast("Screen", state)


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
                loaded = await state_of(root, screen)
                await loaded._preload(identity)
        return None
