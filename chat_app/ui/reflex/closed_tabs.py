"""Removal of the states that Reflex keeps of closed tabs."""

import asyncio

import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory

# The last events of a tab may still be processed after its socket is closed; they would create a
# removed state again.
GRACE_S = 30.0


class ClosedTabs:
    """Removes the states of closed tabs.

    Reflex itself removes a state that was not used for some time: too late for a closed tab, and
    too early for one that is open and idle. So `rxconfig.py` makes that time very long, and states
    are removed here.
    """

    def __init__(self, app: rx.App) -> None:
        self._app = app

    def forget(self, token: str) -> None:
        """Remove a closed tab's state after `GRACE_S`, or later while an event is using it."""
        asyncio.get_running_loop().call_later(GRACE_S, self._forget_now, token)

    def _forget_now(self, token: str) -> None:
        states = self._app.state_manager
        if not isinstance(states, StateManagerMemory):
            return
        key = rx.BaseStateToken(ident=token, cls=rx.State)
        lock = states._states_locks.get(key.lock_key)
        if lock is not None and lock.locked():
            self.forget(token)
        else:
            states._purge_token(key)
