"""Where the bytes of files are that an archive copies: a folder, or a bucket of S3.

The names are the same in both: that of the folder of an id, and the id.
"""

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

from chat_app.archive.errors import failures_at
from chat_app.core.bucket import Bucket, ObjectMissing, open_bucket
from chat_app.core.ids import new_id
from chat_app.core.settings import Settings

# A file or its thumbnail, in the folder of its id; nothing else is copied.
NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}(\.thumbnail)?")
PIECE = 1024 * 1024
ONLY_OWNER = 0o600


class Place(Protocol):
    """The stored files of a chat, for people at `title`."""

    title: str

    async def names(self) -> list[str]:
        """Return the names of all files."""
        ...

    def pieces(self, name: str) -> AsyncIterator[bytes]:
        """Yield the bytes of a file. Raises FileNotFoundError before the first ones."""
        ...

    async def store(self, name: str, source: IO[bytes]) -> None:
        """Store a file; one that is there already is replaced."""

    async def sync(self, names: Iterable[str]) -> None:
        """Wait until stored files outlive this machine's power."""


class Folder:
    """The files in a folder of the disk."""

    def __init__(self, folder: Path) -> None:
        self.title = str(folder)
        self._folder = folder

    async def names(self) -> list[str]:
        """Return the names of all files."""
        found = (path.relative_to(self._folder).as_posix() for path in self._folder.glob("??/*"))
        return sorted(name for name in found if NAME.fullmatch(name))

    async def pieces(self, name: str) -> AsyncIterator[bytes]:
        """Yield the bytes of a file. Raises FileNotFoundError."""
        with (self._folder / name).open("rb") as source:
            while piece := source.read(PIECE):
                yield piece

    async def store(self, name: str, source: IO[bytes]) -> None:
        """Store a file; one that is there already is replaced."""
        path = self._folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{new_id().hex}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ONLY_OWNER)
            with os.fdopen(descriptor, "wb") as target:
                await copy(source, target)
                target.flush()
                os.fsync(target.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    async def sync(self, names: Iterable[str]) -> None:
        """Write the entries of the folders to the disk."""
        for parent in {(self._folder / name).parent for name in names}:
            descriptor = os.open(parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class Objects:
    """The files in a bucket."""

    def __init__(self, bucket: Bucket, url: str) -> None:
        self.title = url
        self._bucket = bucket

    async def names(self) -> list[str]:
        """Return the names of all files."""
        return [one.name for one in await self._bucket.list() if NAME.fullmatch(one.name)]

    async def pieces(self, name: str) -> AsyncIterator[bytes]:
        """Yield the bytes of a file. Raises FileNotFoundError."""
        # Whole at first: it may be removed meanwhile, and an archive takes nothing back.
        with tempfile.TemporaryFile() as copied:
            await self._fetch(name, copied)
            copied.seek(0)
            while piece := copied.read(PIECE):
                yield piece

    async def store(self, name: str, source: IO[bytes]) -> None:
        """Store a file; one that is there already is replaced."""
        with tempfile.NamedTemporaryFile() as copied:
            await copy(source, copied)
            copied.flush()
            await self._bucket.put_file(name, Path(copied.name))

    async def sync(self, names: Iterable[str]) -> None:
        """Do nothing: what S3 has taken is stored."""

    async def _fetch(self, name: str, target: IO[bytes]) -> None:
        at, size = 0, 1
        while at < size:
            try:
                piece = await self._bucket.read(name, at, at + PIECE)
            except ObjectMissing as error:
                raise FileNotFoundError(name) from error
            target.write(piece.data)
            at, size = at + len(piece.data), piece.size


@contextlib.contextmanager
def place_of_files(settings: Settings) -> Iterator[Place]:
    """Yield where the files of a chat are; failures of S3 are ArchiveErrors.

    Raises CannotStart.
    """
    if not settings.files_url:
        yield Folder(settings.data_dir / "files")
        return
    with failures_at(settings.files_url), open_bucket(settings.files_url) as bucket:
        yield Objects(bucket, settings.files_url)


async def copy(source: IO[bytes], target: IO[bytes] | None) -> None:
    """Copy all bytes of a file into another one, or only read them."""
    while piece := source.read(PIECE):
        if target is not None:
            target.write(piece)
        await asyncio.sleep(0)  # so that an interruption is noticed
