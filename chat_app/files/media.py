"""Videos, sounds and PDF documents, read by a child process (`media_child.py`).

That needs libraries which the chat runs without (`requirements-media.txt`).
"""

from importlib.util import find_spec
from pathlib import Path

import msgspec
import structlog

from chat_app.files import media_child
from chat_app.files.children import ChildFailed, run_child

log = structlog.get_logger(__name__)

_INSTALLED = {library: find_spec(library) is not None for library in ("av", "pypdfium2")}


class Read(msgspec.Struct, frozen=True):
    """The facts of a file; none, where it cannot be read or the library is missing.

    `has_picture` is whether a picture of it was written.
    """

    duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    has_video: bool | None = None
    has_picture: bool = False


def is_readable(media_type: str) -> bool:
    """Return whether the library for a type is installed."""
    if media_type == media_child.PDF:
        return _INSTALLED["pypdfium2"]
    return _INSTALLED["av"] and media_type in media_child.FORMATS


async def read_media(media_type: str, source: Path, picture: Path) -> Read:
    """Read a file in a child process, and write a picture of it."""
    try:
        output = await run_child(media_child.__file__, media_type, source, picture)
        return msgspec.json.decode(output, type=Read)
    except (ChildFailed, msgspec.DecodeError) as error:
        # It may still play in a browser, and can be downloaded.
        log.warning("file.unreadable_media", media_type=media_type, reason=str(error))
        return Read()
