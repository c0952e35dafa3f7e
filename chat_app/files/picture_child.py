"""A program that makes a picture anew: upright, without metadata, with a thumbnail; or an avatar.

`child.py` runs it in a process of its own, so it imports nothing of the chat. Its arguments are
SOURCE WHOLE THUMBNAIL, or SOURCE AVATAR. It returns what the picture is, or the code of a refusal.
WHOLE is written only where it differs from SOURCE.
"""

import base64
import contextlib
import errno
import io
import re
import struct
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

MAX_PIXELS = 50_000_000
MAX_DECODED_FRAMES = 300
THUMBNAIL, PLACEHOLDER, AVATAR = 320, 20, 256
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF")
ORIENTATION = 0x0112
UPRIGHT = 1
LOSSY = {"JPEG": 90, "WEBP": 85, "AVIF": 75}

TOO_MANY_PIXELS = "too_many_pixels"
UNREADABLE = "unreadable_picture"
DISK_FULL = "disk_full"
# Where a camera writes the place, in any kind of picture.
CAMERA_DATA = (b"Exif\0\0", b"eXIf", b"EXIF", b"http://ns.adobe.com/xap/1.0/")


def main(*paths: str) -> dict[str, Any]:
    """Make a picture of three paths, an avatar of two."""
    make = make_avatar if len(paths) == 2 else make_picture  # noqa: PLR2004  # the paths
    return make(*map(Path, paths))


def make_picture(source: Path, whole: Path, thumbnail: Path) -> dict[str, Any]:
    """Make a picture anew; return what it is, or {"code": …}; {} for what is no picture."""
    # Of an attempt that broke off.
    whole.unlink(missing_ok=True)
    return _opened(source, partial(_made, source=source, whole=whole, thumbnail=thumbnail))


def make_avatar(source: Path, avatar: Path) -> dict[str, Any]:
    """Make a square of the middle of a picture; return the same."""
    return _opened(source, partial(_squared, avatar=avatar))


def _opened(source: Path, make: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  # after the limits are set

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with contextlib.suppress(ImportError):
        import pi_heif  # noqa: PLC0415  # after the limits are set

        pi_heif.register_heif_opener(thumbnails=False)
    too_large = (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError)
    try:
        try:
            image = Image.open(source, formats=FORMATS)
        except UnidentifiedImageError:
            # It is kept as a file, but not with the place of a picture that is merely damaged.
            data = source.read_bytes()
            return {"code": UNREADABLE} if any(one in data for one in CAMERA_DATA) else {}
        if image.width * image.height > MAX_PIXELS:
            return {"code": TOO_MANY_PIXELS}
        return make(image)
    except too_large:
        return {"code": TOO_MANY_PIXELS}
    except Exception as error:  # noqa: BLE001  # whatever a decoder raises for bytes of strangers
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        return {"code": DISK_FULL if is_full else UNREADABLE}


def _made(image: Any, source: Path, whole: Path, thumbnail: Path) -> dict[str, Any]:  # noqa: ANN401  # Pillow's
    from PIL import ImageOps  # noqa: PLC0415  # after the limits are set

    # A JPEG with further pictures behind it: the first one counts.
    kind = "JPEG" if image.format == "MPO" else image.format
    if kind == "PNG":
        image.load()  # its EXIF may be at the end
    if kind == "HEIF" or _is_turned(image) or (kind == "AVIF" and _has_metadata(image)):
        kind = "JPEG" if kind == "HEIF" else kind
        _encode(image, kind, whole)
        upright = ImageOps.exif_transpose(image)
        width, height = upright.size
    else:
        stripped = STRIP[kind](source.read_bytes()) if kind in STRIP else None
        if stripped is not None:
            whole.write_bytes(stripped)
        width, height = image.size
        # Decoded at about the size that is needed.
        image.draft("RGB", (THUMBNAIL * 2, THUMBNAIL * 2))
        upright = image
    small = _flat(upright)
    small.thumbnail((THUMBNAIL, THUMBNAIL), reducing_gap=2.0)
    small.save(thumbnail, "WEBP", quality=75)
    small.thumbnail((PLACEHOLDER, PLACEHOLDER))
    tiny = io.BytesIO()
    small.save(tiny, "WEBP", quality=30)
    return {
        "format": kind,
        "width": width,
        "height": height,
        "placeholder": f"data:image/webp;base64,{base64.b64encode(tiny.getvalue()).decode()}",
        "rewritten": whole.exists(),
    }


def _squared(image: Any, avatar: Path) -> dict[str, Any]:  # noqa: ANN401  # Pillow's
    from PIL import ImageOps  # noqa: PLC0415  # after the limits are set

    # Decoded at about the size that is needed.
    image.draft("RGB", (AVATAR * 2, AVATAR * 2))
    upright = _flat(ImageOps.exif_transpose(image))
    side = min(AVATAR, *upright.size)
    ImageOps.fit(upright, (side, side)).save(avatar, "WEBP", quality=85)
    return {"format": "WEBP", "width": side, "height": side, "rewritten": True}


def _is_turned(image: Any) -> bool:  # noqa: ANN401  # Pillow's
    return bool(image.getexif().get(ORIENTATION, UPRIGHT) != UPRIGHT)


def _has_metadata(image: Any) -> bool:  # noqa: ANN401  # Pillow's
    return bool({"exif", "xmp"} & image.info.keys())


def _encode(image: Any, kind: str, target: Path) -> None:  # noqa: ANN401  # Pillow's
    """Write a picture upright and without metadata; its colour profile stays."""
    from PIL import Image, ImageOps, ImageSequence  # noqa: PLC0415  # after the limits are set

    profile = image.info.get("icc_profile")
    options: dict[str, Any] = {"quality": LOSSY[kind]} if kind in LOSSY else {}
    if profile:
        options["icc_profile"] = profile
    frames: list[Image.Image] = []
    if getattr(image, "n_frames", 1) > 1 and kind != "JPEG":
        if image.n_frames > MAX_DECODED_FRAMES:
            message = "too many frames to turn"
            raise ValueError(message)
        orientation = image.getexif().get(ORIENTATION, UPRIGHT)
        for frame in ImageSequence.Iterator(image):
            frame.getexif()[ORIENTATION] = orientation
            frames.append(_bare(ImageOps.exif_transpose(frame)))
        durations = image.info.get("duration")
        options |= {"save_all": True, "append_images": frames[1:], "loop": 0}
        options |= {"duration": durations} if durations else {}
        frames[0].save(target, kind, **options)
        image.seek(0)
        return
    upright = _bare(ImageOps.exif_transpose(image))
    if kind == "JPEG" and upright.mode not in ("L", "RGB", "CMYK"):
        upright = _flat(upright)
    upright.save(target, kind, **options)


def _bare(image: Any) -> Any:  # noqa: ANN401  # Pillow's
    image.info = {key: image.info[key] for key in ("transparency",) if key in image.info}
    return image


def _flat(image: Any) -> Any:  # noqa: ANN401  # Pillow's
    """Return the picture in colours that WebP has."""
    if image.mode in ("RGB", "RGBA"):
        return image.copy()
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    has_alpha = image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if has_alpha else "RGB")


# The functions below remove metadata without decoding; each returns None where there is none.

_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_ICC = b"ICC_PROFILE\0"


def without_jpeg_metadata(data: bytes) -> bytes | None:
    """Return a JPEG without EXIF, XMP, IPTC, comments and what follows its end (ITU-T T.81, B)."""
    kept, at = [data[:2]], 2
    while True:
        while data[at + 1] == 0xFF:  # noqa: PLR2004  # fill bytes
            at += 1
        if data[at] != 0xFF:  # noqa: PLR2004  # of the format
            message = "no marker"
            raise ValueError(message)
        marker = data[at + 1]
        if marker == _EOI:
            kept.append(data[at : at + 2])
            break
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == _SOS:
            following = _JPEG_MARKER.search(data, end)
            end = following.start() if following else len(data)
        if _is_kept(marker, data[at + 4 : at + 16]):
            kept.append(data[at:end])
        if end >= len(data):
            break
        at = end
    return _if_changed(b"".join(kept), data)


def _is_kept(marker: int, beginning: bytes) -> bool:
    if marker == 0xE2:  # noqa: PLR2004  # APP2: profiles, and other pictures
        return beginning == _ICC
    # Of the other application segments, JFIF and Adobe's say how to read the colours.
    return not (0xE1 <= marker <= 0xEF and marker != 0xEE) and marker != 0xFE  # noqa: PLR2004  # APPn, COM


_PNG_HEAD = 8
_PNG_DROPPED = {b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"}


def without_png_metadata(data: bytes) -> bytes | None:
    """Return a PNG without EXIF, texts and what follows its end (ISO 15948)."""
    kept, at = [data[:_PNG_HEAD]], _PNG_HEAD
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if kind not in _PNG_DROPPED:
            kept.append(data[at:end])
        at = end
        if kind == b"IEND":
            break
    return _if_changed(b"".join(kept), data)


_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04


def without_webp_metadata(data: bytes) -> bytes | None:
    """Return a WebP without EXIF, XMP and what follows its end (RFC 9649)."""
    kept, at = [], 12
    whole_end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    while at + 8 <= whole_end:
        kind, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        end = at + 8 + length + length % 2
        if kind == b"VP8X":
            flags = data[at + 8] & ~(_WEBP_EXIF | _WEBP_XMP)
            kept.append(data[at : at + 8] + bytes([flags]) + data[at + 9 : end])
        elif kind not in (b"EXIF", b"XMP "):
            kept.append(data[at:end])
        at = end
    body = b"".join(kept)
    return _if_changed(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body, data)


_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = 0x21, 0x2C, 0x3B
_GIF_COMMENT, _GIF_APPLICATION = 0xFE, 0xFF


def without_gif_metadata(data: bytes) -> bytes | None:
    """Return a GIF without comments, XMP and what follows its end (GIF89a)."""
    at = 13 + _colours(data[10])
    kept = [data[:at]]
    for start, end, is_metadata in _gif_blocks(data, at):
        if not is_metadata:
            kept.append(data[start:end])
    return _if_changed(b"".join(kept), data)


def _gif_blocks(data: bytes, at: int) -> Iterator[tuple[int, int, bool]]:
    while at < len(data):
        start = at
        match data[at]:
            case 0x3B:
                yield start, start + 1, False
                return
            case 0x2C:
                at = _after_gif_parts(data, at + 11 + _colours(data[at + 9]))
                yield start, at, False
            case 0x21:
                label = data[at + 1]
                at = _after_gif_parts(data, at + 2)
                is_loop = data[start + 3 : start + 14] in (b"NETSCAPE2.0", b"ANIMEXTS1.0")
                is_other = label == _GIF_APPLICATION and not is_loop
                yield start, at, label == _GIF_COMMENT or is_other
            case _:
                message = "no block"
                raise ValueError(message)


def _colours(flags: int) -> int:
    """Return the bytes of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_gif_parts(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _if_changed(made: bytes, data: bytes) -> bytes | None:
    return None if made == data else made


STRIP = {
    "JPEG": without_jpeg_metadata,
    "PNG": without_png_metadata,
    "WEBP": without_webp_metadata,
    "GIF": without_gif_metadata,
}
