"""Backup, check, restore and move of a whole chat."""

import tempfile
from pathlib import Path

from sqlalchemy import make_url

from chat_app.archive.errors import ArchiveError, failures_at
from chat_app.archive.files import Manifest, open_archive, write_archive
from chat_app.archive.fill import fill
from chat_app.archive.places import place_of_files
from chat_app.archive.sources import Progress, live_tables
from chat_app.archive.targets import (
    fill_database,
    open_snapshot,
    place_of,
    refuse_if_in_use,
    temporary_database,
)
from chat_app.core.settings import Settings

# Sessions and reset links: a restore must not revive one that ended after the backup, and people's
# devices and addresses need not be in files. What devices show ends with them.
LEFT_OUT = (
    "auth_session",
    "refresh_token",
    "reset_link",
    "push_subscription",
    "pushed_conversation",
)


async def backup(settings: Settings, path: Path, *, progress: Progress) -> Manifest:
    """Write a snapshot of the database, and the files, to one file while the chat runs.

    Raises ArchiveError.
    """
    with place_of_files(settings) as files:
        async with open_snapshot(settings) as connection:
            source = await live_tables(connection, without=LEFT_OUT)
            return await write_archive(
                source, path, files=files, left_out=LEFT_OUT, progress=progress
            )


async def check(path: Path, *, progress: Progress) -> Manifest:
    """Restore an archive into a temporary database and compare. Raises ArchiveError."""
    with open_archive(path) as archive, tempfile.TemporaryDirectory() as folder:
        async with temporary_database(Path(folder)) as (connection, _):
            with failures_at(folder):
                async with connection.begin():
                    await fill(connection, archive, progress)
        await archive.read_files(None, progress)
        return archive.manifest


async def restore(settings: Settings, path: Path, *, replace: bool, progress: Progress) -> Manifest:
    """Fill the database of the settings from an archive, whole or not at all.

    Raises ArchiveError, also while nodes run on it, and unless it is empty or may be replaced.
    """
    with open_archive(path) as archive:
        # Before the database, which names them; without it they are nobody's, and go.
        with place_of_files(settings) as files:
            await archive.read_files(files, progress)
        await fill_database(settings, archive, replace=replace, progress=progress)
        return archive.manifest


async def move(settings: Settings, to: Settings, *, progress: Progress) -> None:
    """Copy everything, sessions too, into an empty database; the old one stays as it is.

    The files stay where they are, in the folder or the bucket of the settings.

    Raises ArchiveError, also while nodes run on either.
    """
    if make_url(settings.database_address) == make_url(to.database_address):
        raise ArchiveError("that is where the chat is already", place=place_of(to))
    await refuse_if_in_use(settings)
    async with open_snapshot(settings) as connection:
        source = await live_tables(connection)
        await fill_database(to, source, replace=False, progress=progress)
