"""The command-line application `python -m chat_app` with all its commands."""

import signal

import typer

from chat_app.shell import accounts, archives, files, invites, storage

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
app.command("make-admin")(accounts.make_admin)
app.command("reset-password")(accounts.reset_password)
app.command("reindex")(storage.reindex)
app.command("invite")(invites.invite)
app.command("backup")(archives.backup)
app.command("restore")(archives.restore)
app.command("move")(archives.move)

sessions = typer.Typer(help="Where people are signed in.", no_args_is_help=True)
sessions.command("end")(accounts.end_sessions)
app.add_typer(sessions, name="sessions")
stored_files = typer.Typer(help="The files that people have sent.", no_args_is_help=True)
stored_files.command("verify")(files.verify)
app.add_typer(stored_files, name="files")


@sessions.callback()
@stored_files.callback()
def _keep_as_group() -> None:
    """Keep a group: typer turns a group of one command into that command."""


def main() -> None:
    """Run the command line. Exits with 0, with 1 after a failure, with 2 after wrong usage."""
    # SIGTERM cleans up like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app(prog_name="python -m chat_app")
