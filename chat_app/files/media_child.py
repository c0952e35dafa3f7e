"""A program that reads what videos, sounds and PDF documents are: how long, how large, a picture.

`child.py` runs it in a process of its own, so it imports nothing of the chat. Its arguments are
TYPE SOURCE PICTURE. It returns `duration_ms`, `width`, `height`, `has_video`, and `has_picture`:
whether PICTURE was written, a frame or the first page. What cannot be read has none of these.
"""

import contextlib
from pathlib import Path
from typing import Any

MAX_PIXELS = 50_000_000
MAX_DURATION_MS = 2**31 - 1
# The longer side of the picture, of which the thumbnail is made.
PICTURE = 640
# The first frames are often black.
FRAME_AT_S, MAX_FRAMES = 1.0, 60
PDF = "application/pdf"
# Demuxers by type: what FFmpeg finds by itself may be a playlist, which names other files.
FORMATS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "audio/mp4": "mov",
    "video/webm": "matroska",
    "audio/webm": "matroska",
    "video/x-matroska": "matroska",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/flac": "flac",
}


def main(media_type: str, source: str, picture: str) -> dict[str, Any]:
    """Read a file."""
    Path(picture).unlink(missing_ok=True)  # of an attempt that broke off
    try:
        if media_type == PDF:
            return _page(source, picture)
        return _media(source, FORMATS[media_type], picture)
    except Exception:  # noqa: BLE001  # whatever a decoder raises for bytes of strangers
        return {}


def _page(source: str, picture: str) -> dict[str, Any]:
    import pypdfium2  # noqa: PLC0415  # after the limits are set

    page = pypdfium2.PdfDocument(source)[0]
    scale = PICTURE / max(page.get_size())
    page.render(scale=scale).to_pil().convert("RGB").save(picture, "JPEG", quality=85)
    return {"has_picture": True}


def _media(source: str, kind: str, picture: str) -> dict[str, Any]:
    import av  # noqa: PLC0415  # after the limits are set
    from av.stream import Disposition  # noqa: PLC0415  # the same

    with av.open(source, format=kind, options={"protocol_whitelist": "file"}) as container:
        # The cover of a song is a stream of video, too.
        videos = [
            one for one in container.streams.video if not one.disposition & Disposition.attached_pic
        ]
        length_us = container.duration
        duration_ms = length_us // 1000 if length_us else _last_ms(container)
        found: dict[str, Any] = {
            "duration_ms": min(duration_ms, MAX_DURATION_MS) or None,
            "has_video": bool(videos),
        }
        if not videos:
            return found
        # A file without a picture is one that plays, perhaps.
        with contextlib.suppress(av.FFmpegError, MemoryError):
            found |= _shown(container, videos[0], duration_ms, picture)
        return found


def _last_ms(container: Any) -> int:  # noqa: ANN401  # PyAV's
    """Return where the last packet ends: a browser that records writes no duration."""
    last_s = 0.0
    for packet in container.demux():
        if packet.pts is not None:
            last_s = max(last_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    container.seek(0)
    return int(last_s * 1000)


def _shown(container: Any, video: Any, duration_ms: int, picture: str) -> dict[str, Any]:  # noqa: ANN401  # PyAV's
    """Write a frame; return its size, and that it was written."""
    if not 0 < video.width * video.height <= MAX_PIXELS:
        return {}
    at_s = min(FRAME_AT_S, duration_ms / 2000)
    frame = None
    for number, frame in enumerate(container.decode(video)):
        if number >= MAX_FRAMES or (frame.time or 0) >= at_s:
            break
    if frame is None:
        return {}
    width, height = frame.width, frame.height
    scale = min(1.0, PICTURE / max(width, height))
    image = frame.to_image(width=round(width * scale) or 1, height=round(height * scale) or 1)
    # As a phone was held.
    image.rotate(frame.rotation, expand=True).save(picture, "JPEG", quality=85)
    if frame.rotation % 180:
        width, height = height, width
    return {"width": width, "height": height, "has_picture": True}
