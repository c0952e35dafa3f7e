"""Statements that run again and again read by an index, in tables of 60,000 and 300,000 rows."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from chat_app.accounts.schemas import Identity
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.core.maintenance import Maintenance
from chat_app.node.node import Node
from chat_app.node.parts import JOBS
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_still_node, to_user
from tests.harness.statements import executed, explained

ROWS, MANY_ROWS = 60_000, 300_000
NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    " SELECT i FROM n) AS numbers",
    "postgresql": "generate_series(1, {rows}) AS numbers(i)",
}


async def fill(node: Node, rows: int) -> None:
    """Fill the log and the sessions with rows of the last hour, none of which has expired."""
    user = await new_user(node)
    dialect = node.database.engine.dialect.name
    numbers = NUMBERS[dialect].format(rows=rows)
    number_as_id = (
        "printf('%032x', i)" if node.database.is_sqlite else "lpad(to_hex(i), 32, '0')::uuid"
    )
    own_id = f"'{user.hex}'" if node.database.is_sqlite else f"'{user}'::uuid"
    now = {"now": utc_now(), "then": utc_now() + timedelta(days=30)}
    payload = "x'90'" if node.database.is_sqlite else "'\\x90'::bytea"
    transaction_id = "0" if node.database.is_sqlite else "pg_current_xact_id()"

    entries = (
        "INSERT INTO change_log (transaction_id, kind, payload, written_at) "  # noqa: S608  # ours
        f"SELECT {transaction_id}, 'messages', {payload}, :now FROM {numbers}"
    )
    sessions = (
        "INSERT INTO auth_session (id, user_id, cookie_hash, user_agent, address, "  # noqa: S608  # ours
        "created_at, last_used_at, expires_at) "
        f"SELECT {number_as_id}, {own_id}, 'hash ' || i, '', '', :now, :now, :then FROM {numbers}"
    )

    def insert(connection: Connection) -> None:
        for statement in (entries, sessions):
            names = [name for name in now if f":{name}" in statement]
            connection.execute(text(statement), {name: now[name] for name in names})

    async with node.database.transaction() as connection:
        await connection.run_sync(insert)
    async with node.database.transaction() as connection:
        await connection.execute(text("ANALYZE"))


@pytest.mark.parametrize(
    "rows", [ROWS, pytest.param(MANY_ROWS, marks=pytest.mark.only_in_test_all)]
)
async def test_periodic_statements_read_by_an_index(storage: Storage, rows: int) -> None:
    async with open_still_node(storage) as node:
        await fill(node, rows)
        await node.tail.close()
        await node.tail.read()
        alice, bob = await new_user(node), await new_user(node)
        async with await node.open_outlet(Identity(bob, new_id())):
            with executed("SELECT", "DELETE", "UPDATE", "WITH") as asked:
                await node.messages.send(to_user(alice, bob))
                await node.tail.read()
                assert sum((await Maintenance(node.database, JOBS).remove_expired()).values()) == 0
                await node.conversations.recent_revs(bob)

        plans = {statement: await explained(node, statement, values) for statement, values in asked}

    assert len(plans) > 5
    # Small tables are rightly scanned.
    scans = {
        "sqlite": ("SCAN change_log", "SCAN auth_session"),
        "postgresql": ("Seq Scan on change_log", "Seq Scan on auth_session"),
    }[node.database.engine.dialect.name]
    read_whole = [
        statement
        for statement, plan in plans.items()
        if any(scan in line for line in plan for scan in scans)
    ]
    assert read_whole == []
