"""The bytes of files in a bucket of S3, by the names that they have on a disk.

An upload is in parts, `uploads/<id>/<offset>`, so that any node may take its next bytes; the parts
begin at multiples of their size. What needs a file of this machine, the check and its child
process, gets a copy in a folder, which is removed again.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from chat_app.core.bucket import Bucket, Entry, ObjectMissing
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.files.disk import THUMBNAIL, UPLOADS, Disk, FewerBytes, is_id
from chat_app.files.errors import BytesMissing

# Of an upload; one that is being received has as much in memory.
PART = 2 * 1024 * 1024
# Of what is served: a thumbnail comes at once, and larger files in pieces.
BEGINNING = 256 * 1024
PIECE = 1024 * 1024
# A check takes much less; what is older was left behind by a node that ended.
COPY_AGE_S = 3_600.0
COPY = ".copy"


class RemoteFile(NamedTuple):
    """A stored file in a bucket, of which the first bytes are here."""

    name: str
    size: int
    modified: datetime
    beginning: bytes
    bucket: Bucket

    async def read(self, start: int, stop: int) -> bytes:
        """Return bytes, at most a piece. Raises BytesMissing and BucketAway."""
        stop = min(stop, start + PIECE)
        if start < len(self.beginning):
            return self.beginning[start:stop]
        try:
            return (await self.bucket.read(self.name, start, stop)).data
        except ObjectMissing as error:
            raise BytesMissing from error


class BucketStorage:
    """The files of a chat in a bucket, with a folder for copies; close it at the end.

    All methods that reach the bucket raise BucketAway.
    """

    def __init__(self, bucket: Bucket, copies: Disk) -> None:
        self._bucket = bucket
        self._copies = copies

    async def check(self) -> None:
        """Raise CannotStart if the bucket cannot be used."""
        await self._bucket.check()

    def upload_path(self, file_id: UUID, suffix: str = "") -> Path:
        """Return where the copy of an upload is, or what is made of it, by the suffix."""
        return self._copies.upload_path(file_id, suffix)

    async def has_room(self, size: int) -> bool:  # noqa: ARG002  # a bucket has no size
        """Return whether so many bytes fit."""
        return True

    async def open_upload(
        self,
        file_id: UUID,
        offset: int,
        *,
        taken_over: bool = False,  # noqa: ARG002  # a part is put within the time of a claim
    ) -> "PartsWriter":
        """Open an upload to append at an offset; what is there behind it does not count.

        Raises FewerBytes.
        """
        start = offset - offset % PART
        kept = b""
        if start < offset:
            with contextlib.suppress(ObjectMissing):
                kept = (await self._bucket.read(_part(file_id, start), 0, offset - start)).data
        if start + len(kept) < offset:
            raise FewerBytes(start + len(kept))
        return PartsWriter(self._bucket, file_id, start, kept)

    @contextlib.asynccontextmanager
    async def upload_at_hand(self, file_id: UUID, size: int) -> AsyncIterator[bool]:
        """Copy a complete upload to its path for the block; yield whether all of it was there.

        Raises DiskFull.
        """
        for left in await self._copies.old_ids(UPLOADS, COPY_AGE_S):
            await self._copies.remove_upload(left)
        parts = [(_part(file_id, at), min(PART, size - at)) for at in range(0, size, PART)]
        async with self._removed_at_end(file_id):
            yield await self._copy(parts, self.upload_path(file_id))

    @contextlib.asynccontextmanager
    async def file_at_hand(self, file_id: UUID) -> AsyncIterator[Path]:
        """Copy a stored file for the block; yield where it is. Raises BytesMissing, DiskFull."""
        size = (await self.open(file_id)).size
        copy_id = new_id()
        path = self.upload_path(copy_id, COPY)
        async with self._removed_at_end(copy_id):
            if not await self._copy([(_name(file_id), size)], path):
                raise BytesMissing
            yield path

    async def head(self, file_id: UUID, size: int) -> bytes | None:
        """Return the first bytes of an upload that is at hand."""
        return await self._copies.head(file_id, size)

    async def keep(
        self, file_id: UUID, source: Path, thumbnail: Path | None = None
    ) -> tuple[int, str]:
        """Store a checked file, with its thumbnail, for good; return its size and SHA-256.

        The upload stays, so that a check that breaks off can be repeated.
        """
        size, digest = await self._copies.digest_of(source)
        if thumbnail is not None:
            await self._bucket.put_file(_name(file_id) + THUMBNAIL, thumbnail)
        await self._bucket.put_file(_name(file_id), source)
        return size, digest

    async def open(self, file_id: UUID, *, thumbnail: bool = False) -> RemoteFile:
        """Return a stored file, or its thumbnail, to be served. Raises BytesMissing."""
        name = _name(file_id) + THUMBNAIL if thumbnail else _name(file_id)
        try:
            piece = await self._bucket.read(name, 0, BEGINNING)
        except ObjectMissing as error:
            raise BytesMissing from error
        return RemoteFile(name, piece.size, piece.modified, piece.data, self._bucket)

    async def digest(self, file_id: UUID, *, with_thumbnail: bool) -> str | None:
        """Return the SHA-256 of a stored file, None where it or its thumbnail is missing."""
        name, digest, at = _name(file_id), hashlib.sha256(), 0
        try:
            if with_thumbnail:
                await self._bucket.read(name + THUMBNAIL, 0, 1)
            while True:
                piece = await self._bucket.read(name, at, at + PIECE)
                digest.update(piece.data)
                at += len(piece.data)
                if at >= piece.size:
                    return digest.hexdigest()
        except ObjectMissing:
            return None

    async def remove(self, file_ids: Iterable[UUID]) -> None:
        """Remove all that there is of files; what is not there is removed already."""
        ids = list(file_ids)
        names = [_name(one) + suffix for one in ids for suffix in ("", THUMBNAIL)]
        uploads = await asyncio.gather(*map(self._parts, ids))
        await self._bucket.delete(names + [name for parts in uploads for name in parts])

    async def remove_upload(self, file_id: UUID) -> None:
        """Remove an upload whose file is stored."""
        await self._copies.remove_upload(file_id)
        await self._bucket.delete(await self._parts(file_id))

    async def old_ids(self, folder: str, age_s: float) -> list[UUID]:
        """Return the ids of the files in one of the `folders` that nobody wrote for so long."""
        entries = await self._bucket.list(folder)
        return _old_ids(entries, utc_now() - timedelta(seconds=age_s))

    async def _parts(self, file_id: UUID) -> list[str]:
        return [one.name for one in await self._bucket.list(f"{UPLOADS}/{file_id.hex}")]

    async def _copy(self, objects: Sequence[tuple[str, int]], path: Path) -> bool:
        """Copy the first bytes of objects into one file; return whether all were there."""
        await self._copies.write(path, b"", "wb")
        for name, size in objects:
            at = 0
            while at < size:
                try:
                    data = (await self._bucket.read(name, at, min(size, at + PART))).data
                except ObjectMissing:
                    return False
                if not data:
                    return False
                await self._copies.write(path, data, "ab")
                at += len(data)
        return True

    @contextlib.asynccontextmanager
    async def _removed_at_end(self, file_id: UUID) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.shield(self._copies.remove_upload(file_id))


class PartsWriter:
    """An open upload, whose bytes are in memory until a part is full."""

    def __init__(self, bucket: Bucket, file_id: UUID, start: int, kept: bytes) -> None:
        # How far the upload is stored.
        self.stored = start + len(kept)
        self._bucket = bucket
        self._file_id = file_id
        self._start = start
        self._waiting = bytearray(kept)

    async def write(self, chunks: list[bytes], checksum: "hashlib._Hash | None") -> None:
        """Append bytes, and add them to a checksum. Raises BucketAway."""
        for chunk in chunks:
            self._waiting += chunk
            if checksum is not None:
                checksum.update(chunk)
        while len(self._waiting) >= PART:
            await self._put(PART)
            del self._waiting[:PART]
            self._start += PART

    async def sync(self) -> None:
        """Store what waits. Raises BucketAway."""
        if self._start + len(self._waiting) > self.stored:
            await self._put(len(self._waiting))

    async def cut(self, size: int) -> None:
        """Drop what waits; what is stored behind a size does not count."""
        del self._waiting[max(0, size - self._start) :]

    async def close(self) -> None:
        """Do nothing."""

    async def _put(self, size: int) -> None:
        data = bytes(memoryview(self._waiting)[:size])
        await self._bucket.put(_part(self._file_id, self._start), data)
        self.stored = self._start + size


def _name(file_id: UUID) -> str:
    return f"{file_id.hex[-2:]}/{file_id.hex}"


def _part(file_id: UUID, start: int) -> str:
    # In the order of a list, which is by name.
    return f"{UPLOADS}/{file_id.hex}/{start:015d}"


def _old_ids(entries: Sequence[Entry], before: datetime) -> list[UUID]:
    """Return the ids of objects of which none was written since a time."""
    newest: dict[str, datetime] = {}
    for entry in entries:
        name = entry.name.split("/")[1].partition(".")[0]
        newest[name] = max(entry.modified, newest.get(name, entry.modified))
    return [UUID(name) for name, modified in newest.items() if is_id(name) and modified < before]
