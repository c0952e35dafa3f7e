"""Chats forked from a process that has imported and started the API server already.

The imports are most of a start: forking saves two seconds of a core, the start before it half a
second more. The process to fork from starts with the first chat and ends with us.
"""

import ctypes
import importlib
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

API_SERVER = "tests.harness.api_server"
WARM_SERVER = "tests.harness.warm_server"
PR_SET_PDEATHSIG = 1

_context = multiprocessing.get_context("forkserver")
# Without the main module every fork would import the test runner.
_context.set_forkserver_preload(["__main__", API_SERVER, WARM_SERVER])


class Fork:
    """One forked API server, with the part of `subprocess.Popen` that `Server` is used by."""

    def __init__(self, *arguments: str, log: Path, environment: Mapping[str, str]) -> None:
        self.args: Sequence[str] = ["fork of", API_SERVER, *arguments]
        self._process = _context.Process(
            target=_become, args=(os.getpid(), arguments, log, environment), daemon=True
        )
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless the process has ended."""
        self.send_signal(signal.SIGKILL)


def _become(
    tests: int, arguments: Sequence[str], log: Path, environment: Mapping[str, str]
) -> None:
    """Run the API server in this process, as if it had been started as a program."""
    if sys.platform == "linux":  # the kernel ends the server with the process to fork from
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        threading.Thread(target=_end_with, args=(tests,), daemon=True).start()
    # A Ctrl-C at the terminal is for pytest, whose fixtures then stop the servers.
    os.setsid()
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    importlib.import_module(API_SERVER).main(*map(int, arguments))


def _end_with(tests: int) -> None:
    """End the process to fork from when the tests were killed: it waits for its threads."""
    select.select([os.pidfd_open(tests)], [], [])
    os.kill(os.getppid(), signal.SIGKILL)
