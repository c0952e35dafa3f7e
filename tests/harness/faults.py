"""Databases locked for a while, as another program or an operator may lock them."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg

LOCK_S = 30.0


def database_file(folder: Path) -> Path:
    """Return the embedded database in a data folder, where the index of the search is, too."""
    (file,) = (one for one in folder.glob("*.db") if not one.name.endswith("search.db"))
    return file


@contextlib.contextmanager
def locked_file(folder: Path) -> Iterator[None]:
    """Hold the one write lock of the embedded database, as another program may."""
    # A busy chat may hold it for a while.
    other = sqlite3.connect(database_file(folder), isolation_level=None, timeout=LOCK_S)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextlib.asynccontextmanager
async def locked_until_left(folder: Path) -> AsyncIterator[None]:
    """Hold the same lock from a thread, since waiting for it blocks."""
    locked, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold() -> None:
        with locked_file(folder):
            loop.call_soon_threadsafe(locked.set)
            may_end.wait()

    holding = asyncio.create_task(asyncio.to_thread(hold))
    try:
        await asyncio.wait(
            [holding, asyncio.ensure_future(locked.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        yield
    finally:
        may_end.set()
        await holding


@contextlib.asynccontextmanager
async def unconfirmed_commits(url: str) -> AsyncIterator[None]:
    """Let PostgreSQL wait in each commit for a standby that is not there.

    A transaction whose wait is given up is stored all the same.
    """
    admin = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await admin.execute("SELECT pg_reload_conf()")
        yield
    finally:
        await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await admin.execute("SELECT pg_reload_conf()")
        await admin.close()


@contextlib.asynccontextmanager
async def locked_tables(url: str, tables: str = "conversation, message") -> AsyncIterator[None]:
    """Hold tables, those of the conversations or others, as a careless operator may."""
    other = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with other.transaction():
            await other.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
            yield
    finally:
        await other.close()
