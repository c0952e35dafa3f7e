"""The signed-in user of a tab.

The guard (`chat_app.ui.reflex.guard`) authenticates every event and writes the result here; screens
only read it. Nothing of it is sent to the browser, and nothing from the wire can change it.
"""

from uuid import UUID

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.core.errors import Unauthenticated


class SessionState(rx.State):
    """The signed-in user of this tab, if there is one."""

    _user_id: UUID | None = None
    _session_id: UUID | None = None
    # Monotonic time of the last authentication.
    _authenticated_at: float = 0.0

    def _identity(self) -> Identity | None:
        if self._user_id is None or self._session_id is None:
            return None
        return Identity(user_id=self._user_id, session_id=self._session_id)

    def _bind(self, identity: Identity) -> None:
        self._user_id = identity.user_id
        self._session_id = identity.session_id


async def require_identity(state: rx.State) -> Identity:
    """Return the identity that a private handler acts for. Raises Unauthenticated without one."""
    session = await state.get_state(SessionState)
    identity = session._identity()
    if identity is None:
        raise Unauthenticated
    return identity
