"""Rows of files, and what lists say of a message that has files and no text."""

from collections.abc import Sequence
from typing import TypedDict

from chat_app.files.media_types import INLINE, kind_of
from chat_app.realtime.shapes import File
from chat_app.ui.told import told

# How the names of recorded voice messages begin: nothing else tells them from other sounds.
VOICE = "Voice message"


class FileRow(TypedDict):
    """A file of a message; its sizes are known before it is loaded, `duration` is in seconds.

    `description`, `thumb` and `placeholder`, a tiny picture, are empty where there are none.
    """

    id: str
    name: str
    description: str
    type: str
    size: int
    width: int
    height: int
    duration: float
    thumb: str
    placeholder: str
    url: str


def file_row(file: File) -> FileRow:
    """Return the row of a file."""
    return FileRow(
        id=str(file.id),
        name=file.name,
        description=file.description or "",
        type=file.media_type,
        size=file.size,
        width=file.width or 0,
        height=file.height or 0,
        duration=file.duration or 0,
        thumb=file.thumbnail_url or "",
        placeholder=file.placeholder or "",
        url=file.url,
    )


def files_text(files: Sequence[File]) -> str:
    """Return what a message without a text has, as a told text; "" where it has no files."""
    if not files:
        return ""
    if len(files) > 1:
        are_pictures = all(kind_of(file.media_type) == "image" for file in files)
        if are_pictures:
            return told("{n} photo|{n} photos", n=len(files))
        return told("{n} file|{n} files", n=len(files))
    return _text(files[0])


def _text(file: File) -> str:
    if file.media_type not in INLINE:
        return told("File: {name}", name=file.name)
    kind = kind_of(file.media_type)
    if kind == "image":
        return told("Photo")
    # A browser records sounds into files of the types of videos.
    if file.name.startswith(VOICE):
        return told("Voice message")
    return told("Video") if kind == "video" else told("Audio: {name}", name=file.name)
