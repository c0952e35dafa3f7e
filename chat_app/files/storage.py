"""Where the bytes of files are: on a disk, or in a bucket of S3, by `CHAT_FILES_URL`."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol
from uuid import UUID

from chat_app.core.bucket import open_bucket
from chat_app.core.settings import Settings
from chat_app.files.bucket import BucketStorage, RemoteFile
from chat_app.files.disk import Disk, LocalFile


class UploadWriter(Protocol):
    """An open upload; nothing of it is certain before `sync` returns."""

    # How far the upload is stored.
    stored: int

    async def write(self, chunks: list[bytes], checksum: "hashlib._Hash | None") -> None:
        """Append bytes, and add them to a checksum. Raises Unavailable."""

    async def sync(self) -> None:
        """Store what was written, to outlive this machine's power. Raises Unavailable."""

    async def cut(self, size: int) -> None:
        """Drop what is behind a size."""

    async def close(self) -> None:
        """Close it; what was not synced may be lost."""


class FileStorage(Protocol):
    """The bytes of files; its methods raise Unavailable where these cannot be reached."""

    async def check(self) -> None:
        """Raise CannotStart if the storage can never be used as it is."""

    def upload_path(self, file_id: UUID, suffix: str = "") -> Path:
        """Return where an upload is while it is at hand, or what is made of it, by the suffix."""
        ...

    async def has_room(self, size: int) -> bool:
        """Return whether so many bytes fit."""
        ...

    async def open_upload(
        self, file_id: UUID, offset: int, *, taken_over: bool = False
    ) -> UploadWriter:
        """Open an upload to append at an offset, perhaps one that another may still write to.

        Raises FewerBytes, DiskFull and BytesMissing.
        """
        ...

    def upload_at_hand(
        self, file_id: UUID, size: int
    ) -> contextlib.AbstractAsyncContextManager[bool]:
        """Put an upload at its path for the block; yield whether it is there. Raises DiskFull."""
        ...

    def file_at_hand(self, file_id: UUID) -> contextlib.AbstractAsyncContextManager[Path]:
        """Yield where a stored file can be read in the block. Raises BytesMissing, DiskFull."""
        ...

    async def head(self, file_id: UUID, size: int) -> bytes | None:
        """Return the first bytes of an upload that is at hand."""
        ...

    async def keep(
        self, file_id: UUID, source: Path, thumbnail: Path | None = None
    ) -> tuple[int, str]:
        """Store a checked file, with its thumbnail, for good; return its size and SHA-256.

        The upload stays. Raises DiskFull and BytesMissing.
        """
        ...

    async def open(self, file_id: UUID, *, thumbnail: bool = False) -> LocalFile | RemoteFile:
        """Return a stored file, or its thumbnail, to be served. Raises BytesMissing."""
        ...

    async def digest(self, file_id: UUID, *, with_thumbnail: bool) -> str | None:
        """Return the SHA-256 of a stored file, None where it or its thumbnail is missing."""
        ...

    async def remove(self, file_ids: Iterable[UUID]) -> None:
        """Remove all that there is of files; what is not there is removed already."""

    async def remove_upload(self, file_id: UUID) -> None:
        """Remove an upload whose file is stored."""

    async def old_ids(self, folder: str, age_s: float) -> list[UUID]:
        """Return the ids of the files in a folder that nobody wrote for so long."""
        ...


@contextlib.contextmanager
def open_storage(settings: Settings) -> Iterator[FileStorage]:
    """Yield where the files of a chat are. Raises CannotStart for a bucket without keys."""
    with contextlib.ExitStack() as stack:
        if settings.files_url:
            copies = stack.enter_context(contextlib.closing(Disk(settings.data_dir / "copies")))
            bucket = stack.enter_context(open_bucket(settings.files_url))
            yield BucketStorage(bucket, copies)
        else:
            yield stack.enter_context(contextlib.closing(Disk(settings.data_dir / "files")))
