"""The database connection pool (S3): its bound, time-outs and recovery."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from websockets.asyncio.client import connect

from tests.harness.chats import StartChat
from tests.harness.clients import PATIENCE_S, Person, assert_problem, http_client, register
from tests.harness.servers import ChatServer
from tests.harness.tls import trusted

pytestmark = pytest.mark.parametrize("pair", ["postgres+redis"])

POOL, REQUESTS = 10, 200
CONNECTIONS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@asynccontextmanager
async def beside(chat: ChatServer) -> AsyncIterator[AsyncConnection]:
    """Yield a separate autocommit connection to the chat's database."""
    engine = create_async_engine(
        chat.settings["CHAT_DATABASE_URL"], poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def count(connection: AsyncConnection) -> int:
    return int((await connection.execute(CONNECTIONS)).scalar_one())


async def ask_all(person: Person) -> list[httpx.Response]:
    """Send all requests at once, each over a connection of its own."""
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {person.access_token}"}
    async with httpx.AsyncClient(
        base_url=person.url, headers=headers, limits=limits, timeout=60, verify=trusted()
    ) as client:
        paths = ["/api/conversations", "/api/friends", "/api/users?q=a", "/api/auth/sessions"]
        return await asyncio.gather(
            *(client.get(paths[number % len(paths)]) for number in range(REQUESTS))
        )


async def test_two_hundred_requests_share_ten_connections(start_chat: StartChat) -> None:
    chat = start_chat(CHAT_DATABASE_POOL_SIZE=str(POOL))
    alice, bob = await register(chat.url), await register(chat.url)
    await alice.write(bob, "hello")
    async with beside(chat) as connection:
        asking = asyncio.create_task(ask_all(bob))
        seen = [await count(connection)]
        while not asking.done():
            seen.append(await count(connection))
        replies = await asking

        for reply in replies:
            if reply.status_code != 200:
                assert_problem(reply, 503, "unavailable")
                assert int(reply.headers["Retry-After"]) >= 1
        assert 200 in {reply.status_code for reply in replies}
        assert max(seen) <= POOL * len(chat.processes)
        await until_none_is_in_use(chat)
        await until_answered(bob)


async def test_requests_without_a_pool_connection_get_503_and_retry_after(
    start_chat: StartChat,
) -> None:
    chat = start_chat(CHAT_DATABASE_POOL_SIZE="1")
    alice, bob = await register(chat.url), await register(chat.url)
    async with beside(chat) as connection:
        await connection.exec_driver_sql("BEGIN")
        await connection.exec_driver_sql("LOCK TABLE friendship, friend_request, block")
        replies = await asyncio.gather(*(bob.http.get("/api/friends") for _ in range(8)))
        await connection.exec_driver_sql("ROLLBACK")

        for reply in replies:
            assert_problem(reply, 503, "unavailable")
            assert int(reply.headers["Retry-After"]) >= 1
    await until_answered(bob)
    await alice.write(bob, "and on it goes")


async def until_none_is_in_use(chat: ChatServer) -> None:
    """Wait until every connection was given back; the nodes' own tasks use one now and then."""
    async with asyncio.timeout(30):
        for process in chat.processes:
            async with http_client(process.url, headers=process.monitoring) as client:
                while "chat_database_pool_in_use 0" not in (await client.get("/api/metrics")).text:
                    await asyncio.sleep(0.05)


async def until_answered(person: Person) -> None:
    async with asyncio.timeout(30):
        while (await person.http.get("/api/friends")).status_code != 200:
            await asyncio.sleep(0.1)


@asynccontextmanager
async def stalled(person: Person) -> AsyncIterator[None]:
    """Request far more than a device's connection can buffer, and read none of it."""
    address = person.url.replace("http", "ws", 1) + "/ws"
    async with connect(
        address,
        compression=None,
        max_size=2**24,
        max_queue=1,
        proxy=None,
        open_timeout=PATIENCE_S,
        close_timeout=0,
    ) as link:
        await link.send(json.dumps({"type": "auth", "content": person.access_token}))
        for _ in range(10):
            await link.send('{"type": "resume", "cursors": {}}')
        yield


async def test_readers_who_do_not_read_hold_no_connection(start_chat: StartChat) -> None:
    """Open more such readers than the pool has connections."""
    chat = start_chat(CHAT_DATABASE_POOL_SIZE="2")
    alice, bob = await register(chat.url), await register(chat.url)
    large = "\N{GRINNING FACE}" * 7_990
    await asyncio.gather(*(alice.write(bob, f"{number} {large}") for number in range(60)))
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(stalled(bob))
        replies = [await alice.http.get("/api/conversations") for _ in range(20)]

        assert {reply.status_code for reply in replies} == {200}
        await until_none_is_in_use(chat)
