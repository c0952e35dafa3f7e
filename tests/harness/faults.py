"""Databases locked for a while, as another program or an operator may lock them."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg


def database_file(folder: Path) -> Path:
    """Return the embedded database in a chat's data folder."""
    (file,) = folder.glob("*.db")
    return file


@contextlib.contextmanager
def locked_file(folder: Path) -> Iterator[None]:
    """Hold the one write lock of the embedded database, as another program may."""
    with contextlib.closing(sqlite3.connect(database_file(folder), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextlib.asynccontextmanager
async def locked_tables(url: str) -> AsyncIterator[None]:
    """Hold the tables of the conversations, as a careless operator may."""
    other = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE conversation, message IN EXCLUSIVE MODE")
            yield
    finally:
        await other.close()
