"""The session of a tab, checked on every event that comes through its socket.

Any public method of a state can be called from the wire. So nothing is trusted here: each event,
the first included, authenticates the tab's session again. Without one, a tab can show the public
pages and nothing else.
"""

import time
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

import reflex as rx
import structlog
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event

from chat_app.accounts.schemas import AuthenticatedUser, Identity, OwnUser
from chat_app.core.cookies import cookie_values
from chat_app.core.errors import AppError
from chat_app.core.settings import Settings
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.sockets import TooManyTabs
from chat_app.ui.session import SessionState

log = structlog.get_logger(__name__)

# One page load is five events, which share one authentication. The end of a session closes its tabs
# at once (live.py); if that event is lost, the session's events pass at most this long.
SESSION_CACHE_S = 0.5

# The event that `connection.js` listens for.
TOO_MANY_TABS = "too_many_tabs"

PUBLIC_ROUTES = frozenset({"/login", "/register", "/invite/[token]", "/reset/[token]"})
SIGN_IN_PATH = "/login"
HOME_PATH = "/"
# The first event of a page.
HYDRATE = "reflex___state____state.hydrate_and_load"
# The events that Reflex needs for a page without private state.
PUBLIC_EVENTS = frozenset(
    {
        HYDRATE,
        "reflex___state____state.reflex___state____on_load_internal_state.on_load_internal",
        "reflex___state____state.reflex___state____on_load_internal_state.set_is_hydrated",
    }
)


class Tabs(Protocol):
    """The open tabs, as the guard changes them."""

    async def subscribe(self, token: str, identity: Identity, /) -> None:
        """Show the events of a session in a tab."""

    async def show_profile(self, token: str, user: OwnUser, /) -> None:
        """Show a tab the own profile."""

    async def forget_account(self, token: str, /) -> None:
        """Make the page of a tab forget the account that it showed."""

    async def refuse(self, token: str, error: AppError, /, *, opens: bool) -> None:
        """Show why an event of a tab was refused; a tab that `opens` with it tries again later."""


class SessionGuard(Middleware):
    """Authenticate the tab's session before every event."""

    def __init__(self, settings: Settings, tabs: Tabs) -> None:
        self._cookie_name = settings.cookie_name
        self._tabs = tabs

    async def preprocess(
        self,
        app: rx.App,
        state: BaseState,
        event: Event,
    ) -> StateUpdate | None:
        """Bind the tab to its session; redirect it to the sign-in page without one."""
        root = state._get_root_state()
        session = await root.get_state(SessionState)
        try:
            identity, authenticated = session._identity(), None
            now = time.monotonic()
            if identity is None or now - session._authenticated_at > SESSION_CACHE_S:
                authenticated = await self._authenticate(root)
                identity = authenticated.identity if authenticated is not None else None
                await _bind(root, authenticated)
                session._authenticated_at = now
            token = root.router_data["token"]
            if identity is None:
                if event.name == HYDRATE:
                    await self._tabs.forget_account(token)
                return self._anonymous_update(root, event)
            # Subscribe before anything is loaded: an event may come twice, but is never missed.
            await self._tabs.subscribe(token, identity)
            if authenticated is not None:
                # Another tab or device may have changed the profile since.
                await self._tabs.show_profile(token, authenticated.user)
        except TooManyTabs:
            log.warning("tab_refused")
            await _turn_away(app, root.router_data["token"])
            return StateUpdate()
        except AppError as error:
            log.warning("event_refused", code=error.code, event_name=event.name)
            await self._tabs.refuse(root.router_data["token"], error, opens=event.name == HYDRATE)
            return StateUpdate()
        return None

    async def _authenticate(self, root: BaseState) -> AuthenticatedUser | None:
        headers: Mapping[str, str] = root.router_data.get("headers", {})
        secrets = cookie_values(headers.get("cookie", ""), [self._cookie_name])
        return await current_node().accounts.authenticate_cookies(secrets)

    def _anonymous_update(self, root: BaseState, event: Event) -> StateUpdate | None:
        route = root.router_data.get("pathname", "")
        if route in PUBLIC_ROUTES:
            return None if event.name in PUBLIC_EVENTS else StateUpdate()
        return StateUpdate(events=sign_in_redirect(root.router_data.get("asPath", "")))


async def _turn_away(app: rx.App, token: str) -> None:
    """Disconnect a tab that is one too many; `connection.js` shows the reason there."""
    namespace = app.event_namespace
    sid = namespace.token_to_sid.get(token) if namespace is not None else None
    if namespace is not None and sid is not None:
        await namespace.emit(TOO_MANY_TABS, to=sid)
        await namespace.disconnect(sid)


async def _bind(root: BaseState, authenticated: AuthenticatedUser | None) -> None:
    session = await root.get_state(SessionState)
    if session._identity() == (authenticated.identity if authenticated is not None else None):
        return
    root.reset()
    if authenticated is not None:
        session._bind(authenticated.identity)


def sign_in_redirect(path: str) -> list[Event]:
    """Return the event that redirects to the sign-in page and, after signing in, to `path`."""
    return Event.from_event_type(rx.redirect(f"{SIGN_IN_PATH}?{next_query(path)}".rstrip("?")))


def next_query(path: str) -> str:
    """Return the query that keeps `path`; "" for the home page and for foreign addresses."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or path == HOME_PATH:
        return ""
    return f"next={quote(path, safe='/')}"
