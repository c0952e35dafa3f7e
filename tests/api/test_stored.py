"""The API against its database: stored hashes and tokens (A4), and an unavailable database."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.harness import chats, clients
from tests.harness.chats import Storage
from tests.harness.clients import Person, as_json, assert_problem, http_client, log_in
from tests.harness.servers import ChatServer, Postgres

Away = Callable[[], AbstractContextManager[None]]


async def in_database(
    chat: ChatServer, statement: str, *values: object
) -> list[tuple[object, ...]]:
    """Run one statement behind the chat's back; `?` stands for a value."""
    if url := chat.settings["CHAT_DATABASE_URL"]:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            for number in range(len(values)):
                statement = statement.replace("?", f"${number + 1}", 1)
            return [tuple(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()
    # Times are text there.
    plain = [
        f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
        for value in values
    ]
    with contextlib.closing(sqlite_file(chat)) as file:
        return list(file.execute(statement, plain))


def sqlite_file(chat: ChatServer) -> sqlite3.Connection:
    path = Path(chat.settings["CHAT_DATA_DIR"]) / "chat.db"
    return sqlite3.connect(path, isolation_level=None, timeout=10)


async def stored_hash(chat: ChatServer, person: Person) -> str:
    [[stored]] = await in_database(
        chat, "SELECT password_hash FROM user_account WHERE username = ?", person.username
    )
    return str(stored)


async def test_a_hash_of_older_parameters_is_renewed_by_signing_in(
    chat: ChatServer, costly_chat: ChatServer
) -> None:
    earlier = await clients.register(chat.url)
    alice = await clients.register(costly_chat.url)
    cheap = await stored_hash(chat, earlier)
    chat = costly_chat
    await in_database(
        chat, "UPDATE user_account SET password_hash = ? WHERE username = ?", cheap, alice.username
    )

    await log_in(chat.url, alice)

    dear = await stored_hash(chat, alice)
    assert cheap.startswith("$argon2id$")
    assert dear.startswith("$argon2id$v=19$m=65536,t=3,")
    await log_in(chat.url, alice)
    assert await stored_hash(chat, alice) == dear


async def test_a_stolen_refresh_token_ends_the_session(chat: ChatServer, alice: Person) -> None:
    other_device = await log_in(chat.url, alice)
    body = {"refresh_token": alice.refresh_token}
    async with http_client(chat.url) as client:
        fresh = as_json(await client.post("/api/auth/refresh", json=body))
        long_ago = datetime.now(UTC) - timedelta(seconds=31)
        await in_database(
            chat, "UPDATE refresh_token SET spent_at = ? WHERE spent_at IS NOT NULL", long_ago
        )

        async with alice.socket() as socket:
            assert_problem(await client.post("/api/auth/refresh", json=body), 401)
            assert await socket.close_code(seconds=1) == 4401

        body = {"refresh_token": fresh["refresh_token"]}
        assert_problem(await client.post("/api/auth/refresh", json=body), 401)
    assert_problem(await alice.http.get("/api/auth/me"), 401)
    assert (await other_device.http.get("/api/auth/me")).status_code == 200


@pytest.fixture(scope="module")
def fragile(
    pair: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ChatServer, Away]]:
    """Yield a chat and a context manager in which its database is away (SQLite: locked)."""
    folder = tmp_path_factory.mktemp("fragile")
    with contextlib.ExitStack() as stack:
        url, away = "", None
        if pair != "sqlite+memory":
            postgres = Postgres(folder)
            stack.callback(postgres.stop)
            url, away = postgres.new_chat_database(), postgres.away
        chat = chats.start(Storage(pair, url, "", folder))
        stack.callback(chat.stop)

        @contextlib.contextmanager
        def locked() -> Iterator[None]:
            with contextlib.closing(sqlite_file(chat)) as file:
                file.execute("BEGIN EXCLUSIVE")
                yield
                file.execute("ROLLBACK")

        yield chat, away or locked


async def test_the_chat_answers_errors_without_its_database_and_recovers(
    fragile: tuple[ChatServer, Away],
) -> None:
    chat, away = fragile
    alice, bob = await clients.register(chat.url), await clients.register(chat.url)
    await alice.write(bob, "before")
    body = {"receiver_id": bob.id, "content": "meanwhile", "client_id": "meanwhile"}
    frame = {"type": "message", "id": "frame", "receiver_id": bob.id, "content": "frame"}
    async with alice.socket() as socket, bob.socket() as other:
        with away():
            refused = await alice.http.post("/api/messages", json=body)
            await socket.send(frame)
            error = await socket.expect("error", seconds=30)

        assert_problem(refused, 503, "unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert (error["id"], error["code"], error["retryable"]) == ("frame", "unavailable", True)

        async with asyncio.timeout(60):
            while (reply := await alice.http.post("/api/messages", json=body)).status_code == 503:
                assert reply.headers["retry-after"]
        assert reply.status_code == 201
        await socket.send(frame)
        await socket.expect("ack", id="frame")
        await other.expect("message.created", message=as_json(reply))

    page = await bob.history(as_json(reply)["conversation_id"])
    assert [message["content"] for message in page["items"]] == ["before", "meanwhile", "frame"]
    assert [message["seq"] for message in page["items"]] == [1, 2, 3]


async def test_readiness_fails_while_the_database_is_away(fragile: tuple[ChatServer, Away]) -> None:
    chat, away = fragile
    async with http_client(chat.url) as client:
        assert (await client.get("/api/health/ready")).status_code == 200
        if not chat.settings["CHAT_DATABASE_URL"]:
            return  # SQLite can be locked for writing only
        with away():
            reply = await client.get("/api/health/ready")
            assert reply.status_code == 503
            assert reply.headers["retry-after"]
            assert (await client.get("/api/health/live")).status_code == 200
        async with asyncio.timeout(60):
            while (await client.get("/api/health/ready")).status_code == 503:
                pass
