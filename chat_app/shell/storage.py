"""The commands `migrate`, `reindex` and `stats`."""

import typer

from chat_app.archive.errors import failures_at
from chat_app.archive.targets import place_of
from chat_app.core import migrations
from chat_app.core.database import Database
from chat_app.core.settings import Settings
from chat_app.node.infrastructure import count_online
from chat_app.search.rebuild import rebuild
from chat_app.shell.running import migrated_database, run, shown_progress
from chat_app.stats import Count, Stats, read_stats

UNITS = ("bytes", "KB", "MB", "GB", "TB")
STEP = 1000


def migrate() -> None:
    """Bring the database up to the schema of this version."""
    run(_migrate)


async def _migrate(settings: Settings) -> None:
    database = Database(settings)
    try:
        with failures_at(place_of(settings)):
            before = await migrations.current_revision(database)
            await migrations.upgrade(database)
    finally:
        await database.close()
    newest = str(migrations.newest_revision())
    steps = migrations.steps_between(before, newest)
    for step in steps:
        typer.echo(f"Migrated: {step}")
    typer.echo(f"{place_of(settings)} is at {newest}{'' if steps else ', as it was'}.")


def reindex() -> None:
    """Build the index of the search anew, also while the chat runs.

    Until it is done, searches find a part of the messages, the oldest first.
    """
    read = run(_reindex)
    typer.echo(f"{read:,} messages were read; the search has them all.")


async def _reindex(settings: Settings) -> int:
    async with migrated_database(settings) as database:
        found = await read_stats(database)
        with shown_progress() as progress:
            progress.begin("messages", found.messages.number)
            return await rebuild(database, progress.advance)


def stats() -> None:
    """Tell how much there is: people, conversations, messages, and where.

    Quick also with millions: beyond 100,000 rows a number is the database's own estimate, and
    begins with "about".
    """
    run(_stats)


async def _stats(settings: Settings) -> None:
    async with migrated_database(settings) as database:
        found = await read_stats(database)
    online = await count_online(settings)
    for name, value in _lines(settings, found, online):
        typer.echo(f"{name:<15}{value}")


def _lines(settings: Settings, found: Stats, online: int | None) -> list[tuple[str, str]]:
    unknown = "Redis does not answer" if settings.redis_url else "only the chat itself knows"
    kind = "SQLite" if settings.embedded else "PostgreSQL"
    return [
        ("people", _number(found.people)),
        ("online", f"{online:,}" if online is not None else f"unknown: {unknown}"),
        ("conversations", _number(found.conversations)),
        ("messages", _number(found.messages)),
        ("last day", f"{found.messages_last_day:,} messages"),
        ("database", f"{kind}, {size(found.size_bytes)}, {place_of(settings)}"),
        ("schema", f"{migrations.newest_revision()}"),
    ]


def _number(count: Count) -> str:
    return f"{count.number:,}" if count.is_exact else f"about {count.number:,}"


def size(count: float) -> str:
    """Format a number of bytes with its unit."""
    unit = 0
    while count >= STEP and unit < len(UNITS) - 1:
        count /= STEP
        unit += 1
    return f"{count:.1f} {UNITS[unit]}" if unit else f"{count:.0f} {UNITS[unit]}"
