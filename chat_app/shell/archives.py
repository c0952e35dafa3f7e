"""The commands `backup`, `restore` and `move`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from chat_app.archive import service
from chat_app.archive.files import Manifest
from chat_app.archive.targets import place_of
from chat_app.core.settings import Settings, SettingsError
from chat_app.shell.running import fail, run, settings_or_exit, shown_progress
from chat_app.shell.storage import size

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def backup(
    file: File,
    check: Annotated[  # noqa: FBT002  # how typer has its options
        bool, typer.Option("--check", help="Prove instead that FILE can be restored.")
    ] = False,
    overwrite: Annotated[  # noqa: FBT002  # the same
        bool, typer.Option("--overwrite", help="Replace FILE if it is there.")
    ] = False,
) -> None:
    """Write all that the chat keeps to FILE, while it goes on running.

    People, friendships, conversations and messages of one moment. Sign-ins are left out: after a
    restore everybody signs in again. Only you may read FILE; it holds what people write.

    With --check, FILE is restored into a database aside (in TMPDIR), and every table compared.
    """
    if check:
        with shown_progress() as progress:
            checked = run(lambda _: service.check(file, progress=progress))
        typer.echo(f"{file} is whole: {_contents(checked)}.")
        return
    if not overwrite and file.exists():
        fail(f"{file} is there already; --overwrite replaces it")
    with shown_progress() as progress:
        made = run(lambda settings: service.backup(settings, file, progress=progress))
    typer.echo(f"{file} has {size(file.stat().st_size)}: {_contents(made)}.")


def restore(
    file: File,
    replace: Annotated[  # noqa: FBT002  # how typer has its options
        bool, typer.Option("--replace", help="Also when there is a chat: it is lost.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002  # the same
) -> None:
    """Fill the database of the settings from a backup, whole or not at all.

    The chat must be stopped. A backup of an older version is migrated.
    """
    if replace and not yes:
        _confirm(f"Everything in {place_of(settings_or_exit())} will be lost. Go on?")

    async def restored(settings: Settings) -> tuple[Manifest, str]:
        with shown_progress() as progress:
            manifest = await service.restore(settings, file, replace=replace, progress=progress)
        return manifest, place_of(settings)

    manifest, place = run(restored)
    typer.echo(f"{place} is restored: {_contents(manifest)}. Everybody has to sign in again.")


def move(
    to: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Where to: postgresql+asyncpg://… or sqlite+aiosqlite:///…"
        ),
    ],
) -> None:
    """Copy the whole chat into another, empty database, and compare every table.

    The chat must be stopped. The old database stays as it is. Set CHAT_DATABASE_URL to the new one
    afterwards. People stay signed in.
    """

    async def moved(settings: Settings) -> str:
        try:
            target = settings.with_database(to)
        except SettingsError as error:
            raise SettingsError(str(error).replace("CHAT_DATABASE_URL", "--to")) from None
        with shown_progress() as progress:
            await service.move(settings, target, progress=progress)
        return place_of(target)

    place = run(moved)
    typer.echo(f"All of it is in {place}, and equal. Set CHAT_DATABASE_URL to it now.")


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        fail("nobody can be asked here; say --yes as well")
    typer.confirm(question, abort=True)


def _contents(manifest: Manifest) -> str:
    rows = {table.name: table.rows for table in manifest.tables}
    made = f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    counts = [f"{count:,} {name}" for name, count in rows.items() if count]
    if manifest.files:
        counts.append(f"{manifest.files:,} stored files")
    return f"{', '.join(counts) or 'no rows'}; schema {manifest.revision}, of {made}"
