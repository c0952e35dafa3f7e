"""The commands `create-user`, `make-admin`, `reset-password` and `sessions end`."""

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Annotated

import typer
from pydantic import ValidationError

from chat_app.accounts.schemas import Registration
from chat_app.admin import service as admin
from chat_app.admin.operator import Operator
from chat_app.core.database import Database
from chat_app.core.input import complaints
from chat_app.core.metrics import Metrics
from chat_app.core.passwords import Passwords
from chat_app.core.settings import Settings
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.node.infrastructure import open_broker
from chat_app.realtime.broker import Broker
from chat_app.shell.running import fail, migrated_database, run

Name = Annotated[str, typer.Argument(metavar="NAME", help="The username, in any spelling.")]


def create_user(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The username.")],
    display_name: Annotated[str | None, typer.Option(help="What others see; else NAME.")] = None,
) -> None:
    """Create an account, by the rules of registering.

    The password is asked for; without a terminal it is the first line of standard input.
    """
    try:
        data = Registration(username=name, password=_password(), display_name=display_name)
    except ValidationError as error:
        fail(" ".join(complaints(error).fields.values()))

    async def create(settings: Settings) -> str:
        async with _operator(settings) as operator:
            return (await operator.create_user(data)).username

    typer.echo(f"{run(create)} can sign in now.")


def make_admin(name: Name) -> None:
    """Make somebody an admin, who runs the chat at /admin; a disabled account is enabled."""

    async def make(settings: Settings) -> str:
        async with _opened(settings) as (database, broker):
            return await admin.make_admin(database, broker, name)

    typer.echo(f"{run(make)} is an admin.")


def reset_password(name: Name) -> None:
    """Set somebody's password, and sign them out everywhere.

    The password is asked for; without a terminal it is the first line of standard input.
    """
    password = _password()

    async def reset(settings: Settings) -> int:
        async with _operator(settings) as operator:
            return await operator.reset_password(name, password)

    ended = run(reset)
    typer.echo(f"The password of {name} is set.")
    _print_ended(ended)


def end_sessions(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Whose, in any spelling.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's.")] = False,  # noqa: FBT002  # how typer has its options
) -> None:
    """Sign somebody out everywhere, or everybody."""
    if (name is None) is not everybody:
        raise typer.BadParameter("give either NAME or --all")

    async def end(settings: Settings) -> int:
        if name is not None:
            async with _operator(settings) as operator:
                return await operator.end_sessions(name)
        ended = 0
        while some := await _end_batch(settings):
            ended += some
        return ended

    _print_ended(run(end))


async def _end_batch(settings: Settings) -> int:
    # A broker for each batch: closing it waits until its events are published.
    async with _operator(settings) as operator:
        return await operator.end_some_sessions()


@contextlib.asynccontextmanager
async def _operator(settings: Settings) -> AsyncIterator[Operator]:
    async with _opened(settings) as (database, broker):
        passwords = Passwords()
        with contextlib.closing(passwords):
            yield Operator(database=database, broker=broker, passwords=passwords)


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Database, Broker]]:
    async with migrated_database(settings) as database:
        broker = open_broker(settings, Supervisor(), Metrics(), Traces())
        try:
            yield database, broker
        finally:
            await broker.close()


def _password() -> str:
    if sys.stdin.isatty():
        asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    try:
        return sys.stdin.readline().removesuffix("\n")
    except UnicodeDecodeError:
        fail("the password on standard input is no text")


def _print_ended(ended: int) -> None:
    typer.echo(f"Signed out at {ended:,} {'place' if ended == 1 else 'places'}.")
