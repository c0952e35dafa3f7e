"""Uploads: announced, received in parts that may break off, and given to the check."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection

from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.ids import new_id
from chat_app.core.rate_limit import RateLimits, token_bucket
from chat_app.core.settings import Settings
from chat_app.files import store
from chat_app.files.disk import CHUNK, FewerBytes
from chat_app.files.errors import (
    AlreadySent,
    ChecksumMismatch,
    DiskFull,
    EmptyFile,
    FileTooLarge,
    MoreThanAnnounced,
    StorageUsedUp,
    UploadIsBusy,
    UploadNotFound,
    WrongOffset,
)
from chat_app.files.metrics import FileMetrics
from chat_app.files.schemas import NewUpload, Offset
from chat_app.files.storage import FileStorage, UploadWriter

MB = 1024 * 1024
# Longer than the server waits for the next piece of a body.
WRITING_FOR = timedelta(seconds=30)
# By then the node that has received a file has begun to check it.
BEFORE_CHECK = timedelta(seconds=15)
# After a crash an upload goes on where it was noted last.
NOTE_S = 0.5
ALGORITHMS = ("sha1", "sha256")


class BodyCut(Exception):
    """The link of a client broke in the middle of its body."""


class Checksum(NamedTuple):
    """The digest of the body of a request, by one of `ALGORITHMS`."""

    algorithm: str
    digest: bytes


class Uploads:
    """The use cases of uploads."""

    def __init__(
        self,
        *,
        database: Database,
        storage: FileStorage,
        limits: RateLimits,
        settings: Settings,
        metrics: FileMetrics,
        on_complete: Callable[[UUID, UUID], None],
        on_discarded: Callable[[], None],
    ) -> None:
        """Take callbacks.

        `on_complete` gets the id and the claim of an upload that is to be checked, `on_discarded`
        is called when there are bytes to remove.
        """
        self._database = database
        self._storage = storage
        self._limits = limits
        self._limit = token_bucket(
            "upload", settings.limit_upload_burst, settings.limit_uploads_per_second
        )
        self.max_size = settings.max_file_mb * MB
        self._max_stored = settings.user_storage_mb * MB
        self._metrics = metrics
        self._on_complete = on_complete
        self._on_discarded = on_discarded

    async def create(self, new: NewUpload) -> Offset:
        """Announce an upload, and take the room that it needs.

        Raises EmptyFile, FileTooLarge, StorageUsedUp, DiskFull, RateLimited and Unavailable.
        """
        if new.size == 0:
            raise EmptyFile({"Upload-Length": EmptyFile.default_detail})
        if new.size > self.max_size:
            most = f"A file has at most {self.max_size // MB:,} MB."
            raise FileTooLarge(most)
        await self._limits.take(self._limit, new.owner_id.hex)
        if not await self._storage.has_room(new.size):
            raise DiskFull
        created = await self._database.transact(partial(_create, new, self._max_stored))
        if created is None:
            raise StorageUsedUp
        return created

    async def receive(
        self,
        *,
        owner_id: UUID,
        upload_id: UUID,
        offset: int,
        body: AsyncIterator[bytes],
        checksum: Checksum | None = None,
        length: int | None = None,
    ) -> Offset:
        """Append a body to an upload at its offset; return how far it is.

        What came before a link broke is kept, if there is no checksum. Raises UploadNotFound,
        WrongOffset, UploadIsBusy, MoreThanAnnounced, ChecksumMismatch, DiskFull and Unavailable;
        the upload is as it was then.
        """
        claim = new_id()
        at = await self._database.transact(partial(_claim, owner_id, upload_id, offset, claim))
        if isinstance(at, AppError):
            raise at
        receiving = _Receiving(self._database, self._storage, at, claim, checksum)
        try:
            received = await receiving.run(body, length)
        except FewerBytes as error:
            await self._end(upload_id, claim, error.size, at.size)
            raise WrongOffset from error
        except BaseException:
            # Also when this request is cancelled.
            await asyncio.shield(self._end(upload_id, claim, offset, at.size))
            raise
        if not await asyncio.shield(self._end(upload_id, claim, received, at.size)):
            raise UploadNotFound  # discarded meanwhile
        self._metrics.received.add(received - offset)
        return at._replace(received=received)

    async def discard(self, *, owner_id: UUID, upload_id: UUID) -> None:
        """Discard an upload, or a file that was not sent. Raises UploadNotFound and AlreadySent."""
        error = await self._database.transact(partial(_discard, owner_id, upload_id))
        if error is not None:
            raise error
        self._on_discarded()

    async def _end(self, upload_id: UUID, claim: UUID, received: int, size: int) -> bool:
        """End a claim; return whether the upload was still claimed."""
        if received < size:
            end = partial(store.end_receiving, file_id=upload_id, claim=claim, received=received)
            return await self._database.transact(end)
        until = utc_now() + BEFORE_CHECK
        begin = partial(store.begin_check, file_id=upload_id, claim=claim, until=until)
        if not await self._database.transact(begin):
            return False
        self._on_complete(upload_id, claim)
        return True


class _Receiving:
    """One request that writes to an upload."""

    def __init__(
        self,
        database: Database,
        storage: FileStorage,
        at: Offset,
        claim: UUID,
        checksum: Checksum | None,
    ) -> None:
        self._database = database
        self._storage = storage
        self._at = at
        self._claim = claim
        self._checksum = checksum
        self._digest = hashlib.new(checksum.algorithm) if checksum else None
        self._noted_at = time.monotonic()

    async def run(self, body: AsyncIterator[bytes], length: int | None) -> int:
        """Write a body; return how far the upload is. Raises FewerBytes, too."""
        start = self._at.received
        if length is not None and start + length > self._at.size:
            raise MoreThanAnnounced
        writer = await self._storage.open_upload(self._at.id, start, taken_over=self._at.taken_over)
        try:
            try:
                received = await self._write(writer, body)
                await writer.sync()
            except (MoreThanAnnounced, ChecksumMismatch, DiskFull):
                await writer.cut(start)
                raise
        finally:
            await asyncio.shield(writer.close())
        return received

    async def _write(self, writer: UploadWriter, body: AsyncIterator[bytes]) -> int:
        received, waiting_size = self._at.received, 0
        waiting: list[bytes] = []
        is_cut = True
        with contextlib.suppress(BodyCut):
            async for chunk in body:
                waiting.append(chunk)
                waiting_size += len(chunk)
                if received + waiting_size > self._at.size:
                    raise MoreThanAnnounced
                # A trip to a thread costs as much as many bytes.
                if waiting_size >= CHUNK:
                    await self._note(writer.stored)
                    await writer.write(waiting, self._digest)
                    received += waiting_size
                    waiting, waiting_size = [], 0
            is_cut = False
        if waiting:
            await self._note(writer.stored)
            await writer.write(waiting, self._digest)
            received += waiting_size
        if self._checksum is None or self._digest is None:
            return received
        if is_cut or self._digest.digest() != self._checksum.digest:
            raise ChecksumMismatch
        return received

    async def _note(self, received: int) -> None:
        """Note how far the upload is, from time to time, and that it is still received.

        Before each write: none may reach an upload that another request has taken over.
        """
        now = time.monotonic()
        if now - self._noted_at < NOTE_S:
            return
        self._noted_at = now
        note = partial(
            store.set_received,
            file_id=self._at.id,
            claim=self._claim,
            # A body with a checksum counts as a whole.
            received=self._at.received if self._checksum else received,
            until=utc_now() + WRITING_FOR,
        )
        if not await self._database.transact(note):
            # It was discarded, or another request has taken over.
            raise UploadIsBusy


def _create(new: NewUpload, most: int, connection: Connection) -> Offset | None:
    if not store.reserve(connection, user_id=new.owner_id, size=new.size, most=most):
        return None
    file_id, created_at = store.add_upload(connection, new)
    return Offset(file_id, 0, new.size, created_at + store.LIFETIME)


def _claim(
    owner_id: UUID, upload_id: UUID, offset: int, claim: UUID, connection: Connection
) -> Offset | AppError:
    row = store.lock_upload(connection, owner_id=owner_id, file_id=upload_id)
    if row is None:
        return UploadNotFound()
    now = utc_now()
    if row.state == "uploading" and row.claimed_until is not None and row.claimed_until > now:
        return UploadIsBusy()
    if row.state != "uploading" or row.received != offset:
        return WrongOffset()
    store.claim_upload(connection, upload_id, claim=claim, until=now + WRITING_FOR)
    expires_at = row.created_at + store.LIFETIME
    # A request that ends gives its claim back.
    return Offset(upload_id, offset, row.size, expires_at, taken_over=row.claim is not None)


def _discard(owner_id: UUID, upload_id: UUID, connection: Connection) -> AppError | None:
    row = store.lock_upload(connection, owner_id=owner_id, file_id=upload_id)
    if row is None:
        return UploadNotFound()
    if row.state == "sent":
        return AlreadySent()
    store.discard(connection, upload_id)
    return None
