"""The signed-in user of a tab.

The guard (`chat_app.ui.reflex.guard`) authenticates every event and writes the result here; screens
only read it. The public vars are sent to the browser. The server decides by the backend vars, which
nothing from the wire can change.
"""

from uuid import UUID

import reflex as rx

from chat_app.accounts.schemas import Identity, OwnUser
from chat_app.core.errors import Unauthenticated
from chat_app.ui.reflex.vars import set_changed


class SessionState(rx.State):
    """The signed-in user of this tab, if there is one."""

    user_id: str = ""
    username: str = ""
    display_name: str = ""
    # Whether messages from others play a sound; `news.js` reads it.
    sound: bool = True

    _user_id: UUID | None = None
    _session_id: UUID | None = None
    # Monotonic time of the last authentication.
    _authenticated_at: float = 0.0

    def _identity(self) -> Identity | None:
        if self._user_id is None or self._session_id is None:
            return None
        return Identity(user_id=self._user_id, session_id=self._session_id)

    def _bind(self, identity: Identity, user: OwnUser) -> None:
        self._user_id = identity.user_id
        self._session_id = identity.session_id
        self.user_id = str(user.id)
        self.username = user.username
        self._set_profile(user)

    def _set_profile(self, user: OwnUser) -> None:
        """Set what the user may change in their profile."""
        set_changed(self, display_name=user.display_name, sound=user.sound)


async def require_identity(state: rx.State) -> Identity:
    """Return the identity that a private handler acts for. Raises Unauthenticated without one."""
    session = await state.get_state(SessionState)
    identity = session._identity()
    if identity is None:
        raise Unauthenticated
    return identity
