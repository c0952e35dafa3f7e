"""The bytes of files in a folder of the disk, written and removed by threads of their own.

A file is in the folder of the end of its id: beginnings of ids are times, and equal. What is
uploaded is in `uploads` until it is complete and checked; then it is synced and moved.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID

from chat_app.files.errors import BytesMissing, DiskFull

THREADS = 4
CHUNK = 1024 * 1024
# Of an upload. The commits of the database wait behind a sync on the same disk: with pieces of 8 MB
# messages take half as long beside uploads as with one sync at the end, and an upload takes 8 %
# more (benchmarks, files).
SYNCED_TOGETHER = 8 * CHUNK
UPLOADS = "uploads"
THUMBNAIL, RENEWED = ".thumbnail", ".renewed"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Result = TypeVar("Result")


def folders() -> Iterator[str]:
    """Yield the names of all folders that files may be in."""
    yield UPLOADS
    yield from (f"{number:02x}" for number in range(256))


class LocalFile(NamedTuple):
    """A stored file on this machine's disk."""

    path: Path
    stat: os.stat_result

    @property
    def size(self) -> int:
        """The number of its bytes."""
        return self.stat.st_size


class FewerBytes(Exception):
    """An upload has fewer bytes than its row says: they were lost with the power."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(size)


class Disk:
    """The folder of files; close it at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="files")

    def close(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()

    def path(self, file_id: UUID) -> Path:
        """Return where a file is."""
        return self._folder / file_id.hex[-2:] / file_id.hex

    def thumbnail_path(self, file_id: UUID) -> Path:
        """Return where the thumbnail of a file is."""
        return self.path(file_id).with_suffix(THUMBNAIL)

    def upload_path(self, file_id: UUID, suffix: str = "") -> Path:
        """Return where an upload is, or what is made of it, by the suffix."""
        return self._folder / UPLOADS / f"{file_id.hex}{suffix}"

    async def check(self) -> None:
        """Do nothing: the folder is made when it is needed."""

    async def has_room(self, size: int) -> bool:
        """Return whether so many bytes fit."""
        return await self._run(self._has_room, size)

    async def open_upload(
        self, file_id: UUID, offset: int, *, taken_over: bool = False
    ) -> "Writer":
        """Open an upload to append at an offset; what is there behind it is cut off.

        One that is taken over becomes another file: a request that still has the old one open
        cannot change what is checked and stored. Raises FewerBytes, DiskFull and BytesMissing.
        """
        path = self.upload_path(file_id)
        if taken_over:
            await self._run(_renew, path, self.upload_path(file_id, RENEWED), offset)
        return await self._run(Writer.open, self._threads, path, offset)

    @contextlib.asynccontextmanager
    async def upload_at_hand(self, file_id: UUID, size: int) -> AsyncIterator[bool]:  # noqa: ARG002  # for a bucket
        """Yield whether the bytes of an upload are at its path while the block lasts."""
        yield await self._run(self.upload_path(file_id).exists)

    @contextlib.asynccontextmanager
    async def file_at_hand(self, file_id: UUID) -> AsyncIterator[Path]:
        """Yield where a stored file can be read while the block lasts. Raises BytesMissing."""
        path = self.path(file_id)
        await self._run(os.stat, path)
        yield path

    async def head(self, file_id: UUID, size: int) -> bytes | None:
        """Return the first bytes of an upload, None if this node does not have it."""
        return await self._run(_head, self.upload_path(file_id), size)

    async def keep(
        self, file_id: UUID, source: Path, thumbnail: Path | None = None
    ) -> tuple[int, str]:
        """Store a checked file, with its thumbnail, for good; return its size and SHA-256.

        The upload stays, so that a check that breaks off can be repeated. Raises DiskFull and
        BytesMissing.
        """
        return await self._run(self._keep, file_id, source, thumbnail)

    async def open(self, file_id: UUID, *, thumbnail: bool = False) -> LocalFile:
        """Return a stored file, or its thumbnail, to be served. Raises BytesMissing."""
        path = self.thumbnail_path(file_id) if thumbnail else self.path(file_id)
        return LocalFile(path, await self._run(os.stat, path))

    async def digest(self, file_id: UUID, *, with_thumbnail: bool) -> str | None:
        """Return the SHA-256 of a stored file, None where it or its thumbnail is missing."""
        return await self._run(self._digest, file_id, with_thumbnail)

    async def write(self, path: Path, data: bytes, mode: str) -> None:
        """Write, or append, bytes to a file in `uploads`. Raises DiskFull."""
        await self._run(_write, path, data, mode)

    async def digest_of(self, path: Path) -> tuple[int, str]:
        """Return the size and the SHA-256 of a file. Raises BytesMissing."""
        return await self._run(_digest_of, path)

    async def remove(self, file_ids: Iterable[UUID]) -> None:
        """Remove all that there is of files; what is not there is removed already."""
        await self._run(self._remove, list(file_ids))

    async def remove_upload(self, file_id: UUID) -> None:
        """Remove an upload whose file is stored."""
        await self._run(self._remove_upload, file_id)

    async def old_ids(self, folder: str, age_s: float) -> list[UUID]:
        """Return the ids of the files in one of the `folders` that nobody wrote for so long."""
        return await self._run(self._old_ids, folder, age_s)

    async def _run(self, work: Callable[..., Result], *arguments: Any) -> Result:  # noqa: ANN401  # those of `work`
        return await in_thread(self._threads, work, *arguments)

    def _has_room(self, size: int) -> bool:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shutil.disk_usage(self._folder).free >= size

    def _keep(self, file_id: UUID, source: Path, thumbnail: Path | None) -> tuple[int, str]:
        target = self.path(file_id)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = _synced(source)
        size = source.stat().st_size
        if thumbnail is not None:
            _synced(thumbnail)
            thumbnail.replace(self.thumbnail_path(file_id))
        draft = target.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        _link(source, draft)
        draft.replace(target)
        # Two links to one file: after a check that is repeated, that has changed nothing.
        draft.unlink(missing_ok=True)
        _sync_folder(target.parent)
        return size, digest

    def _digest(self, file_id: UUID, with_thumbnail: bool) -> str | None:  # noqa: FBT001  # by place
        if with_thumbnail and not self.thumbnail_path(file_id).exists():
            return None
        try:
            with self.path(file_id).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def _remove(self, file_ids: list[UUID]) -> None:
        for file_id in file_ids:
            _unlink([self.path(file_id), self.thumbnail_path(file_id)])
            self._remove_upload(file_id)

    def _remove_upload(self, file_id: UUID) -> None:
        _unlink(list((self._folder / UPLOADS).glob(f"{file_id.hex}*")))

    def _old_ids(self, folder: str, age_s: float) -> list[UUID]:
        try:
            with os.scandir(self._folder / folder) as entries:
                old = [one.name for one in entries if one.stat().st_mtime < time.time() - age_s]
        except FileNotFoundError:
            return []
        names = {name.partition(".")[0] for name in old}
        return [UUID(name) for name in names if is_id(name)]


class Writer:
    """An open upload; its methods run in threads."""

    def __init__(
        self, threads: ThreadPoolExecutor, descriptor: int, folder: Path, offset: int
    ) -> None:
        # How far the upload is stored.
        self.stored = self._synced = offset
        self._threads = threads
        self._descriptor = descriptor
        self._folder = folder

    @classmethod
    def open(cls, threads: ThreadPoolExecutor, path: Path, offset: int) -> Self:
        """Open a file to append at an offset. Raises FewerBytes."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _cut(descriptor, offset)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(threads, descriptor, path.parent, offset)

    async def write(self, chunks: list[bytes], checksum: "hashlib._Hash | None") -> None:
        """Append bytes, and add them to a checksum. Raises DiskFull."""
        await in_thread(self._threads, self._write, chunks, checksum)

    async def sync(self) -> None:
        """Wait until all that was written is on the disk. Raises DiskFull."""
        await in_thread(self._threads, self._sync)

    async def cut(self, size: int) -> None:
        """Cut off what is behind a size."""
        await in_thread(self._threads, os.ftruncate, self._descriptor, size)

    async def close(self) -> None:
        """Close the file."""
        await in_thread(self._threads, os.close, self._descriptor)

    def _write(self, chunks: list[bytes], checksum: "hashlib._Hash | None") -> None:
        joined = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if checksum is not None:
            checksum.update(joined)
        left = memoryview(joined)
        while left:
            left = left[os.write(self._descriptor, left) :]
        self.stored += len(joined)
        if self.stored - self._synced >= SYNCED_TOGETHER:
            os.fsync(self._descriptor)
            self._synced = self.stored

    def _sync(self) -> None:
        os.fsync(self._descriptor)
        _sync_folder(self._folder)


def _cut(descriptor: int, offset: int) -> None:
    """Cut a file at an offset, and go on there. Raises FewerBytes."""
    size = os.fstat(descriptor).st_size
    if size < offset:
        raise FewerBytes(size)
    os.ftruncate(descriptor, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)


def _renew(path: Path, copy: Path, size: int) -> None:
    """Put a copy of the first bytes of a file in its place. Raises FewerBytes."""
    copy.unlink(missing_ok=True)
    left = size
    try:
        with path.open("rb") as source, copy.open("xb") as target:
            copy.chmod(0o600)
            while left and (piece := source.read(min(left, CHUNK))):
                target.write(piece)
                left -= len(piece)
            target.flush()
            os.fsync(target.fileno())
    except FileNotFoundError:
        # Nothing was written before; or it was by another node, with a folder of its own.
        if size:
            raise FewerBytes(0) from None
        return
    if left:
        raise FewerBytes(size - left)
    copy.replace(path)


async def in_thread(
    threads: ThreadPoolExecutor,
    work: Callable[..., Result],
    *arguments: Any,  # noqa: ANN401  # those of `work`
) -> Result:
    """Run work with the disk in a thread. Raises DiskFull, or BytesMissing for other failures."""
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, partial(work, *arguments))
    except OSError as error:
        raise (DiskFull if error.errno in _FULL else BytesMissing) from error


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in _FULL:
            raise
        # Not every network's folder has links.
        shutil.copyfile(source, target)
        _synced(target)


def _head(path: Path, size: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return None


def _write(path: Path, data: bytes, mode: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open(mode) as file:
        file.write(data)


def _digest_of(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path.stat().st_size, digest


def _synced(path: Path) -> str:
    """Return the SHA-256 of a file, which is on the disk then."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def is_id(name: str) -> bool:
    """Return whether a name is an id, as files have it."""
    try:
        return UUID(name).hex == name
    except ValueError:
        return False
