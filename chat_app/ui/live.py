"""News from the hub, brought to every open tab."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.realtime.events import Event


@dataclass(frozen=True, slots=True)
class LiveScreen:
    """How one screen takes part in the live updates of a tab.

    Both functions get the root state of the tab, locked, and reach their own state with
    `await root.get_state(…)`. What they change is sent to the browser once they are all through.

    A tab hears the hub before its screens load anything. So news may come twice (once in what was
    loaded, once as an event) but never not at all: `apply` must be harmless the second time, and do
    nothing for a screen that has not loaded yet.
    """

    apply: Callable[[rx.State, Identity, Sequence[Event]], Awaitable[None]]
    """Bring what is shown up to date with these events, oldest first."""

    reload: Callable[[rx.State, Identity], Awaitable[None]]
    """Load what is shown afresh: the tab was too slow and may have missed events."""
