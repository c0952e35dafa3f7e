"""The sockets of tabs: which may connect, which frames pass, and how many.

Reflex gives the state of a tab to every socket that brings the tab's token. So a socket must come
from our own origin, and the token it brings counts for nothing: the server gives each socket one of
its own. Frames must be well-formed and known: others Reflex would answer with a traceback in the
log, and a script could fill the disk with those.
"""

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
import structlog
from reflex_base.registry import RegistrationContext

from chat_app.core.cookies import cookie_values
from chat_app.core.own_origins import own_origins
from chat_app.core.rate_limit import network_of
from chat_app.core.settings import Settings
from chat_app.core.token_bucket import TokenBucket
from chat_app.server.edge import AsgiApp, Headers, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

EVENT_PATH = "/_event"
# The headers that Socket.IO needs. Reflex keeps them as long as the tab is open.
KEPT_HEADERS = (b"connection", b"upgrade", b"origin", b"host", b"sec-websocket-protocol")

TOO_MANY_FRAMES = 4429
BAD_FRAME = 1008

CONNECT = "40/_event,"
EVENT = "42/_event,"
# Engine.IO's answer to the server's heartbeat; Socket.IO's leaving of the namespace.
BARE_FRAMES = ("3", "41/_event,", "41/_event", CONNECT)

# Every state of Reflex has this one: it reaches any method whose name begins with `set_`.
SET_ANY_VAR = ".setvar"


class TooManyTabs(Exception):
    """A user has too many tabs, or too many tabs have not signed in."""


def guard_sockets(
    app: AsgiApp,
    settings: Settings,
    opened: Callable[[str, str], AbstractAsyncContextManager[None]],
) -> AsgiApp:
    """Let only WebSockets from our own pages reach Reflex's event endpoint.

    Reflex keeps the state of a tab under the token that the page chose, for an hour after its
    socket ended, and gives it to the next socket with that token. Ours is a view that every page
    load fills anew, so each socket gets a state of its own, under a token that never leaves the
    server. `opened` is entered with that token and the network of the client for as long as the
    socket is open; where it raises TooManyTabs, the socket is refused.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "lifespan" or not path.startswith("/_"):
            await app(scope, receive, send)
        elif scope["type"] != "websocket" or path.rstrip("/") != EVENT_PATH:
            # Polling, uploads and route lists are not used by our pages.
            await _refuse(scope, send, 404)
        elif not _has_own_origin(scope, settings):
            await _refuse(scope, send, 403)
        else:
            token = str(uuid4())
            frames = Frames(settings, receive, send)
            network = network_of((scope.get("client") or [""])[0])
            try:
                async with opened(token, network):
                    inner = _inner_scope(scope, settings.cookie_names, token)
                    await app(inner, frames.receive, send)
            except TooManyTabs:
                log.warning("tab_socket_refused", network=network)
                await _refuse(scope, send, 429)

    return guarded


def _has_own_origin(scope: Scope, settings: Settings) -> bool:
    given = [value for name, value in scope["headers"] if name == b"origin"]
    own = own_origins(settings, scope.get("server"))
    return len(given) == 1 and given[0].decode("latin-1") in own


def _header(scope: Scope, name: bytes) -> str:
    return "; ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _inner_scope(scope: Scope, cookie_names: Sequence[str], token: str) -> Scope:
    query = urlencode({"EIO": "4", "transport": "websocket", "token": token})
    headers: Headers = [pair for pair in scope["headers"] if pair[0] in KEPT_HEADERS]
    # Under one name: what other programs have set reaches neither Socket.IO nor Reflex.
    secrets = cookie_values(_header(scope, b"cookie"), cookie_names)
    if secrets:
        cookies = "; ".join(f"{cookie_names[0]}={secret}" for secret in secrets)
        headers.append((b"cookie", cookies.encode("latin-1")))
    return {**scope, "query_string": query.encode(), "headers": headers}


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    # Before the upgrade both kinds of request are answered with plain HTTP.
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": []})
    await send({"type": f"{kind}.body", "body": b""})


class _Address(msgspec.Struct, rename={"as_path": "asPath"}):
    """Where a tab is, as Reflex's pages send it."""

    pathname: str = ""
    as_path: str = ""
    query: dict[str, str | list[str]] = {}


class _Event(msgspec.Struct):
    """One event as the browser sends it."""

    name: str
    payload: dict[str, Any] = {}
    router_data: _Address | None = None


class _ConnectData(msgspec.Struct):
    """The data of a connect frame: the first event."""

    event: _Event | None = None


_connect_data = msgspec.json.Decoder(_ConnectData)
_event = msgspec.json.Decoder(_Event)
_message = msgspec.json.Decoder(list[msgspec.Raw])


class Frames:
    """The receiving half of one socket; a frame that may not pass closes it."""

    def __init__(self, settings: Settings, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._budget = None
        if settings.limits == "on":
            self._budget = TokenBucket(
                burst=settings.limit_frame_burst, per_second=settings.limit_frames_per_second
            )

    async def receive(self) -> Message:
        """Return the next message that may pass."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return message
        if self._budget is not None and self._budget.take():
            return await self._close(TOO_MANY_FRAMES)
        if not is_acceptable(message.get("text")):
            return await self._close(BAD_FRAME)
        return message

    async def _close(self, code: int) -> Message:
        log.warning("tab_socket_closed", code=code)
        await self._send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}


def is_acceptable(text: str | None) -> bool:
    """Return whether our own pages could have sent a frame."""
    if text is None:
        return False
    if text in BARE_FRAMES:
        return True
    try:
        if text.startswith(CONNECT):
            data = _connect_data.decode(text[len(CONNECT) :]).event
            return data is None or _is_known(data)
        if text.startswith(EVENT):
            kind, *rest = _message.decode(text[len(EVENT) :])
            return _is_known_message(msgspec.json.decode(kind), rest)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return False


def _is_known_message(kind: object, rest: list[msgspec.Raw]) -> bool:
    if kind == "event" and len(rest) == 1:
        return _is_known(_event.decode(rest[0]))
    # Reflex answers the one, and counts and cuts the other, by itself.
    return (kind == "ping" and not rest) or (kind == "client_error" and len(rest) <= 1)


def _is_known(event: _Event) -> bool:
    """Return whether the event names an existing handler with valid arguments."""
    registered = RegistrationContext.ensure_context().event_handlers.get(event.name)
    if registered is None or event.name.endswith(SET_ANY_VAR):
        return False
    try:
        inspect.signature(registered.handler.fn).bind(None, **event.payload)
    except TypeError:
        return False
    return True
