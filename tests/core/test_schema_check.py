"""Schema check: a wrong schema or a missing right is reported, and the database is unchanged."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from chat_app.core import migrations
from chat_app.core.errors import CannotStart, Refused
from tests.harness import servers
from tests.harness.chats import SECRET, Farm, Storage
from tests.harness.clients import http_client
from tests.harness.nodes import new_user, open_database, open_node
from tests.harness.servers import ChatServer
from tests.harness.tls import trusted

Launch = Callable[..., ChatServer]
EXIT_S = 180
OVERTAKE = "UPDATE alembic_version SET version_num = 'next_year'"


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Give a function that starts a chat over a database and does not wait for it."""
    started: list[ChatServer] = []

    def launch_one(database_url: str) -> ChatServer:
        settings = {"CHAT_DATABASE_URL": database_url, "CHAT_SECRET_KEY": SECRET}
        port = servers.free_port()
        started.append(ChatServer(None, folder=tmp_path, port=port, **settings))
        return started[-1]

    yield launch_one
    for chat in started:
        chat.stop()


async def execute(url: str, folder: Path, *statements: str) -> None:
    """Run statements as the owner of the database."""
    async with open_database(url, folder) as database, database.transaction() as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))


async def register(chat: ChatServer) -> httpx.Response:
    """Return the reply to a registration."""
    async with http_client(chat.url) as client:
        form = {"username": "somebody", "password": "a long enough one"}
        return await client.post("/api/auth/register", json=form)


async def readiness(chat: ChatServer) -> httpx.Response:
    """Return the reply of the readiness check."""
    async with http_client(chat.url) as client:
        return await client.get("/api/health/ready")


def is_live(chat: ChatServer) -> bool:
    """Return whether the process answers the liveness check."""
    try:
        return (
            httpx.get(f"{chat.url}/api/health/live", timeout=5, verify=trusted()).status_code == 200
        )
    except httpx.TransportError:
        return False


async def start_error(url: str, folder: Path) -> str:
    """Return why a node does not start over this database."""
    with pytest.raises(CannotStart) as refusal:
        async with open_node(Storage("", url, "", folder)):
            pytest.fail("it has started")
    return str(refusal.value)


async def test_nothing_is_served_over_an_old_schema_until_it_is_migrated(
    empty_database_urls: dict[str, str], launch: Launch, tmp_path: Path
) -> None:
    url = empty_database_urls["postgres"]
    async with open_database(url, tmp_path) as database:
        await migrations.upgrade(database, "+1")
    chat = launch(url)
    chat.server.wait_until(lambda: is_live(chat))

    ready = await readiness(chat)
    refused = await register(chat)
    async with open_database(url, tmp_path) as database:
        await migrations.upgrade(database)

    assert ready.status_code == 503
    assert ready.json()["migrations"] == "pending"
    assert refused.status_code == 503
    assert refused.json()["code"] == "unavailable"
    assert int(refused.headers["Retry-After"]) > 0
    assert "make migrate" in chat.log()
    chat.wait_until_ready()
    assert (await register(chat)).status_code == 201


async def test_a_newer_schema_stops_the_start(storage: Storage, tmp_path: Path) -> None:
    url = storage.database_url or f"sqlite+aiosqlite:///{tmp_path}/newer.db"
    async with open_database(url, tmp_path) as database:
        await migrations.upgrade(database)
    await execute(url, tmp_path, OVERTAKE)

    error = await start_error(url, tmp_path)

    assert "newer than this code" in error
    assert "next_year" in error


async def test_a_newer_schema_is_reported_and_the_running_node_works_on(
    storage: Storage,
) -> None:
    """The old nodes are still needed while the nodes are upgraded one by one."""
    async with open_node(storage) as node:
        async with node.database.transaction() as connection:
            await connection.execute(sa.text(OVERTAKE))

        assert await node.schema() == "ahead"
        await new_user(node)


async def test_missing_rights_stop_the_start_and_are_named(farm: Farm, tmp_path: Path) -> None:
    url = farm.postgres.new_chat_database()
    role = f"poor_{uuid4().hex[:8]}"
    poor = url.replace("//chat@", f"//{role}@")
    await execute(url, tmp_path, f"CREATE ROLE {role} LOGIN")
    nothing = await start_error(poor, tmp_path)
    everything = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    grant, revoke = f"GRANT {everything} TO {role}", f"REVOKE DELETE ON member FROM {role}"
    await execute(url, tmp_path, grant, revoke)
    not_all = await start_error(poor, tmp_path)
    await execute(url, tmp_path, f"GRANT DELETE ON member TO {role}")

    assert "CHAT_DATABASE_URL" in nothing
    assert "permission denied for table alembic_version" in nothing
    assert "lacks some on member" in not_all
    async with open_node(Storage("", poor, "", tmp_path)) as node:
        await new_user(node)
        await execute(url, tmp_path, f"REVOKE INSERT ON user_account FROM {role}")
        with pytest.raises(Refused, match="store anything right now") as refusal:
            await new_user(node)
    assert refusal.value.reason == "permission denied for table user_account"
    await execute(url, tmp_path, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@pytest.mark.parametrize("wrong", ["role", "database"])
async def test_a_missing_role_or_database_is_named(farm: Farm, tmp_path: Path, wrong: str) -> None:
    url = farm.postgres.new_database()
    address = url.replace("//chat@", "//stranger@") if wrong == "role" else f"{url}x"

    error = await start_error(address, tmp_path)

    assert error.startswith("CHAT_DATABASE_URL: ")
    assert "does not exist" in error


def test_a_process_that_cannot_start_prints_the_reason_in_one_line(
    launch: Launch, tmp_path: Path
) -> None:
    file = tmp_path / "text.db"
    file.write_text("This is no database." * 100)

    chat = launch(f"sqlite+aiosqlite:///{file}")

    assert chat.server.process.wait(EXIT_S) != 0
    [line] = [line for line in chat.log().splitlines() if "cannot be used" in line]
    assert "file is not a database" in line
    assert "Traceback" not in chat.log()
