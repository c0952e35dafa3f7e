"""A program that writes a backup for a node, whose event loop it would hold.

`python -m chat_app.archive.child FILE` reads the settings, as one line of JSON, from its standard
input, and ends when that closes: it does not outlive its node. It prints a failure as JSON.
"""

import asyncio
import errno
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from chat_app.archive import service
from chat_app.archive.errors import ArchiveError
from chat_app.core.errors import CannotStart
from chat_app.core.logs import configure_logs
from chat_app.core.settings import Settings

# Those of a disk, of its quota, and of a limit of the process.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NICENESS = 10
INTERRUPTED_EVERY_S = 5.0


class Unshown:
    """Progress that nobody watches."""

    def begin(self, what: str, rows: int) -> None:
        """Show nothing."""

    def advance(self, rows: int) -> None:
        """Show nothing."""


def main(path: Path) -> int:
    """Write the backup; return the exit status."""
    # Ends like Ctrl-C, which removes what is half written.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.default_int_handler)
    os.nice(NICENESS)
    configure_logs("CRITICAL", "text")
    settings = Settings(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_the_node, daemon=True).start()
    try:
        asyncio.run(service.backup(settings, path, progress=Unshown()))
    except (ArchiveError, CannotStart) as error:
        failure = "disk_full" if _is_about_space(error) else "failed"
        print(json.dumps({"failure": failure, "reason": str(error)}))  # noqa: T201  # to the node
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


def _end_with_the_node() -> None:
    # Not by `sys.stdin`, whose lock a thread must not hold when the process ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    while True:
        # The first one asks asyncio to end; another one interrupts a call to a disk that hangs.
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(INTERRUPTED_EVERY_S)


def _is_about_space(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            return True
        error = error.__cause__
    return False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
