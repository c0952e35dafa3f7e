"""Opening the live socket `/ws`: where from, whose, and how many."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import structlog
from litestar import websocket

from chat_app.accounts.schemas import AuthenticatedUser
from chat_app.api import frames
from chat_app.api.auth import is_own_origin
from chat_app.api.formats import JSON, Format, Received, WrongKind, agreed
from chat_app.api.frame_budget import TOO_MANY, Refused
from chat_app.api.live import LiveSocket, Socket, counted_in, receive
from chat_app.core.errors import AppError
from chat_app.node.node import Node
from chat_app.realtime.outlet import SESSION_OVER

AUTH_WITHIN_S = 10

FORBIDDEN = 4403
NOT_IN_TIME = 4408
UNAVAILABLE = 1013

log = structlog.get_logger(__name__)


@websocket("/ws")
async def live_socket(socket: Socket) -> None:
    """Serve one socket until either side ends it."""
    node: Node = socket.app.state.node
    origin = socket.headers.get("origin")
    cookie = socket.cookies.get(node.settings.cookie_name)
    own = origin is not None and is_own_origin(origin, node.settings)
    if not own and (origin is not None or cookie is not None):
        # Closed before it was accepted: the upgrade is answered with 403.
        await socket.close(FORBIDDEN, "foreign origin")
        return
    chosen = agreed(socket.scope.get("subprotocols", []))
    await socket.accept(subprotocols=chosen.subprotocol if chosen else None)
    spoken = chosen or JSON
    try:
        known = await _authenticate(socket, spoken, node, cookie)
        async with _counted(node, known.identity.user_id):
            # What happens from here on comes after the greeting.
            outlet, unread = await node.enter(known.identity)
            async with outlet:
                live = LiveSocket(socket, spoken, node, known.identity, outlet)
                await live.run(user=known.user, unread=unread)
    except Refused as refusal:
        await _close(socket, refusal.code, refusal.reason)
    except AppError as error:
        log.warning("socket.failed", code=error.code)
        await _close(socket, UNAVAILABLE, error.code)


@contextlib.asynccontextmanager
async def _counted(node: Node, user_id: UUID) -> AsyncIterator[None]:
    """Count a user's sockets; tabs of the screens do not count. Raises Refused beyond the limit."""
    async with node.sockets.track(user_id) as number:
        if node.settings.limits == "on" and number > node.settings.limit_sockets_per_user:
            raise Refused(TOO_MANY, "too many sockets")
        yield


async def _authenticate(
    socket: Socket, spoken: Format, node: Node, cookie: str | None
) -> AuthenticatedUser:
    """Return whose socket this is, by the cookie or else by the first frame."""
    if cookie is not None:
        known = await node.accounts.authenticate_cookie(cookie)
    else:
        try:
            async with asyncio.timeout(AUTH_WITHIN_S):
                first = await receive(socket)
        except TimeoutError:
            raise Refused(NOT_IN_TIME, "no auth in time") from None
        frame = _first(spoken, first)
        if not isinstance(frame, frames.Auth):
            raise Refused(SESSION_OVER, "not authenticated")
        known = await node.accounts.authenticate_token(frame.content)
    if known is None:
        raise Refused(SESSION_OVER, "not authenticated")
    return known


def _first(
    spoken: Format, received: Received | None
) -> frames.AnyClientFrame | frames.Error | None:
    if received is None or spoken.is_too_big(received):
        return None
    try:
        return spoken.read(received)
    except WrongKind:
        return None


async def _close(socket: Socket, code: int, reason: str) -> None:
    counted_in(socket).closed.of(str(code)).add()
    # The other side may have gone in this moment, which is what we want anyway.
    with contextlib.suppress(OSError, RuntimeError):
        await socket.send({"type": "websocket.close", "code": code, "reason": reason})
