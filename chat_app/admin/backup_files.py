"""The folder of the backups that admins make: their names, their sizes, and how many are kept."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from chat_app.core.settings import Settings

# The newest ones; an older one is removed when a new one is whole.
KEPT = 3
NAME = re.compile(r"chat-[0-9]{8}-[0-9]{6}\.zip")
_TIME = "chat-%Y%m%d-%H%M%S.zip"


class StoredBackup(NamedTuple):
    """A whole backup on the disk."""

    name: str
    made_at: datetime
    size: int


class BackupFolder:
    """`CHAT_DATA_DIR/backups`. All methods use the disk: call them in a thread."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.data_dir.resolve() / "backups"

    def prepare(self, now: datetime) -> tuple[int, str]:
        """Make the folder, and return its free bytes and a name that no backup in it has.

        What is half written is removed: no backup may be under way. Raises OSError.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.remove_unfinished()
        while (self.path / (name := now.astimezone(UTC).strftime(_TIME))).exists():
            now += timedelta(seconds=1)
        return shutil.disk_usage(self.path).free, name

    def listed(self) -> list[StoredBackup]:
        """Return the whole backups, the newest first. Raises OSError."""
        found = []
        for path in self.path.glob("chat-*.zip"):
            if NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                made_at = datetime.strptime(path.name, _TIME).replace(tzinfo=UTC)
                found.append(StoredBackup(path.name, made_at, path.stat().st_size))
        return sorted(found, reverse=True)

    def remove_old(self) -> None:
        """Remove all but the newest ones. Raises OSError."""
        for one in self.listed()[KEPT:]:
            (self.path / one.name).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Remove what is half written. Raises OSError."""
        for path in self.path.glob(".chat-*.zip.*"):
            path.unlink(missing_ok=True)
