"""Live socket after sign-in: one reader and one writer over one outlet of the hub."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

from litestar import WebSocket
from pydantic import ValidationError

from chat_app.accounts.schemas import Identity, OwnUser
from chat_app.api import frames
from chat_app.api.formats import MAX_FRAME_BYTES, Format, Received, WrongKind
from chat_app.api.frame_intake import FrameBudget, FrameContexts, SocketMetrics, SocketRefused
from chat_app.api.resume import Cursors, resume
from chat_app.core.errors import AppError, Invalid
from chat_app.core.ids import new_id
from chat_app.core.input import complaints
from chat_app.core.large_json import encode_large
from chat_app.messages.log.batch import Stored
from chat_app.messages.schemas import NewMessage, SendRequest
from chat_app.node.node import Node
from chat_app.realtime.events import Envelope
from chat_app.realtime.outlet import (
    SESSION_OVER,
    TOO_SLOW,
    WRITE_AT_ONCE,
    Outlet,
    OutletClosed,
)

HEARTBEAT_S = 30
# Sends and read marks of one socket that wait to be stored; at this limit its reader pauses.
MAX_PENDING = 256
# The time in which a client can read the last event of an ended session.
LINGER_S = 0.5

FRAME_TOO_BIG = 4413
WRONG_KIND = 1003

Socket = WebSocket[Any, Any, Any]


async def receive(socket: Socket) -> Received | None:
    """Return the next frame; None once the peer has disconnected."""
    message = await socket.receive()
    if message["type"] != "websocket.receive":
        return None
    text = message.get("text")
    return text if text is not None else message.get("bytes", b"")


def metrics_of(socket: Socket) -> SocketMetrics:
    """Return the counters of this process's sockets."""
    metrics: SocketMetrics = socket.app.state.socket_metrics
    return metrics


class LiveSocket:
    """An authenticated socket. Everything sent to it goes through its outlet, in one order."""

    def __init__(
        self, socket: Socket, fmt: Format, node: Node, identity: Identity, outlet: Outlet
    ) -> None:
        self._socket = socket
        self._format = fmt
        self._node = node
        self._identity = identity
        self._outlet = outlet
        self._budget = FrameBudget(node)
        self._cursors = Cursors()
        self._pending = 0
        self._stored = asyncio.Event()
        self._metrics = metrics_of(socket)
        self._contexts = FrameContexts(node, self._metrics.received)

    async def run(self, *, user: OwnUser, unread: dict[UUID, int], generation: UUID) -> None:
        """Send the greeting, then read and write until either ends. Raises SocketRefused."""
        greeting = frames.Ready(
            user=user,
            generation=generation,
            unread=unread,
            heartbeat_s=HEARTBEAT_S,
            max_frame_bytes=MAX_FRAME_BYTES,
        )
        await self._send(b"".join(await encode_large(greeting)))
        self._write_directly()
        writer = asyncio.create_task(self._write())
        tasks = (
            writer,
            asyncio.create_task(self._read()),
            asyncio.create_task(self._wait_for_end()),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, OutletClosed):
                raise SocketRefused(outcome.code, outcome.reason) from None
            if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
                raise outcome

    def _write_directly(self) -> None:
        extensions: dict[str, Any] = self._socket.scope.get("extensions") or {}
        write, fmt = extensions.get(WRITE_AT_ONCE), self._format
        if write is not None:
            self._outlet.write_with(lambda body: write(fmt.encoded(body), is_text=fmt.is_text))

    async def _send(self, body: bytes) -> None:
        await self._socket.send(self._format.send_event(body))

    async def _write(self) -> None:
        while True:
            for envelope in await self._outlet.take():
                await self._send(envelope.body)
                self._outlet.delivered(envelope)
                if self._outlet.ended.is_set():
                    break

    async def _wait_for_end(self) -> None:
        """End with the outlet, even while the writer waits for a client that does not read."""
        await self._outlet.ended.wait()
        if self._outlet.is_too_slow:
            raise SocketRefused(TOO_SLOW, "too slow")
        await asyncio.sleep(LINGER_S)
        raise SocketRefused(SESSION_OVER, "session ended")

    async def _read(self) -> None:
        async for frame in self._frames():
            with self._contexts.enter(frame):
                if isinstance(frame, frames.Send | frames.Read):
                    await self._submit(frame)
                elif isinstance(frame, frames.Error):
                    self._reply(frame)
                else:
                    await self._answer(frame)

    async def _frames(self) -> AsyncIterator[frames.AnyClientFrame | frames.Error]:
        while (received := await receive(self._socket)) is not None:
            if self._format.is_too_big(received):
                raise SocketRefused(FRAME_TOO_BIG, "frame too big")
            self._budget.take()
            try:
                frame = self._format.read(received)
            except WrongKind:
                raise SocketRefused(WRONG_KIND, f"not {self._format.subprotocol}") from None
            yield frame

    async def _submit(self, frame: frames.Send | frames.Read) -> None:
        """Queue a message or read mark; its ack is sent once it is stored, after others perhaps."""
        stored: asyncio.Future[Stored] | asyncio.Future[None]
        try:
            if isinstance(frame, frames.Send):
                stored = await self._node.messages.submit(self._new_message(frame))
            else:
                stored = await self._submit_mark(frame)
        except AppError as error:
            self._refuse(frame.id, error)
            return
        self._pending += 1
        stored.add_done_callback(partial(self._acknowledge, frame.id))
        while self._pending >= MAX_PENDING:
            self._stored.clear()
            await self._stored.wait()

    def _new_message(self, frame: frames.Send) -> NewMessage:
        try:
            request = SendRequest.model_validate(frame.fields())
        except ValidationError as error:
            raise complaints(error) from None
        return request.message(
            sender_id=self._identity.user_id,
            client_id=request.client_id or str(new_id()),
            origin=self._outlet.id,
        )

    async def _submit_mark(self, frame: frames.Read) -> asyncio.Future[None]:
        return await self._node.conversations.submit_mark(
            actor_id=self._identity.user_id,
            conversation_id=frame.conversation_id,
            seq=frame.seq,
        )

    def _acknowledge(
        self, frame_id: str | None, stored: "asyncio.Future[Stored] | asyncio.Future[None]"
    ) -> None:
        self._pending -= 1
        self._stored.set()
        error = stored.exception()
        if error is None:
            outcome = stored.result()
            self._reply(frames.Ack(id=frame_id, message=outcome and outcome.message))
        elif isinstance(error, AppError):
            self._refuse(frame_id, error)
        else:
            # Its writer has logged the error.
            detail = "Something went wrong here."
            frame = frames.Error(code="internal_error", detail=detail, retryable=True, id=frame_id)
            self._reply(frame)

    async def _answer(
        self,
        frame: frames.Writing | frames.Resume | frames.Ping | frames.Auth,
    ) -> None:
        # Answers keep the order of the frames: a pong confirms that all before it were handled.
        while self._pending:
            self._stored.clear()
            await self._stored.wait()
        try:
            if isinstance(frame, frames.Writing):
                await self._publish_typing(frame)
            elif isinstance(frame, frames.Resume):
                await self._resume(frame)
            elif isinstance(frame, frames.Ping):
                await self._pong(frame)
            else:
                detail = "This socket is authenticated already."
                self._reply(
                    frames.Error(code="invalid", detail=detail, retryable=False, id=frame.id)
                )
        except AppError as error:
            self._refuse(frame.id, error)

    async def _resume(self, frame: frames.Resume) -> None:
        cursors = self._cursors.add(frame)
        if cursors is None:
            # A thousand cursors take a millisecond, and the next frame may have arrived.
            await asyncio.sleep(0)
            return
        await resume(cursors, self._node, self._identity, self._outlet, generation=frame.generation)
        self._reply(frames.Resumed(id=frame.id))

    async def _publish_typing(self, frame: frames.Writing) -> None:
        # The frame has no answer, and a failure has none either.
        with contextlib.suppress(AppError):
            await self._node.presence.typing(
                actor_id=self._identity.user_id, conversation_id=frame.conversation_id
            )

    async def _pong(self, frame: frames.Ping) -> None:
        revs = await self._node.conversations.recent_revs(self._identity.user_id)
        self._reply(frames.Pong(last_rev=revs or {}, id=frame.id))

    def _refuse(self, frame_id: str | None, error: AppError) -> None:
        detail = error.detail
        if isinstance(error, Invalid):
            detail = " ".join(f"{field}: {rule}" for field, rule in error.fields.items())
        self._reply(
            frames.Error(code=error.code, detail=detail, retryable=error.retryable, id=frame_id)
        )

    def _reply(self, frame: frames.ServerFrame) -> None:
        if isinstance(frame, frames.Error):
            self._metrics.refused.of(frame.code).add()
        self._outlet.push(Envelope(frames.encode(frame)))
