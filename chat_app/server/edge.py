"""Edge: the outermost ASGI layer, with dispatch, security headers, request ids and access log.

It imports neither framework: the composition root passes both applications to it.
"""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeAlias
from uuid import uuid4

import structlog

from chat_app.core import request_context
from chat_app.core.errors import CannotStart
from chat_app.core.local_request import is_local_request
from chat_app.core.logs import without_token
from chat_app.core.metrics import Metrics
from chat_app.core.own_origins import own_origins
from chat_app.core.request_context import RequestContext
from chat_app.core.settings import Settings
from chat_app.core.traces import Span, Traces

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

REQUEST_ID = b"x-request-id"
WELL_FORMED_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"])
# Requested all the time by programs, or many at once by a page: logged at DEBUG.
QUIET = ("/api/health/", "/api/metrics", "/assets/")
SLOW_S = 1.0
MAX_LOGGED_PATH = 200
STARTUP_FAILED = "lifespan.startup.failed"
IMMUTABLE = b"public, max-age=31536000, immutable"

log = structlog.get_logger("chat_app.server.edge")


def dispatch(api: AsgiApp, pages: AsgiApp) -> AsgiApp:
    """Send `/api` and `/ws` to the program's door, everything else to the browser's.

    The lifespan goes to the browser's door, which enters the other one's.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await pages(scope, receive, send)
        elif is_api(scope["path"]):
            await api(scope, receive, send)
        else:
            await pages(_as_page(scope), receive, send)

    return app


def edge(
    app: AsgiApp,
    settings: Settings,
    metrics: Metrics | None = None,
    traces: Traces | None = None,
) -> AsgiApp:
    """Give every request an id, every reply the security headers, and write the access log."""
    security_of = lru_cache(security_headers)
    counted = _Counted(metrics or Metrics())
    traced = _Traced(traces or Traces(), settings)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _run_lifespan(app, scope, receive, send)
            return
        security = security_of(own_origins(settings, scope.get("server")))
        reply = _Reply(scope, send, security)
        scope = {**scope, "headers": reply.request_headers}
        if reply.method == "HEAD" and is_api(scope["path"]):
            # It works wherever GET does; the server sends no body (RFC 9110, section 9.3.2).
            scope["method"] = "GET"
        request_context.set_current(
            RequestContext(reply.request_id.decode(), traced.begun_by(scope))
        )
        try:
            if scope["type"] == "http":
                with traced.request(reply) as span:
                    await app(scope, receive, reply.send)
                    traced.name(span, reply, route_of(scope))
            else:
                await app(scope, receive, reply.send)
        finally:
            counted.add(reply, route_of(scope))
            reply.write_log()
            request_context.set_current(request_context.NONE)

    return guarded


def security_headers(origins: tuple[str, ...]) -> Headers:
    """Return the headers by which browsers restrict our replies to pages of these origins."""
    headers = [
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"content-security-policy", security_policy(origins).encode()),
    ]
    if origins[0].startswith("https://"):
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    return headers


def security_policy(origins: tuple[str, ...], inline_scripts: str = "") -> str:
    """Return the Content-Security-Policy; `inline_scripts` are the hashes of those that may run."""
    live = " ".join(origin.replace("http", "ws", 1) for origin in origins)
    policy = {
        "default-src": "'self'",
        "script-src": f"'self' {inline_scripts}".rstrip(),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        # Of files that wait to be sent.
        "media-src": "'self' blob:",
        "font-src": "'self' data:",
        # Some browsers do not count the own host's WebSockets as 'self'.
        "connect-src": f"'self' {live}",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def route_of(scope: Scope) -> str:
    """Return the route of a request: its path template, without the values in it."""
    template: str | None = scope.get("path_template")
    if template:
        return template
    if is_api(scope["path"]):
        return "unknown"
    return "/_event" if scope["type"] == "websocket" else "pages"


class _Counted:
    """The request counters; no label is taken from input."""

    def __init__(self, metrics: Metrics) -> None:
        self._requests = metrics.counters(
            "chat_http_requests_total", "Requests answered", "method", "route", "status"
        )
        self._seconds = metrics.histograms(
            "chat_http_request_seconds", "From a request to the end of its reply", "route"
        )

    def add(self, reply: "_Reply", route: str) -> None:
        self._requests.of(reply.known_method, route, str(reply.status or 500)).add()
        if reply.method != "WEBSOCKET":
            self._seconds.of(route).add(reply.seconds)


class _Traced:
    """The spans of requests. A socket has none: it is open for days, and its frames have spans."""

    def __init__(self, traces: Traces, settings: Settings) -> None:
        self._traces = traces
        self._settings = settings

    def begun_by(self, scope: Scope) -> str:
        """Return where the trace of a trusted caller goes on, or nothing.

        The caller of a continued trace decides whether its spans are kept and to which they belong.
        """
        if not self._traces.are_on:
            return ""
        given = [value for name, value in scope["headers"] if name == b"traceparent"]
        if len(given) != 1 or not TRACEPARENT.fullmatch(given[0]):
            return ""
        trusted = self._settings.otel_callers == "all" or is_local_request(
            scope["headers"],
            client=scope.get("client"),
            server=scope.get("server"),
            public_url=self._settings.public_url,
        )
        return given[0].decode() if trusted else ""

    def request(self, reply: "_Reply") -> AbstractContextManager[Span]:
        return self._traces.span(reply.known_method, "server")

    def name(self, span: Span, reply: "_Reply", route: str) -> None:
        if self._traces.are_on:
            span.rename(f"{reply.known_method} {route}")
            span.set_attribute("http.request.method", reply.known_method)
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", reply.status)


class _Reply:
    """One request's reply on its way out."""

    def __init__(self, scope: Scope, send: Send, security: Headers) -> None:
        self._send = send
        self._security = security
        self.method = scope.get("method", "WEBSOCKET")
        self._path = scope["path"]
        self.status = 0
        self._started = time.perf_counter()
        given = dict(scope["headers"]).get(REQUEST_ID, b"")
        self.request_id = given if WELL_FORMED_REQUEST_ID.fullmatch(given) else uuid4().hex.encode()
        self.request_headers = [pair for pair in scope["headers"] if pair[0] != REQUEST_ID]
        self.request_headers.append((REQUEST_ID, self.request_id))

    async def send(self, message: Message) -> None:
        """Forward a message, with completed headers where it has headers."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            message = {**message, "headers": self._complete(list(message.get("headers", ())))}
        elif kind == "websocket.accept":
            self.status = 101
            message = {**message, "headers": _without_cors(message.get("headers", ()))}
        elif kind == "websocket.close" and not self.status:
            self.status = 403
        await self._send(message)

    @property
    def known_method(self) -> str:
        """The method, or `other` if it is not one of HTTP."""
        return self.method if self.method in METHODS else "other"

    @property
    def seconds(self) -> float:
        """The seconds since the request."""
        return time.perf_counter() - self._started

    def write_log(self) -> None:
        """Write the access log. Never the query: Reflex puts the key of a tab there."""
        seconds = self.seconds
        # A socket takes as long as it is open.
        slow = seconds > SLOW_S and self.method != "WEBSOCKET"
        quiet = self._path.startswith(QUIET) and self.status < HTTPStatus.BAD_REQUEST
        (log.warning if slow else log.debug if quiet else log.info)(
            "request",
            method=self.method,
            path=without_token(self._path)[:MAX_LOGGED_PATH],
            status=self.status or 500,
            ms=round(seconds * 1000, 1),
            **({"slow": True} if slow else {}),
        )

    def _complete(self, headers: Headers) -> Headers:
        headers = [_with_head(pair) for pair in _without_cors(headers)]
        present = {name.lower() for name, _ in headers}
        headers += [pair for pair in self._security if pair[0] not in present]
        if REQUEST_ID not in present:
            headers.append((REQUEST_ID, self.request_id))
        if b"cache-control" not in present:
            headers.append((b"cache-control", self._cache_control()))
        return headers

    def _cache_control(self) -> bytes:
        if is_api(self._path):
            return b"no-store"
        # Vite puts a hash of its content into the name of everything in `/assets/`.
        if self._path.startswith("/assets/") and self.status in (200, 304):
            return IMMUTABLE
        return b"no-cache"


def is_api(path: str) -> bool:
    """Return whether a path belongs to the program's door."""
    return path in ("/api", "/ws") or path.startswith("/api/")


def _as_page(scope: Scope) -> Scope:
    # On disk a page is a folder. Asked for without its slash, Reflex would answer with a redirect,
    # and behind a proxy even one to plain HTTP.
    path = scope["path"]
    is_page = scope["type"] == "http" and not path.endswith("/") and "." not in path
    return {**scope, "path": f"{path}/"} if is_page else scope


def _with_head(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    # The methods of a 405 and of OPTIONS, in a fixed order, with the HEAD that the edge adds.
    if pair[0].lower() != b"allow":
        return pair
    methods = {method.strip() for method in pair[1].split(b",")}
    return pair[0], b", ".join(sorted(methods | ({b"HEAD"} if b"GET" in methods else set())))


def _without_cors(headers: Headers) -> Headers:
    # One origin serves everything, so these are not needed; Reflex adds them by itself.
    return [pair for pair in headers if not pair[0].lower().startswith(b"access-control-")]


async def _run_lifespan(app: AsgiApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run the lifespan of an application; report a CannotStart without a traceback."""
    failed: list[Message] = []

    async def pass_on(message: Message) -> None:
        if message["type"] == STARTUP_FAILED:
            failed.append(message)
        else:
            await send(message)

    try:
        await app(scope, receive, pass_on)
    except Exception as error:
        reason = _cannot_start_in(error)
        if reason is None:
            raise
        failed = [{"type": STARTUP_FAILED, "message": str(reason)}]
    finally:
        for message in failed:
            await send(message)


def _cannot_start_in(error: Exception) -> CannotStart | None:
    # Litestar raises the errors of its lifespan as a group.
    if isinstance(error, ExceptionGroup):
        return next(filter(None, map(_cannot_start_in, error.exceptions)), None)
    return error if isinstance(error, CannotStart) else None
