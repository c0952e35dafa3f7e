"""Transactions that PostgreSQL rolls back in favour of others: tried again at once."""

import asyncio
import contextlib
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_app.core.errors import Unavailable
from chat_app.messages.log.writer import ATTEMPTS
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_node, to_conversation, to_user

pytestmark = pytest.mark.parametrize("pair", ["postgres+redis"])

# A sequence counts on though its transaction is undone.
FAILING = (
    "CREATE SEQUENCE turns",
    """CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('turns') <= {times} THEN RAISE 'overtaken' USING ERRCODE = '{code}'; END IF;
    RETURN NULL; END $$""",
    "CREATE TRIGGER fail AFTER INSERT ON message FOR EACH STATEMENT EXECUTE FUNCTION fail()",
)


async def fail_at_first(node: Node, *, times: int, code: str) -> None:
    """Have PostgreSQL undo whatever stores a message, so many times."""
    async with node.database.transaction() as connection:
        for statement in FAILING:
            await connection.exec_driver_sql(statement.format(times=times, code=code))


async def turns(node: Node) -> int:
    """Count how often storing was tried."""
    async with node.database.reading() as session:
        return int((await session.execute(text("SELECT last_value FROM turns"))).scalar_one())


async def lock(connection: AsyncConnection, conversation_id: UUID) -> None:
    """Lock a conversation until the transaction ends."""
    statement = text("SELECT 1 FROM conversation WHERE id = :id FOR UPDATE")
    await connection.execute(statement, {"id": conversation_id})


async def somebody_waits(connection: AsyncConnection) -> None:
    """Wait until a transaction waits for another."""
    statement = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(PATIENCE_S):
        while not (await connection.execute(statement)).scalar_one():
            await asyncio.sleep(0.01)  # the database tells nobody of it


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_send_that_was_rolled_back_is_retried(storage: Storage, code: str) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await fail_at_first(node, times=ATTEMPTS - 1, code=code)

        sent = await node.messages.send(to_user(alice, bob))

        assert (sent.message.seq, sent.replayed) == (1, False)
        assert await turns(node) == ATTEMPTS


async def test_a_send_that_is_rolled_back_every_time_is_refused(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await fail_at_first(node, times=ATTEMPTS, code="40001")

        with pytest.raises(Unavailable):
            await node.messages.send(to_user(alice, bob, key="k"))
        assert await turns(node) == ATTEMPTS
        sent = await node.messages.send(to_user(alice, bob, key="k"))

        assert (sent.message.seq, sent.replayed) == (1, False)


async def test_the_loser_of_a_deadlock_stores_its_send(storage: Storage) -> None:
    async with open_node(storage) as other, open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        groups = [
            await add_group(node, actor_id=alice, title="group", member_ids=[alice, bob])
            for _ in range(2)
        ]
        first, second = sorted(groups)
        async with other.database.transaction() as connection:
            # The log writer looks for a deadlock after one second, and so loses it. Where it has
            # looked before there was one, we lose, which proves nothing and breaks nothing.
            await connection.exec_driver_sql("SET LOCAL deadlock_timeout = '2s'")
            await lock(connection, second)
            sending = [
                await node.messages.submit(to_conversation(alice, group)) for group in groups
            ]
            await somebody_waits(connection)
            with contextlib.suppress(DBAPIError):
                await lock(connection, first)

        stored = await asyncio.gather(*sending)

        assert [one.message.seq for one in stored] == [1, 1]
