"""Paths of the outside programs that the tests use, and the error for a missing one."""

import shutil
import sys
from pathlib import Path

POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Fedora, RHEL
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
# Chromium without windows: pages are the same, and a profile costs a quarter.
HEADLESS_NAMES = ("chromium-headless-shell", "chrome-headless-shell")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_SWITCHES = ("--no-sandbox", "--disable-gpu", "--in-process-gpu")
CHROMIUM_FILES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


class ProgramMissing(RuntimeError):
    """Raised when a test needs a program that this machine does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed; run: {sys.executable} tests/install_servers.py")


def headless_chromium() -> Path:
    """Return the browser that the browser tests drive."""
    try:
        return headless_shell()
    except ProgramMissing:
        return chromium()


def headless_shell() -> Path:
    """Return Chromium's headless shell."""
    for name in HEADLESS_NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise ProgramMissing("Chromium's headless shell")


def chromium() -> Path:
    """Return Chromium as people use it."""
    for name in CHROMIUM_NAMES:
        if found := shutil.which(name):
            return Path(found)
    for file in CHROMIUM_FILES:
        if Path(file).exists():
            return Path(file)
    raise ProgramMissing("Chromium")


def firefox() -> Path:
    """Return Firefox."""
    for name in ("firefox-esr", "firefox"):
        if found := shutil.which(name):
            return Path(found)
    raise ProgramMissing("Firefox")


def webkit_driver() -> Path:
    """Return the program that drives WebKit's small browser."""
    return _on_the_path("WebKitWebDriver", "WebKit's driver")


def mini_browser() -> Path:
    """Return WebKit's small browser, which comes with its library."""
    found = sorted(Path("/usr/lib").glob("**/webkit2gtk-4.*/MiniBrowser"))
    if not found:
        raise ProgramMissing("WebKit")
    return found[-1]


def xvfb() -> Path:
    """Return the X server without a screen."""
    return _on_the_path("Xvfb", "Xvfb")


def redis_server() -> Path:
    """Return the Redis server, or Valkey, its free twin."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ProgramMissing("Redis")


def postgres_folder() -> Path:
    """Return the newest folder that holds `initdb`, `postgres` and `createdb`."""
    folders = [
        folder
        for pattern in POSTGRES_FOLDERS
        for folder in Path("/").glob(pattern.removeprefix("/"))
        if (folder / "initdb").exists()
    ]
    if folders:
        return max(folders, key=_version)
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise ProgramMissing("PostgreSQL")


def nginx() -> Path:
    """Return nginx; Debian keeps it outside a user's PATH."""
    return _on_the_path("nginx", "nginx")


def pgbouncer() -> Path:
    """Return PgBouncer; Debian keeps it outside a user's PATH."""
    return _on_the_path("pgbouncer", "PgBouncer")


def openssl() -> Path:
    """Return the program that makes certificates."""
    return _on_the_path("openssl", "OpenSSL")


def _on_the_path(command: str, name: str) -> Path:
    found = shutil.which(command) or shutil.which(command, path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise ProgramMissing(name)
    return Path(found)


def _version(folder: Path) -> int:
    digits = "".join(letter for letter in folder.parent.name if letter.isdigit())
    return int(digits or 0)
