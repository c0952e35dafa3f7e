"""Every command of `python -m chat_app`."""

import signal

import typer

from chat_app.shell import accounts, archives, storage

app = typer.Typer(
    name="chat_app",
    help="Run the chat from the shell. It reads the same settings as the chat, and .env.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command("migrate")(storage.migrate)
app.command("stats")(storage.stats)
app.command("create-user")(accounts.create_user)
app.command("reset-password")(accounts.reset_password)
app.command("backup")(archives.backup)
app.command("restore")(archives.restore)
app.command("move")(archives.move)

sessions = typer.Typer(help="Where people are signed in.", no_args_is_help=True)
sessions.command("end")(accounts.end_sessions)
app.add_typer(sessions, name="sessions")


@sessions.callback()
def _keep_the_name_of_the_command() -> None:
    """Without this, typer takes a group of one command for that command."""


def main() -> None:
    """Run what the arguments ask for. Exits with 0, with 1 when it failed, with 2 for wrong use."""
    # Whoever is told to stop cleans up, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app(prog_name="python -m chat_app")
