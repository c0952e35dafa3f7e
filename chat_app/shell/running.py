"""Running a shell command: its settings, its failures in one line, its progress."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, NoReturn, TypeVar

import typer
from rich import progress as bars
from rich.console import Console

from chat_app.archive.errors import ArchiveError, failures_at
from chat_app.archive.sources import Progress
from chat_app.archive.targets import place_of
from chat_app.core import migrations
from chat_app.core.database import Database
from chat_app.core.errors import AppError, CannotStart, Invalid
from chat_app.core.logs import configure_logs
from chat_app.core.settings import Settings, SettingsError, read_settings

Result = TypeVar("Result")


def run(work: Callable[[Settings], Coroutine[Any, Any, Result]]) -> Result:
    """Run the work of a command; after a failure print one line and exit with 1."""
    settings = settings_or_exit()
    # A failure is one line on standard error; logs would repeat it.
    configure_logs("CRITICAL", "text")
    try:
        return asyncio.run(work(settings))
    except (SettingsError, CannotStart, ArchiveError) as error:
        fail(str(error))
    except Invalid as error:
        fail(" ".join(error.fields.values()))
    except AppError as error:
        fail(error.detail)
    except KeyboardInterrupt:
        fail("interrupted")


def settings_or_exit() -> Settings:
    """Read the settings; for a wrong one print its name and exit with 1."""
    try:
        return read_settings()
    except SettingsError as error:
        fail(str(error))


def fail(why: str) -> NoReturn:
    """Print one line on standard error and exit with 1."""
    typer.echo(f"Error: {why}", err=True)
    raise typer.Exit(1)


@contextlib.asynccontextmanager
async def migrated_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database of the settings. Raises ArchiveError unless its schema is this code's."""
    database = Database(settings)
    try:
        with failures_at(place_of(settings)):
            revision = await migrations.current_revision(database)
            if revision != migrations.newest_revision():
                raise ArchiveError("its schema is not that of this version: run migrate first")
            yield database
    finally:
        await database.close()


@contextlib.contextmanager
def shown_progress() -> Iterator[Progress]:
    """Yield the progress display on standard error: bars at a terminal, else a line a step."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True) as shown:
        yield _Bar(shown)


class _Lines:
    """Progress as one line for each step."""

    def begin(self, what: str, rows: int) -> None:
        """Print the step and its number of rows."""
        typer.echo(f"{what} ({rows:,})", err=True)

    def advance(self, rows: int) -> None:
        """Print nothing."""


class _Bar:
    """Progress as a bar for the current step."""

    def __init__(self, shown: bars.Progress) -> None:
        self._shown = shown
        self._step: bars.TaskID | None = None

    def begin(self, what: str, rows: int) -> None:
        """Replace the bar of the previous step."""
        if self._step is not None:
            self._shown.remove_task(self._step)
        self._step = self._shown.add_task(what, total=max(rows, 1))

    def advance(self, rows: int) -> None:
        """Advance the bar."""
        if self._step is not None:
            self._shown.advance(self._step, rows)
