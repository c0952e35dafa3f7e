"""The command `files verify`."""

import typer

from chat_app.core.settings import Settings
from chat_app.files.storage import open_storage
from chat_app.files.verification import Verified, count_files
from chat_app.files.verification import verify as verify_files
from chat_app.shell.running import fail, migrated_database, run, shown_progress

SHOWN = 20


def verify() -> None:
    """Read every stored file and compare its bytes with those that were stored.

    Also while the chat runs. Files that are missing or damaged are named, and the command fails.
    """
    found = run(_verify)
    for name, ids in (("missing", found.missing), ("damaged", found.damaged)):
        for one in ids[:SHOWN]:
            typer.echo(f"{name}  {one}")
    typer.echo(
        f"{found.whole:,} files are whole, {len(found.missing):,} missing,"
        f" {len(found.damaged):,} damaged; {found.orphans:,} beside them are no file's."
    )
    if found.missing or found.damaged:
        fail("not every file is whole")


async def _verify(settings: Settings) -> Verified:
    async with migrated_database(settings) as database:
        with open_storage(settings) as storage, shown_progress() as progress:
            progress.begin("files", await count_files(database))
            return await verify_files(database, storage, progress.advance)
