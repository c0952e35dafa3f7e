"""Media types: found in the first bytes, and unknown where these say nothing."""

import pytest

from chat_app.files.media_types import INLINE, kind_of, media_type_of
from tests.harness.files import picture


def iso(brand: bytes, *others: bytes) -> bytes:
    """Return the beginning of an ISO base media file."""
    body = brand + bytes(4) + b"".join(others)
    return (8 + len(body)).to_bytes(4) + b"ftyp" + body


@pytest.mark.parametrize(
    ("head", "media_type", "kind"),
    [
        (picture("JPEG"), "image/jpeg", "image"),
        (picture("PNG"), "image/png", "image"),
        (picture("GIF"), "image/gif", "image"),
        (picture("WEBP"), "image/webp", "image"),
        (picture("AVIF"), "image/avif", "image"),
        (iso(b"heic", b"mif1"), "image/heic", "file"),
        (iso(b"mif1", b"heic"), "image/heic", "file"),
        (iso(b"isom", b"mp42"), "video/mp4", "video"),
        (iso(b"M4A ", b"mp42"), "audio/mp4", "audio"),
        (iso(b"qt  "), "video/quicktime", "video"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x42\x82\x84webm", "video/webm", "video"),
        (b"OggS" + bytes(24) + b"OpusHead", "audio/ogg", "audio"),
        (b"OggS" + bytes(24) + b"\x80theora", "application/octet-stream", "file"),
        (b"ID3\x04", "audio/mpeg", "audio"),
        (b"\xff\xfb\x90\x64", "audio/mpeg", "audio"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav", "audio"),
        (b"%PDF-1.7", "application/pdf", "file"),
        (b"PK\x03\x04", "application/zip", "file"),
    ],
)
def test_a_type_is_found_in_the_first_bytes(head: bytes, media_type: str, kind: str) -> None:
    assert media_type_of(head) == media_type
    assert kind_of(media_type) == kind


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"<?xml version='1.0'?>",
        b"plain text",
        b"RIFF",
        b"\x00\x00\x00\x08ftyp",
        b"\xff\xff\xff\xff",
    ],
)
def test_what_is_not_in_the_table_is_unknown_and_never_shown(head: bytes) -> None:
    assert media_type_of(head) == "application/octet-stream"
    assert media_type_of(head) not in INLINE
