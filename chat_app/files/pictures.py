"""Pictures, made anew by a child process with limits (`picture_child.py`)."""

from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from chat_app.files import picture_child
from chat_app.files.children import ChildFailed, run_child
from chat_app.files.errors import DiskFull

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}


class Made(msgspec.Struct, frozen=True):
    """A picture that the child has made; `rewritten` is whether it differs from its source."""

    format: Literal["JPEG", "PNG", "GIF", "WEBP", "AVIF"]
    width: int
    height: int
    placeholder: str
    rewritten: bool

    @property
    def media_type(self) -> str:
        """The media type of what was made."""
        return MEDIA_TYPES[self.format]


class _Answer(msgspec.Struct, frozen=True):
    format: Literal["JPEG", "PNG", "GIF", "WEBP", "AVIF"] | None = None
    width: int = 0
    height: int = 0
    placeholder: str = ""
    rewritten: bool = False
    code: Literal["too_many_pixels", "unreadable_picture", "disk_full"] | None = None


class Refused(NamedTuple):
    """A picture that is not taken, and why."""

    code: str


class NoPicture(NamedTuple):
    """A file that begins like a picture and is none."""


async def make_picture(source: Path, whole: Path, thumbnail: Path) -> Made | Refused | NoPicture:
    """Make a picture anew in a child process. Raises ChildFailed and DiskFull."""
    return _read(await run_child(picture_child.__file__, source, whole, thumbnail))


async def make_avatar(source: Path, avatar: Path) -> Made | Refused | NoPicture:
    """Make a square of the middle of a picture in a child process.

    Raises ChildFailed and DiskFull.
    """
    return _read(await run_child(picture_child.__file__, source, avatar))


def _read(output: bytes) -> Made | Refused | NoPicture:
    try:
        answer = msgspec.json.decode(output, type=_Answer)
    except msgspec.DecodeError as error:
        raise ChildFailed(str(error)) from None
    if answer.code == picture_child.DISK_FULL:
        raise DiskFull
    if answer.code is not None:
        return Refused(answer.code)
    if answer.format is None:
        return NoPicture()
    return Made(answer.format, answer.width, answer.height, answer.placeholder, answer.rewritten)
