"""The guard in front of every tab: of its socket, and of every event that comes through it.

Reflex gives the state of a tab to whoever knows the tab's token, and any public method of a state
can be called from the wire. So nothing is believed here: a socket must come from our own origin;
the token it brings counts for nothing, the server gives every socket one of its own; and each
event, the first included, asks again whose session it is. Without one, a tab can show the public
pages and nothing else.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlencode
from uuid import uuid4

import reflex as rx
import structlog
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event

from chat_app.accounts.schemas import AuthenticatedUser, Identity
from chat_app.core.errors import AppError
from chat_app.core.settings import Settings
from chat_app.server.edge import AsgiApp, Headers, Receive, Scope, Send
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.frames import Frames
from chat_app.ui.session import SessionState

log = structlog.get_logger("chat_app.ui.reflex.guard")

EVENT_PATH = "/_event"
# What Socket.IO needs of a connection's headers. Reflex keeps them as long as the tab is open.
KEPT_HEADERS = (b"connection", b"upgrade", b"origin", b"host", b"sec-websocket-protocol")

# One page load is five events. A session that ends takes its tabs along at once (live.py); this is
# how long at most an event passes if that news is lost on the way.
TRUST_SECONDS = 0.5

PUBLIC_ROUTES = frozenset({"/login", "/register"})
SIGN_IN = "/login"
HOME = "/"
# The least that Reflex needs to bring a page without private state to life.
PUBLIC_EVENTS = frozenset(
    {
        "reflex___state____state.hydrate_and_load",
        "reflex___state____state.reflex___state____on_load_internal_state.on_load_internal",
        "reflex___state____state.reflex___state____on_load_internal_state.set_is_hydrated",
    }
)


def guard_sockets(
    app: AsgiApp, settings: Settings, opened: Callable[[str], AbstractAsyncContextManager[None]]
) -> AsgiApp:
    """Let only WebSockets from our own pages reach Reflex's event endpoint.

    Reflex keeps the state of a tab under the token that the page chose, for an hour after its
    socket ended, and gives it to the next socket with that token. Ours is a view that every page
    load fills anew, so each socket gets a state of its own, under a token that never leaves the
    server. `opened` is entered with that token for as long as the socket is open.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "lifespan" or not path.startswith("/_"):
            await app(scope, receive, send)
        elif scope["type"] != "websocket" or path.rstrip("/") != EVENT_PATH:
            # Polling, uploads, route lists: nothing of ours uses them.
            await _refuse(scope, send, 404)
        elif not _is_from(scope, settings.public_url):
            await _refuse(scope, send, 403)
        else:
            token = str(uuid4())
            frames = Frames(settings, receive, send)
            async with opened(token):
                inner = _as_reflex_sees_it(scope, settings.cookie_name, token)
                await app(inner, frames.receive, send)

    return guarded


def session_cookie(header: str, name: str) -> str | None:
    """Return the session cookie out of a Cookie header."""
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return morsel.value if morsel else None


class SessionGuard(Middleware):
    """Ask before every event whose session the tab belongs to."""

    def __init__(
        self, settings: Settings, follow: Callable[[str, Identity], Awaitable[None]]
    ) -> None:
        self._cookie_name = settings.cookie_name
        self._follow = follow

    async def preprocess(
        self,
        app: rx.App,  # noqa: ARG002  # what Reflex calls with
        state: BaseState,
        event: Event,
    ) -> StateUpdate | None:
        """Bind the tab to its session; without one, send it to the sign-in page."""
        root = state._get_root_state()
        session = await root.get_state(SessionState)
        try:
            identity = session._identity()
            now = time.monotonic()
            if identity is None or now - session._asked_at > TRUST_SECONDS:
                known = await self._ask(root)
                identity = known.identity if known is not None else None
                await _bind(root, known)
                session._asked_at = now
            if identity is None:
                return self._for_anonymous(root, event)
            # Subscribed before anything is loaded: what happens meanwhile comes twice, not never.
            await self._follow(root.router_data["token"], identity)
        except AppError as error:
            log.warning("event_refused", code=error.code, event_name=event.name)
            return StateUpdate()
        return None

    async def _ask(self, root: BaseState) -> AuthenticatedUser | None:
        headers: Mapping[str, str] = root.router_data.get("headers", {})
        cookie = session_cookie(headers.get("cookie", ""), self._cookie_name)
        return await current_node().accounts.authenticate_cookie(cookie)

    def _for_anonymous(self, root: BaseState, event: Event) -> StateUpdate | None:
        route = root.router_data.get("pathname", "")
        if route in PUBLIC_ROUTES:
            return None if event.name in PUBLIC_EVENTS else StateUpdate()
        return StateUpdate(events=sign_in_redirect(root.router_data.get("asPath", "")))


async def _bind(root: BaseState, known: AuthenticatedUser | None) -> None:
    session = await root.get_state(SessionState)
    if session._identity() == (known.identity if known is not None else None):
        if known is not None:
            # Another tab or device may have changed it since.
            session._show_own(known.user)
        return
    root.reset()
    if known is not None:
        session._bind(known.identity, known.user)


def sign_in_redirect(path: str) -> list[Event]:
    """Return the event that sends a tab to the sign-in page and, after it, back to `path`."""
    return Event.from_event_type(rx.redirect(f"{SIGN_IN}?{way_back(path)}".rstrip("?")))


def way_back(path: str) -> str:
    """Return the query that keeps `path`, or nothing for a path that is not our own."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or path == HOME:
        return ""
    return f"next={quote(path, safe='/')}"


def _is_from(scope: Scope, origin: str) -> bool:
    given = [value for name, value in scope["headers"] if name == b"origin"]
    return given == [origin.encode()]


def _header(scope: Scope, name: bytes) -> str:
    return "; ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _as_reflex_sees_it(scope: Scope, cookie_name: str, token: str) -> Scope:
    query = urlencode({"EIO": "4", "transport": "websocket", "token": token})
    headers: Headers = [pair for pair in scope["headers"] if pair[0] in KEPT_HEADERS]
    cookie = session_cookie(_header(scope, b"cookie"), cookie_name)
    if cookie:
        headers.append((b"cookie", f"{cookie_name}={cookie}".encode("latin-1")))
    return {**scope, "query_string": query.encode(), "headers": headers}


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    # Before the upgrade both kinds of request are answered with plain HTTP.
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": []})
    await send({"type": f"{kind}.body", "body": b""})
