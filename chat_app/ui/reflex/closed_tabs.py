"""What Reflex still holds of a tab whose socket has ended."""

import asyncio

import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory

# The last events of a tab may still be at work when its socket is gone; they would make the state
# of a forgotten tab anew.
GRACE_S = 30.0


class ClosedTabs:
    """Forgets the states of closed tabs.

    By itself Reflex keeps a state until nobody has touched it for a while: too long for a tab that
    is closed, and too short for one that is open and quiet. So `rxconfig.py` puts that while off,
    and this takes its place.
    """

    def __init__(self, app: rx.App) -> None:
        self._app = app

    def forget(self, token: str) -> None:
        """Forget a closed tab's state, soon."""
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
