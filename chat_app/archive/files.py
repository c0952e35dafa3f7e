"""The archive file: a ZIP of one JSON-lines file a table, and a manifest that seals them.

It is written under a temporary name and renamed once it is complete and on the disk. Only its
owner may read it.
"""

import asyncio
import contextlib
import os
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

import msgspec

from chat_app.archive.codec import Tally, encode, row_decoder
from chat_app.archive.errors import ArchiveError, failures_at
from chat_app.archive.places import Place
from chat_app.archive.schema import Shape, schema_at
from chat_app.archive.sources import Progress, Source
from chat_app.archive.stored_files import files_in, read_files, write_files
from chat_app.archive.tables import BATCH_SIZE, Rows
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1024 * 1024
PIECE = 256 * 1024
# Far beyond any row; it bounds the memory of reading a damaged file.
MAX_LINE_BYTES = 4 * 1024 * 1024
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)


class TableEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The entry of a table in the manifest."""

    name: str
    columns: list[str]
    rows: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The manifest: the contents of an archive."""

    format: Literal["chat-archive"] = "chat-archive"
    version: Literal[1] = 1
    made_at: datetime
    revision: str
    left_out: list[str]
    tables: list[TableEntry]
    # The number of files and thumbnails; none in archives of earlier versions.
    files: int = 0


async def write_archive(
    source: Source, path: Path, *, files: Place, left_out: Collection[str], progress: Progress
) -> Manifest:
    """Write all of `source`, and the stored files, to `path`.

    After an ArchiveError no file is left.
    """
    entries = []
    with _temporary_archive(path) as archive:
        for shape in source.shapes:
            progress.begin(shape.name, source.counts[shape.name])
            tally = Tally()
            with archive.open(_member(shape.name), "w", force_zip64=True) as member:
                async for rows in source.rows(shape):
                    lines = [encode(row) for row in rows]
                    tally.add(lines)
                    member.write(b"\n".join(lines) + b"\n")
                    progress.advance(len(lines))
                    await asyncio.sleep(0)  # so that an interruption is noticed
            source.confirm(shape, tally)
            columns = shape.column_names
            entries.append(TableEntry(shape.name, columns, tally.rows, tally.digest))
        manifest = Manifest(
            made_at=utc_now(),
            revision=source.revision,
            left_out=sorted(left_out),
            tables=entries,
            files=await write_files(archive, files, progress),
        )
        archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


class Archive:
    """An open archive."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest, path: Path) -> None:
        self.manifest = manifest
        self._path = path
        self._archive = archive
        self._entries = {entry.name: entry for entry in manifest.tables}
        schema = schema_at(manifest.revision)
        self._shapes = [shape for shape in schema if shape.name not in manifest.left_out]
        promised = {entry.name: entry.columns for entry in manifest.tables}
        if promised != {shape.name: shape.column_names for shape in self._shapes}:
            raise ArchiveError("its tables are not those of its schema")

    @property
    def revision(self) -> str:
        """The schema of the rows."""
        return self.manifest.revision

    @property
    def shapes(self) -> Sequence[Shape]:
        """The tables."""
        return self._shapes

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of rows by table."""
        return {entry.name: entry.rows for entry in self.manifest.tables}

    async def rows(self, shape: Shape) -> Rows:
        """Yield the rows of a table. Raises ArchiveError where the file is damaged."""
        decoder = row_decoder(shape)
        try:
            with self._archive.open(_member(shape.name)) as member:
                for lines in _batches(member):
                    yield [decoder.decode(line) for line in lines]
                    await asyncio.sleep(0)  # so that an interruption is noticed
        except (*DAMAGED, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._damaged(shape) from error

    def confirm(self, shape: Shape, tally: Tally) -> None:
        """Raise ArchiveError unless the rows are those that were written."""
        entry = self._entries[shape.name]
        if (tally.rows, tally.digest) != (entry.rows, entry.digest):
            raise self._damaged(shape)

    async def read_files(self, into: Place | None, progress: Progress) -> None:
        """Read all files, and store them if a place is given. Raises ArchiveError."""
        place = str(self._path)
        try:
            if len(files_in(self._archive)) != self.manifest.files:
                raise ArchiveError("lacks files", place=place)
            await read_files(self._archive, into, progress)
        except DAMAGED as error:
            raise ArchiveError("is damaged, in its files", place=place) from error
        except OSError as error:
            raise ArchiveError(
                error.strerror or str(error), place=into.title if into else place
            ) from error

    def _damaged(self, shape: Shape) -> ArchiveError:
        return ArchiveError(f"is damaged, in its table {shape.name}", place=str(self._path))


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive. Raises ArchiveError for any other file."""
    with contextlib.ExitStack() as stack:
        with failures_at(str(path)):
            try:
                archive = stack.enter_context(zipfile.ZipFile(path))
                found = Archive(archive, _manifest(archive), path)
            except (*DAMAGED, msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ArchiveError("is no backup of this chat, or it is damaged") from error
            except OSError as error:
                raise ArchiveError(error.strerror or str(error)) from error
        yield found


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    with archive.open(MANIFEST) as member:
        return msgspec.json.decode(member.read(MAX_MANIFEST_BYTES), type=Manifest)


def _member(table: str) -> str:
    return f"{table}.jsonl"


def _batches(member: IO[bytes]) -> Iterator[list[bytes]]:
    rest = b""
    waiting: list[bytes] = []
    while piece := member.read(PIECE):
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise zipfile.BadZipFile
        waiting += lines
        while len(waiting) >= BATCH_SIZE:
            yield waiting[:BATCH_SIZE]
            del waiting[:BATCH_SIZE]
    if rest:
        raise zipfile.BadZipFile
    if waiting:
        yield waiting


@contextlib.contextmanager
def _temporary_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    aside = path.with_name(f".{path.name[:100]}.{new_id().hex}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                yield archive
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArchiveError(f"cannot be written: {reason}", place=str(path)) from error
    finally:
        aside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Write the folder's entries to the disk: a renamed file must survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
