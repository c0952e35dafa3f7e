"""The connection pool: waits for a connection are measured."""

import asyncio
from pathlib import Path

from sqlalchemy import text

from chat_app.core.database import Database
from chat_app.core.metrics import Metrics
from tests.harness.chats import Storage
from tests.harness.nodes import settings_of


async def test_waits_for_a_connection_are_counted(
    empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    for kind, url in empty_database_urls.items():
        metrics = Metrics()
        storage = Storage("", url, "", tmp_path)
        settings = settings_of(storage, CHAT_DATABASE_POOL_SIZE="1")
        database = Database(settings, metrics)
        waits = metrics.histogram("chat_database_pool_wait_seconds", "")
        waiting = metrics.readings["chat_database_pool_waiting"]
        in_use = metrics.readings["chat_database_pool_in_use"]
        try:
            async with database.reading() as session:
                await session.execute(text("SELECT 1"))
                assert in_use.read() == {"": 1}, kind
                assert sum(waits.counts) == 0, kind
                second = asyncio.create_task(database.ping())
                async with asyncio.timeout(10):
                    while waiting.read() != {"": 1}:
                        await asyncio.sleep(0)
            await second
        finally:
            await database.close()

        assert sum(waits.counts) == 1, kind
        assert in_use.read() == {"": 0}, kind
        assert metrics.readings["chat_database_pool_size"].read() == {"": 1}


async def test_a_free_connection_counts_no_wait(tmp_path: Path) -> None:
    metrics = Metrics()
    settings = settings_of(Storage("", "", "", tmp_path), CHAT_DATABASE_POOL_SIZE="3")
    database = Database(settings, metrics)
    try:
        await asyncio.gather(*(database.ping() for _ in range(3)))
    finally:
        await database.close()

    assert sum(metrics.histogram("chat_database_pool_wait_seconds", "").counts) == 0
