"""Media types of files by their first bytes, and what a browser may show."""

import re
from typing import Literal, NamedTuple

HEAD_BYTES = 4096
UNKNOWN = "application/octet-stream"
# Decoded by the child process, and shown.
PICTURES = frozenset(["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"])
HEIC = "image/heic"
INLINE = PICTURES | {
    "video/mp4",
    "video/webm",
    "audio/mpeg",
    "audio/ogg",
    "audio/mp4",
    "audio/webm",
    "audio/wav",
}

Kind = Literal["image", "video", "audio", "file"]


class _Signature(NamedTuple):
    """Bytes at a place; `also` are others behind them."""

    media_type: str
    start: bytes
    at: int = 0
    also: bytes = b""
    also_at: int = 0


_SIGNATURES = (
    _Signature("image/jpeg", b"\xff\xd8\xff"),
    _Signature("image/png", b"\x89PNG\r\n\x1a\n"),
    _Signature("image/gif", b"GIF87a"),
    _Signature("image/gif", b"GIF89a"),
    _Signature("image/webp", b"RIFF", 0, b"WEBP", 8),
    _Signature("audio/wav", b"RIFF", 0, b"WAVE", 8),
    _Signature("audio/mpeg", b"ID3"),
    _Signature("audio/flac", b"fLaC"),
    _Signature("application/pdf", b"%PDF-"),
    _Signature("application/zip", b"PK\x03\x04"),
    _Signature("application/zip", b"PK\x05\x06"),
    _Signature("application/gzip", b"\x1f\x8b\x08"),
    _Signature("application/x-7z-compressed", b"7z\xbc\xaf\x27\x1c"),
    _Signature("application/vnd.rar", b"Rar!\x1a\x07"),
)
# The brands of ISO base media files (`ftyp`).
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"M4P "}
_VIDEO_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "}
_LOWEST_BOX = 16
_EBML = b"\x1a\x45\xdf\xa3"
# Browsers record WebM with Opus, and MP4 in fragments, whose tracks all begin in the head.
_WEBM_TRACKS = re.compile(rb"[AV]_(?:OPUS|VP8|VP9|AV1|MPEG4)")
_MP4_TRACKS = re.compile(rb"hdlr\0{8}(soun|vide)")
_MP4_FRAGMENTS = b"mvex"


def media_type_of(head: bytes) -> str:
    """Return the media type of a file by its first bytes, whatever it is called."""
    for one in _SIGNATURES:
        is_there = head[one.at : one.at + len(one.start)] == one.start
        if is_there and head[one.also_at : one.also_at + len(one.also)] == one.also:
            return one.media_type
    if head[4:8] == b"ftyp":
        return _iso_media_type(head)
    if head.startswith(_EBML):
        if b"webm" not in head[:64]:
            return "video/x-matroska"
        return "audio/webm" if set(_WEBM_TRACKS.findall(head)) == {b"A_OPUS"} else "video/webm"
    if head.startswith(b"OggS"):
        return UNKNOWN if b"theora" in head[:256] else "audio/ogg"
    return "audio/mpeg" if _is_mpeg_frame(head) else UNKNOWN


def kind_of(media_type: str) -> Kind:
    """Return the kind of a file: `image` is a picture that is shown."""
    if media_type in PICTURES:
        return "image"
    match media_type.partition("/")[0]:
        case "video":
            return "video"
        case "audio":
            return "audio"
        case _:
            return "file"


def _iso_media_type(head: bytes) -> str:
    length = int.from_bytes(head[:4])
    if length < _LOWEST_BOX:
        return UNKNOWN
    brand = head[8:12]
    # The main brand, then those that it is compatible with.
    brands = {brand} | {head[at : at + 4] for at in range(16, min(length, len(head)), 4)}
    if brands & {b"avif", b"avis"}:
        return "image/avif"
    if brand in _HEIF_BRANDS or (brand in {b"mif1", b"msf1"} and brands & _HEIF_BRANDS):
        return HEIC
    if brand in _AUDIO_BRANDS:
        return "audio/mp4"
    if brand == b"qt  ":
        return "video/quicktime"
    return _mp4_media_type(head) if brands & _VIDEO_BRANDS else UNKNOWN


def _mp4_media_type(head: bytes) -> str:
    is_sound = _MP4_FRAGMENTS in head and set(_MP4_TRACKS.findall(head)) == {b"soun"}
    return "audio/mp4" if is_sound else "video/mp4"


def _is_mpeg_frame(head: bytes) -> bool:
    """Return whether a frame of MPEG audio, layer III, begins there (ISO 11172-3, 2.4.1.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # noqa: PLR2004  # of the format
        return False
    version, bitrate, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and bitrate not in (0, 15) and rate != 3  # noqa: PLR2004  # reserved values
