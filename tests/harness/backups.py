"""Backups that admins make: a disk that hangs, and the wait for what becomes of one."""

import asyncio
import os
from pathlib import Path

from tests.harness.clients import PATIENCE_S, Json, Person, as_json

# The name of a stored file.
HANGING = "ab/ab" + "0" * 30


def hang_files(data: Path) -> Path:
    """Put a file among the stored ones whose reader waits for ever; return it."""
    path = data / "files" / HANGING
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


async def backups_of(admin: Person) -> list[Json]:
    """Return the list of backups."""
    items: list[Json] = as_json(await admin.http.get("/api/admin/backups"))["items"]
    return items


async def latest(admin: Person) -> Json:
    """Wait until no backup is being made, and return the newest one."""
    async with asyncio.timeout(PATIENCE_S):
        while (items := await backups_of(admin))[0]["state"] == "running":
            await asyncio.sleep(0.1)
    return items[0]
