"""Find the outside programs of the tests; install on Debian what is missing.

The tests start private copies on free ports; nothing here needs them running.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.harness import programs


class Needed(NamedTuple):
    """A program, how to find it, its Debian package, and both of one that does instead."""

    name: str
    find: Callable[[], Path]
    package: str
    find_other: Callable[[], Path] | None = None
    other_package: str = ""


NEEDED = (
    # Pushes are shown by the browser that people use.
    Needed("Chromium", programs.chromium, "chromium"),
    # Not every distribution has the shell; with Chromium itself the tests take longer.
    Needed(
        "Chromium's headless shell",
        programs.headless_shell,
        "chromium-headless-shell",
        programs.chromium,
        "chromium",
    ),
    Needed("Redis", programs.redis_server, "redis-server"),
    Needed("PostgreSQL", programs.postgres_folder, "postgresql"),
    Needed("PgBouncer", programs.pgbouncer, "pgbouncer"),
    Needed("nginx", programs.nginx, "nginx"),
    Needed("OpenSSL", programs.openssl, "openssl"),
)
# Of `make test-all`: the tests in tests/engines.
ENGINES = (
    Needed("Firefox", programs.firefox, "firefox-esr", programs.firefox, "firefox"),
    Needed("WebKit", programs.webkit_driver, "webkit2gtk-driver"),
    Needed("WebKit's browser", programs.mini_browser, "webkit2gtk-driver"),
    Needed("Xvfb", programs.xvfb, "xvfb"),
)


def main() -> int:
    """Make sure that everything is there, with `--engines` all browsers; return the exit status."""
    wanted = (*NEEDED, *ENGINES) if "--engines" in sys.argv[1:] else NEEDED
    missing = _missing(wanted)
    if not missing:
        return 0
    if shutil.which("apt-get") and (administrator := _administrator()) is not None:
        print("Installing for the tests:", ", ".join(needed.name for needed in missing))
        _apt_get(administrator, "update")
        for needed in missing:
            _install(administrator, needed.package)
        for needed in _lacking(wanted):
            _install(administrator, needed.other_package or needed.package)
    missing = _lacking(wanted)
    for needed in missing:
        print(
            f"The tests need {needed.name}. Please install it with your system's package manager"
            f" (on Debian: apt-get install {needed.package}) and run this again.",
            file=sys.stderr,
        )
    return 1 if missing else 0


def _missing(wanted: Sequence[Needed]) -> list[Needed]:
    return [needed for needed in wanted if not _is_there(needed.find)]


def _lacking(wanted: Sequence[Needed]) -> list[Needed]:
    return [needed for needed in _missing(wanted) if not _is_there(needed.find_other)]


def _install(administrator: list[str], package: str) -> None:
    _apt_get(administrator, "install", "--yes", "--no-install-recommends", package)


def _is_there(find: Callable[[], Path] | None) -> bool:
    try:
        return find is not None and find().exists()
    except programs.ProgramMissing:
        return False


def _administrator() -> list[str] | None:
    """Return what to put before a command to run it as root, or None."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    # Without a terminal nobody could type the password: then only a free sudo counts.
    asks_nothing = sudo and subprocess.run([sudo, "-n", "true"], check=False).returncode == 0
    return [sudo] if sudo and (asks_nothing or sys.stdin.isatty()) else None


def _apt_get(administrator: list[str], *arguments: str) -> None:
    """Run apt-get, which prints why it fails; what is still missing then is listed."""
    # RUNLEVEL=1 keeps the packages from starting their services: the tests start private ones.
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    command = [*administrator, *environment, "apt-get", "-qq", *arguments]
    subprocess.run(command, check=False)


if __name__ == "__main__":
    sys.exit(main())
