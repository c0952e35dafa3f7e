"""The live socket `/ws`: check its origin, its user and the limit of sockets, then serve it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import structlog
from litestar import websocket
from litestar.exceptions import WebSocketDisconnect

from chat_app.accounts.schemas import AuthenticatedUser
from chat_app.api import frames
from chat_app.api.auth import is_own_origin, secrets_of
from chat_app.api.formats import JSON, Format, Received, WrongKind, agree
from chat_app.api.frame_intake import TOO_MANY, SocketRefused
from chat_app.api.live import LiveSocket, Socket, metrics_of, receive
from chat_app.core.errors import AppError
from chat_app.node.node import Node
from chat_app.realtime.outlet import SESSION_OVER

AUTH_TIMEOUT_S = 10

FORBIDDEN = 4403
AUTH_TIMED_OUT = 4408
UNAVAILABLE = 1013

log = structlog.get_logger(__name__)


@websocket("/ws")
async def live_socket(socket: Socket) -> None:
    """Serve one socket until either side ends it."""
    node: Node = socket.app.state.node
    origin = socket.headers.get("origin")
    secrets = secrets_of(socket, node.settings)
    own = origin is not None and is_own_origin(origin, socket, node.settings)
    if not own and (origin is not None or secrets):
        # A close before the accept answers the upgrade with 403.
        await socket.close(FORBIDDEN, "foreign origin")
        return
    chosen = agree(socket.scope.get("subprotocols", []))
    await socket.accept(subprotocols=chosen.subprotocol if chosen else None)
    fmt = chosen or JSON
    try:
        known = await _authenticate(socket, fmt, node, secrets)
        async with _limit_sockets(node, known.identity.user_id):
            # Subscribed from here on: later events follow the greeting.
            outlet, unread = await node.open_with_unread(known.identity)
            async with outlet:
                live = LiveSocket(socket, fmt, node, known.identity, outlet)
                generation = await node.generation()
                await live.run(user=known.user, unread=unread, generation=generation)
    except SocketRefused as refusal:
        await _close(socket, refusal.code, refusal.reason)
    except AppError as error:
        log.warning("socket.failed", code=error.code)
        await _close(socket, UNAVAILABLE, error.code)


@contextlib.asynccontextmanager
async def _limit_sockets(node: Node, user_id: UUID) -> AsyncIterator[None]:
    """Count a socket of a user while the block lasts. Raises SocketRefused beyond the limit."""
    async with node.sockets.track(user_id) as number:
        if node.settings.limits == "on" and number > node.settings.limit_sockets_per_user:
            raise SocketRefused(TOO_MANY, "too many sockets")
        yield


async def _authenticate(
    socket: Socket, fmt: Format, node: Node, secrets: Sequence[str]
) -> AuthenticatedUser:
    """Return the user of a socket, by its cookie or else by its first frame."""
    if secrets:
        known = await node.accounts.authenticate_cookies(secrets)
    else:
        try:
            async with asyncio.timeout(AUTH_TIMEOUT_S):
                first = await receive(socket)
        except TimeoutError:
            raise SocketRefused(AUTH_TIMED_OUT, "no auth in time") from None
        frame = _first_frame(fmt, first)
        if not isinstance(frame, frames.Auth):
            raise SocketRefused(SESSION_OVER, "not authenticated")
        known = await node.accounts.authenticate_token(frame.content)
    if known is None:
        raise SocketRefused(SESSION_OVER, "not authenticated")
    return known


def _first_frame(
    fmt: Format, received: Received | None
) -> frames.AnyClientFrame | frames.Error | None:
    if received is None or fmt.is_too_big(received):
        return None
    try:
        return fmt.read(received)
    except WrongKind:
        return None


async def _close(socket: Socket, code: int, reason: str) -> None:
    metrics_of(socket).closed.of(str(code)).add()
    # The peer may have closed the socket at this moment, which has the same result.
    with contextlib.suppress(OSError, RuntimeError, WebSocketDisconnect):
        await socket.send({"type": "websocket.close", "code": code, "reason": reason})
