"""A plain chat, as a weekend would give it: Starlette, asyncpg, two tables, Redis publish.

Started as `python -m benchmarks.plain_peer PORT DATABASE_URL REDIS_URL`. It stores a message in a
transaction of its own, publishes it to the receiver's channel and answers with an ack. It has no
sign-in (`/?user=ID`), no rights, no receipts and no replays: what a careful chat costs beside it is
the price of these.
"""

import asyncio
import contextlib
import json
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

TABLES = """
CREATE TABLE conversations (pair TEXT PRIMARY KEY, last_seq BIGINT NOT NULL);
CREATE TABLE messages (
    id UUID PRIMARY KEY, pair TEXT NOT NULL, seq BIGINT NOT NULL, client_id TEXT NOT NULL,
    sender_id TEXT NOT NULL, content TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (pair, seq)
)
"""
COUNT = """
INSERT INTO conversations VALUES ($1, 1)
ON CONFLICT (pair) DO UPDATE SET last_seq = conversations.last_seq + 1 RETURNING last_seq
"""
ADD = "INSERT INTO messages VALUES ($1, $2, $3, $4, $5, $6, $7)"


class Peer:
    """The state of the process: connections to the servers, and the sockets of each user."""

    pool: Any  # asyncpg has no types
    redis: Redis

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._database_url = database_url.replace("+asyncpg", "")
        self._redis_url = redis_url
        self._sockets: defaultdict[str, set[WebSocket]] = defaultdict(set)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Make the tables, and deliver what is published while the process runs."""
        self.pool = await asyncpg.create_pool(self._database_url, min_size=10, max_size=10)
        await self.pool.execute(TABLES)
        self.redis = Redis.from_url(self._redis_url)
        pubsub = self.redis.pubsub()
        await pubsub.psubscribe("peer:*")
        delivering = asyncio.create_task(self._deliver(pubsub))
        yield
        delivering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await delivering
        await self.redis.aclose()
        await self.pool.close()

    async def serve(self, socket: WebSocket) -> None:
        """Store, publish and acknowledge each message of a socket."""
        user = socket.query_params["user"]
        await socket.accept()
        self._sockets[user].add(socket)
        try:
            while True:
                await self._take(socket, user, json.loads(await socket.receive_text()))
        except WebSocketDisconnect:
            pass
        finally:
            self._sockets[user].discard(socket)

    async def _take(self, socket: WebSocket, user: str, frame: dict[str, Any]) -> None:
        receiver, now = frame["receiver_id"], datetime.now(UTC)
        pair = ":".join(sorted((user, receiver)))
        identifier = uuid4()
        async with self.pool.acquire() as connection, connection.transaction():
            seq = await connection.fetchval(COUNT, pair)
            values = (identifier, pair, seq, frame["id"], user, frame["content"], now)
            await connection.execute(ADD, *values)
        message = {
            "id": str(identifier),
            "conversation_id": pair,
            "seq": seq,
            "client_id": frame["id"],
            "sender_id": user,
            "receiver_id": receiver,
            "content": frame["content"],
            "created_at": now.isoformat(),
        }
        event = json.dumps({"type": "message.created", "message": message})
        await self.redis.publish(f"peer:{receiver}", event)
        await socket.send_text(json.dumps({"type": "ack", "id": frame["id"], "message": message}))

    async def _deliver(self, pubsub: Any) -> None:  # noqa: ANN401  # redis-py does not type it
        async for published in pubsub.listen():
            if published["type"] == "pmessage":
                user = published["channel"].decode().removeprefix("peer:")
                for socket in self._sockets[user]:
                    await socket.send_text(published["data"].decode())


async def is_ready(_request: Request) -> Response:
    """Answer that the process serves."""
    return Response()


def main() -> None:
    """Serve the peer on the port of the command line, against the servers of the command line."""
    port, database_url, redis_url = sys.argv[1:]
    peer = Peer(database_url, redis_url)
    routes = [Route("/{path:path}", is_ready), WebSocketRoute("/", peer.serve)]
    app = Starlette(routes=routes, lifespan=peer.lifespan)
    # Compressed frames would only slow it down.
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
        ws_per_message_deflate=False,
    )


if __name__ == "__main__":
    main()
