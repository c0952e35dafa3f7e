"""The commands of the shell, as an operator runs them."""

import subprocess
import sys
from collections.abc import Callable, Mapping

from tests.harness.servers import ROOT, chat_environment

COMMAND = [sys.executable, "-m", "chat_app"]
PATIENCE_S = 60


def shell(
    settings: Mapping[str, str],
    *arguments: object,
    typed: str = "",
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command until it ends; `typed` is its standard input."""
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
    """Run a command that must succeed, and return what it says."""
    ran = shell(settings, *arguments, typed=typed)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout


def refused(
    settings: Mapping[str, str],
    *arguments: object,
    typed: str = "",
    before: Callable[[], None] | None = None,
) -> str:
    """Run a command that must fail, and return the one line that says why."""
    ran = shell(settings, *arguments, typed=typed, before=before)
    assert ran.returncode == 1, ran
    assert not ran.stdout, ran.stdout
    *steps, line = ran.stderr.splitlines()
    assert line.startswith("Error: "), ran.stderr
    assert not [step for step in steps if not step.endswith(")")], ran.stderr
    return line
