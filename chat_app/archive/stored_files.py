"""The bytes of files in an archive: members beside those of the tables, as they are stored."""

import asyncio
import zipfile
from collections.abc import Sequence

from chat_app.archive.places import NAME, ONLY_OWNER, Place, copy
from chat_app.archive.sources import Progress

PREFIX = "files/"


async def write_files(archive: zipfile.ZipFile, place: Place, progress: Progress) -> int:
    """Copy all stored files into an archive; return how many.

    Those that are removed meanwhile are left out. Raises OSError and BucketAway.
    """
    names = await place.names()
    progress.begin("files", len(names))
    written = 0
    for name in names:
        pieces = place.pieces(name)
        try:
            piece = await anext(pieces, b"")
        except FileNotFoundError:
            continue
        # As they are: pictures and films do not get smaller.
        member = zipfile.ZipInfo(PREFIX + name)
        member.external_attr = ONLY_OWNER << 16
        with archive.open(member, "w", force_zip64=True) as target:
            target.write(piece)
            async for piece in pieces:
                target.write(piece)
                await asyncio.sleep(0)  # so that an interruption is noticed
        written += 1
        progress.advance(1)
    return written


def files_in(archive: zipfile.ZipFile) -> Sequence[str]:
    """Return the names of the files in an archive. Raises BadZipFile for any other name."""
    names = [one.removeprefix(PREFIX) for one in archive.namelist() if one.startswith(PREFIX)]
    if not all(map(NAME.fullmatch, names)):
        raise zipfile.BadZipFile
    return names


async def read_files(archive: zipfile.ZipFile, place: Place | None, progress: Progress) -> None:
    """Read all files of an archive, and store them in a place if one is given.

    One that is there already is replaced. Raises BadZipFile where one is damaged, OSError and
    BucketAway.
    """
    names = files_in(archive)
    progress.begin("files", len(names))
    for name in names:
        with archive.open(PREFIX + name) as source:
            if place is None:
                await copy(source, None)
            else:
                await place.store(name, source)
        progress.advance(1)
    if place is not None:
        await place.sync(names)
