"""PostgreSQL behind PgBouncer: with the setting everything works, without it nothing is served."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text
from sqlmodel import col

from chat_app.api.schemas import Health
from chat_app.archive.errors import ArchiveError
from chat_app.archive.targets import refuse_if_in_use
from chat_app.core.database import Database
from chat_app.core.settings import Settings
from chat_app.models import User
from tests.harness import clients, servers
from tests.harness.chats import Farm, launch

NewPooler = Callable[..., servers.PgBouncer]
POOLED = {"CHAT_DATABASE_POOLING": "transaction"}


@pytest.fixture
def new_pooler(farm: Farm, tmp_path: Path) -> Iterator[NewPooler]:
    """Yield a function that starts a PgBouncer before the PostgreSQL of the tests."""
    started: list[servers.PgBouncer] = []

    def start(mode: str, *, size: int = 5) -> servers.PgBouncer:
        started.append(servers.PgBouncer(tmp_path, farm.postgres, mode=mode, size=size))
        return started[-1]

    yield start
    for pooler in started:
        pooler.stop()


async def answers_of_people(url: str) -> list[httpx.Response]:
    """Let people write to each other, and read, all at once; return what was answered."""
    alice, *others = await clients.register_many(url, 5)

    async def talk(one: clients.Person) -> list[httpx.Response]:
        replies = []
        for number in range(5):
            body = {"receiver_id": alice.id, "content": f"message {number}"}
            replies.append(await one.http.post("/api/messages", json=body))
            replies.append(await one.http.get("/api/conversations"))
            replies.append(await alice.http.get(f"/api/messages/{one.id}"))
            replies.append(await alice.http.get("/api/users", params={"q": one.username}))
        return replies

    async with alice.socket() as socket:
        replies = [reply for some in await asyncio.gather(*map(talk, others)) for reply in some]
        for _ in range(20):
            await socket.expect("message.created")
    return replies


@pytest.mark.parametrize("size", [1, 3])
async def test_a_chat_works_behind_a_transaction_pooler(
    farm: Farm, tmp_path: Path, new_pooler: NewPooler, size: int
) -> None:
    storage = farm.storage("postgres+redis", tmp_path, own_redis=True)
    address = new_pooler("transaction", size=size).before(storage.database_url)
    nodes = [launch(storage, CHAT_DATABASE_URL=address, **POOLED) for _ in range(2)]
    try:
        for node in nodes:
            node.wait_until_ready()
        replies = await asyncio.gather(*(answers_of_people(node.url) for node in nodes))
        async with httpx.AsyncClient() as client:
            ready = [await client.get(f"{node.url}/api/health/ready") for node in nodes]
    finally:
        for node in nodes:
            node.stop()

    assert {reply.status_code for some in replies for reply in some} == {200, 201}
    assert [reply.status_code for reply in ready] == [200, 200]
    assert not any("Traceback" in node.log() for node in nodes)


@pytest.mark.parametrize("size", [1, 3])
async def test_without_the_setting_nothing_is_served_and_the_reason_is_shown(
    farm: Farm, tmp_path: Path, new_pooler: NewPooler, size: int
) -> None:
    storage = farm.storage("postgres+redis", tmp_path, own_redis=True)
    address = new_pooler("transaction", size=size).before(storage.database_url)
    node = launch(storage, CHAT_DATABASE_URL=address)
    try:
        async with httpx.AsyncClient(base_url=node.url) as client:
            ready = await answer(client, "/api/health/ready")
            body = {"username": "somebody", "password": clients.PASSWORD}
            replies = [await client.post("/api/auth/register", json=body) for _ in range(10)]
    finally:
        node.stop()

    assert ready.status_code == 503
    health = Health(**ready.json())
    assert health.database == "pooled"
    assert "CHAT_DATABASE_POOLING=transaction" in str(health.what_to_do)
    assert {reply.status_code for reply in replies} == {503}
    assert "CHAT_DATABASE_POOLING=transaction" in node.log()
    assert "Traceback" not in node.log()


async def answer(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """Return the answer of a process that is starting."""
    end = time.monotonic() + servers.START_S
    while True:
        try:
            return await client.get(path)
        except httpx.TransportError:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)


async def test_a_pooler_that_comes_later_is_found(farm: Farm, new_pooler: NewPooler) -> None:
    """An address may lead to a pooler from one day to the next."""
    address = new_pooler("transaction").before(farm.postgres.new_chat_database())
    database = Database(Settings(database_url=address))
    statement = select(col(User.id))
    try:
        async with asyncio.timeout(clients.PATIENCE_S):
            while not database.is_pooled:
                await asyncio.gather(
                    *(database.fetch_all(statement, {}) for _ in range(20)), return_exceptions=True
                )
    finally:
        await database.close()


@pytest.mark.parametrize("mode", ["session", "none"])
async def test_a_connection_of_ones_own_is_no_transaction_pool(
    farm: Farm, new_pooler: NewPooler, mode: str
) -> None:
    address = farm.postgres.new_chat_database()
    if mode == "session":
        address = new_pooler(mode).before(address)
    database = Database(Settings(database_url=address))
    try:
        assert not await database.check_pooling()
    finally:
        await database.close()


async def test_times_and_snapshots_are_the_same_behind_a_pooler(
    farm: Farm, new_pooler: NewPooler
) -> None:
    address = new_pooler("transaction").before(farm.postgres.new_chat_database())
    database = Database(Settings(database_url=address, database_pooling="transaction"))
    try:
        for _ in range(5):
            async with database.reading() as session:
                assert await session.scalar(text("SHOW timezone")) == "UTC"
            async with database.snapshot() as connection:
                level = await connection.scalar(text("SHOW transaction_isolation"))
                assert level == "repeatable read"
                assert await connection.scalar(text("SHOW transaction_read_only")) == "on"
            async with database.writing() as session:
                assert await session.scalar(text("SHOW transaction_read_only")) == "off"
    finally:
        await database.close()


async def test_a_restore_through_a_pooler_is_refused(farm: Farm) -> None:
    settings = Settings(
        database_url=farm.postgres.new_chat_database(), database_pooling="transaction"
    )

    with pytest.raises(ArchiveError, match="CHAT_DATABASE_POOLING=session"):
        await refuse_if_in_use(settings)
