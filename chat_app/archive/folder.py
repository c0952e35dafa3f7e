"""The bytes of files in an archive: members beside those of the tables, as they are on the disk."""

import asyncio
import os
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from chat_app.archive.sources import Progress
from chat_app.core.ids import new_id
from chat_app.core.settings import Settings

PREFIX = "files/"
# A file or its thumbnail, in the folder of its id; nothing else is ever written to a disk.
NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}(\.thumbnail)?")
PIECE = 1024 * 1024
ONLY_OWNER = 0o600


def folder_of(settings: Settings) -> Path:
    """Return the folder of the files of a chat."""
    return settings.data_dir / "files"


async def write_files(archive: zipfile.ZipFile, folder: Path, progress: Progress) -> int:
    """Copy all stored files into an archive; return how many.

    Those that are removed meanwhile are left out. Raises OSError.
    """
    names = _names_in(folder)
    progress.begin("files", len(names))
    written = 0
    for name in names:
        try:
            source = (folder / name).open("rb")
        except FileNotFoundError:
            continue
        # As they are: pictures and films do not get smaller.
        member = zipfile.ZipInfo(PREFIX + name)
        member.external_attr = ONLY_OWNER << 16
        with source, archive.open(member, "w", force_zip64=True) as target:
            await _copy(source, target)
        written += 1
        progress.advance(1)
    return written


def files_in(archive: zipfile.ZipFile) -> Sequence[str]:
    """Return the names of the files in an archive. Raises BadZipFile for any other name."""
    names = [one.removeprefix(PREFIX) for one in archive.namelist() if one.startswith(PREFIX)]
    if not all(map(NAME.fullmatch, names)):
        raise zipfile.BadZipFile
    return names


async def read_files(archive: zipfile.ZipFile, folder: Path | None, progress: Progress) -> None:
    """Read all files of an archive, and store them in a folder if one is given.

    One that is there already is replaced. Raises BadZipFile where one is damaged, and OSError.
    """
    names = files_in(archive)
    progress.begin("files", len(names))
    for name in names:
        with archive.open(PREFIX + name) as source:
            if folder is None:
                await _copy(source, None)
            else:
                await _store(source, folder / name)
        progress.advance(1)
    for parent in {(folder / name).parent for name in names} if folder else ():
        _sync_folder(parent)


def _names_in(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.glob("??/*"))
    return sorted(name for name in found if NAME.fullmatch(name))


async def _store(source: IO[bytes], path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{new_id().hex}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ONLY_OWNER)
        with os.fdopen(descriptor, "wb") as target:
            await _copy(source, target)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


async def _copy(source: IO[bytes], target: IO[bytes] | None) -> None:
    while piece := source.read(PIECE):
        if target is not None:
            target.write(piece)
        await asyncio.sleep(0)  # so that an interruption is noticed


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
