"""The commands of the shell, as an operator runs them: in this process, or in one of their own."""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from typer.testing import CliRunner

from chat_app.shell import running
from chat_app.shell.app import app
from tests.harness.servers import ROOT, chat_environment

COMMAND = [sys.executable, "-m", "chat_app"]
PATIENCE_S = 120

Ran = subprocess.CompletedProcess[str]


def shell(settings: Mapping[str, str], *arguments: object, typed: str = "") -> Ran:
    """Run a command in this process; `typed` is its standard input."""
    words = [str(argument) for argument in arguments]
    # A thread of its own: the command runs an event loop, and so do most tests.
    with silent_logs(), environment(settings), ThreadPoolExecutor(1) as thread:
        ended = thread.submit(CliRunner().invoke, app, words, input=typed).result()
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ran(words, ended.exit_code, ended.stdout, ended.stderr)


def program(
    settings: Mapping[str, str],
    *arguments: object,
    typed: str = "",
    before: Callable[[], None] | None = None,
) -> Ran:
    """Run a command in its own process, which costs a second: for effects that only that shows."""
    return subprocess.run(  # noqa: S603  # our own program
        [*COMMAND, *map(str, arguments)],
        check=False,
        input=typed,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=chat_environment(**settings),
        timeout=PATIENCE_S,
        preexec_fn=before,
    )


def done(settings: Mapping[str, str], *arguments: object, typed: str = "") -> str:
    """Run a command that must succeed, and return its output."""
    ran = shell(settings, *arguments, typed=typed)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout


def refused(settings: Mapping[str, str], *arguments: object, typed: str = "") -> str:
    """Run a command that must fail, and return its one-line error."""
    return reason(shell(settings, *arguments, typed=typed))


def reason(ran: Ran) -> str:
    """Return the one-line error of a failed command."""
    assert ran.returncode == 1, ran
    assert not ran.stdout, ran.stdout
    *steps, line = ran.stderr.splitlines()
    assert line.startswith("Error: "), ran.stderr
    assert not [step for step in steps if not step.endswith(")")], ran.stderr
    return line


@contextlib.contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Replace the chat's settings in our own environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - chat_environment().keys():
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


@contextlib.contextmanager
def silent_logs() -> Iterator[None]:
    """Keep log lines off standard error inside, as the program does for itself."""
    was_configured, before = structlog.is_configured(), structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        # A logger that kept this would be silent in later tests.
        cache_logger_on_first_use=False,
    )
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(running, "configure_logs", lambda *_: None)
            yield
    finally:
        structlog.reset_defaults()
        if was_configured:
            structlog.configure(**before)
