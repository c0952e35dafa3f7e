"""Pictures made anew: upright, without metadata, and bombs that harm nobody."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from chat_app.files.children import ChildFailed
from chat_app.files.errors import DiskFull
from chat_app.files.media_types import media_type_of
from chat_app.files.pictures import (
    Made,
    NoPicture,
    Refused,
    make_avatar,
    make_picture,
)
from tests.harness.files import opened, picture

WITH_EXIF = ["JPEG", "PNG", "WEBP", "AVIF"]
TURNED_LEFT = 8
SECRET = b"a secret description"


async def made(tmp_path: Path, data: bytes) -> Made | Refused | NoPicture:
    """Make a picture of bytes; its files are `whole` and `thumbnail`."""
    source = tmp_path / "source"
    source.write_bytes(data)
    return await make_picture(source, tmp_path / "whole", tmp_path / "thumbnail")


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """Return a grey PNG of any announced size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
async def test_a_picture_without_metadata_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    found = await made(tmp_path, picture(kind, (400, 200)))

    assert isinstance(found, Made)
    assert (found.format, found.width, found.height, found.rewritten) == (kind, 400, 200, False)
    thumbnail = opened((tmp_path / "thumbnail").read_bytes())
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (320, 160))
    assert found.placeholder.startswith("data:image/webp;base64,")
    assert len(found.placeholder) < 400


@pytest.mark.parametrize("kind", WITH_EXIF)
async def test_a_picture_loses_its_place_and_texts(tmp_path: Path, kind: str) -> None:
    data = picture(kind, with_place=True)
    assert SECRET in data

    found = await made(tmp_path, data)

    assert isinstance(found, Made)
    assert found.rewritten
    whole = (tmp_path / "whole").read_bytes()
    assert SECRET not in whole
    assert len(opened(whole).getexif()) == 0
    assert opened(whole).size == (40, 30)


@pytest.mark.parametrize("kind", WITH_EXIF)
async def test_a_turned_picture_is_upright(tmp_path: Path, kind: str) -> None:
    found = await made(tmp_path, picture(kind, (40, 20), orientation=TURNED_LEFT, with_place=True))

    assert isinstance(found, Made)
    assert (found.width, found.height) == (20, 40)
    whole = opened((tmp_path / "whole").read_bytes())
    assert len(whole.getexif()) == 0
    for image in (whole, opened((tmp_path / "thumbnail").read_bytes())):
        shown = image.convert("RGB")
        # What was on the left is at the bottom.
        assert _is_red(shown.getpixel((shown.width // 2, shown.height - 3)))
        assert not _is_red(shown.getpixel((shown.width // 2, 3)))


def _is_red(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    return bool(pixel[0] > 150 > pixel[2])


@pytest.mark.parametrize(("kind", "end"), [("JPEG", b"\xff\xd9"), ("PNG", b"IEND")])
async def test_what_follows_a_picture_is_cut_off(tmp_path: Path, kind: str, end: bytes) -> None:
    data = picture(kind)

    found = await made(tmp_path, data + b"<script>alert(1)</script>")

    assert isinstance(found, Made)
    assert (tmp_path / "whole").read_bytes() == data
    assert end in data


async def test_a_gif_loses_its_comments_and_stays_animated(tmp_path: Path) -> None:
    frames = [Image.new("P", (20, 20), number) for number in range(3)]
    written = io.BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:], loop=0, comment=SECRET)
    assert SECRET in written.getvalue()

    found = await made(tmp_path, written.getvalue())

    assert isinstance(found, Made)
    whole = (tmp_path / "whole").read_bytes()
    assert SECRET not in whole
    image = opened(whole)
    assert len(list(ImageSequence.Iterator(image))) == len(
        list(ImageSequence.Iterator(opened(written.getvalue())))
    )
    assert image.info["loop"] == 0


async def test_an_icc_profile_stays(tmp_path: Path) -> None:
    profile = bytes(3_000)

    found = await made(tmp_path, picture("JPEG", with_place=True, icc_profile=profile))

    assert isinstance(found, Made)
    assert opened((tmp_path / "whole").read_bytes()).info["icc_profile"] == profile


async def test_a_heic_becomes_a_jpeg(tmp_path: Path) -> None:
    """The sample is such a picture: nothing that is installed here could make it."""
    sample = (Path(__file__).parent / "sample.heic").read_bytes()
    assert media_type_of(sample) == "image/heic"
    assert SECRET in sample

    found = await made(tmp_path, sample)

    assert isinstance(found, Made)
    assert (found.format, found.width, found.height, found.rewritten) == ("JPEG", 80, 40, True)
    whole = (tmp_path / "whole").read_bytes()
    assert SECRET not in whole
    assert opened(whole).format == "JPEG"
    assert _is_red(opened(whole).getpixel((5, 20)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
async def test_pictures_of_all_colours_have_a_thumbnail(tmp_path: Path, mode: str) -> None:
    written = io.BytesIO()
    Image.new(mode, (30, 30)).save(written, "PNG")

    assert isinstance(await made(tmp_path, written.getvalue()), Made)


async def test_a_cmyk_jpeg_has_a_thumbnail(tmp_path: Path) -> None:
    written = io.BytesIO()
    Image.new("CMYK", (30, 30)).save(written, "JPEG")

    assert isinstance(await made(tmp_path, written.getvalue()), Made)


async def test_a_very_long_picture_has_a_thumbnail(tmp_path: Path) -> None:
    found = await made(tmp_path, picture("PNG", (1, 60_000)))

    assert isinstance(found, Made)
    assert (found.width, found.height) == (1, 60_000)
    assert opened((tmp_path / "thumbnail").read_bytes()).size == (1, 320)


@pytest.mark.parametrize(("width", "height"), [(10_000, 5_001), (60_000, 60_000), (1, 2**31 - 1)])
async def test_too_many_pixels_are_refused_before_they_are_decoded(
    tmp_path: Path, width: int, height: int
) -> None:
    found = await made(tmp_path, png(width, height, zlib.compress(bytes(1_000))))

    assert found == Refused("too_many_pixels")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
async def test_a_truncated_picture_is_refused(tmp_path: Path, kind: str) -> None:
    data = picture(kind, (300, 300))

    found = await made(tmp_path, data[: len(data) * 2 // 3])

    assert found in (Refused("unreadable_picture"), NoPicture())
    if kind in ("JPEG", "PNG"):
        assert found == Refused("unreadable_picture")


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff<html><script>alert(1)</script></html>",
        b"GIF89a/*<script>*/=1",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    ],
)
async def test_what_only_begins_like_a_picture_is_none(tmp_path: Path, data: bytes) -> None:
    assert await made(tmp_path, data) in (NoPicture(), Refused("unreadable_picture"))


async def test_an_animation_of_many_frames_is_not_decoded_whole(tmp_path: Path) -> None:
    frame = Image.new("P", (8, 8))
    one = io.BytesIO()
    frame.save(one, "GIF")
    data = one.getvalue()
    picture_block = data[data.rindex(b"\x2c") : -1]
    many = data[:-1] + picture_block * 10_000 + b";"

    found = await made(tmp_path, many)

    assert isinstance(found, Made)
    assert not found.rewritten


async def test_a_damaged_picture_with_the_place_of_a_camera_is_refused(tmp_path: Path) -> None:
    data = picture("JPEG", with_place=True)
    torn = data[:2] + b"\x00\x00\x00" + data[2:]

    assert await made(tmp_path, torn) == Refused("unreadable_picture")
    assert await made(tmp_path, b"\xff\xd8\xffwords") == NoPicture()


async def test_a_full_disk_is_no_fault_of_a_picture(tmp_path: Path) -> None:
    (tmp_path / "thumbnail").symlink_to("/dev/full")

    with pytest.raises(DiskFull):
        await made(tmp_path, picture())


async def test_a_child_that_is_killed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "child.py"
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr("chat_app.files.pictures.picture_child.__file__", str(program))

    with pytest.raises(ChildFailed):
        await made(tmp_path, picture())


async def test_a_child_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "child.py"
    program.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr("chat_app.files.pictures.picture_child.__file__", str(program))
    monkeypatch.setattr("chat_app.files.children.PATIENCE_S", 0.2)

    with pytest.raises(ChildFailed):
        await made(tmp_path, picture())


async def test_the_child_has_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "child.py"
    program.write_text(
        "import os, pathlib\n"
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(repr(dict(os.environ)))\n"
        "main = lambda *_: {}\n"
    )
    monkeypatch.setenv("CHAT_SECRET_KEY", "a secret of the node")
    monkeypatch.setattr("chat_app.files.pictures.picture_child.__file__", str(program))

    assert await made(tmp_path, picture()) == NoPicture()
    assert "secret" not in (tmp_path / "seen").read_text()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
async def test_an_avatar_is_the_middle_of_a_picture(tmp_path: Path, kind: str) -> None:
    source, avatar = tmp_path / "source", tmp_path / "avatar"
    for size, side in (((1200, 400), 256), ((40, 90), 40)):
        source.write_bytes(picture(kind, size))

        found = await make_avatar(source, avatar)

        assert isinstance(found, Made)
        assert (found.format, found.width, found.height) == ("WEBP", side, side)
        shown = opened(avatar.read_bytes()).convert("RGB")
        assert (shown.size, opened(avatar.read_bytes()).format) == ((side, side), "WEBP")
        for x, is_red in ((side // 8, True), (side - side // 8, False)):
            pixel = shown.getpixel((x, side // 2))
            assert isinstance(pixel, tuple)
            assert (pixel[0] > pixel[2]) is is_red


async def test_an_avatar_is_upright_and_keeps_what_shines_through(tmp_path: Path) -> None:
    source, avatar = tmp_path / "source", tmp_path / "avatar"
    source.write_bytes(picture("JPEG", (300, 300), orientation=TURNED_LEFT, with_place=True))
    await make_avatar(source, avatar)
    assert SECRET not in avatar.read_bytes()
    shown = opened(avatar.read_bytes()).convert("RGB")
    top, bottom = shown.getpixel((128, 20)), shown.getpixel((128, 236))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert (top[0] > 200, bottom[0] > 200) == (False, True)

    clear = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(clear, "PNG")
    source.write_bytes(clear.getvalue())
    await make_avatar(source, avatar)
    assert opened(avatar.read_bytes()).mode == "RGBA"


async def test_no_avatar_is_made_of_a_bomb_or_of_no_picture(tmp_path: Path) -> None:
    source, avatar = tmp_path / "source", tmp_path / "avatar"
    for data, expected in (
        (png(30_000, 30_000), Refused("too_many_pixels")),
        (png(500, 500, b"broken"), Refused("unreadable_picture")),
        (b"words", NoPicture()),
    ):
        source.write_bytes(data)
        assert await make_avatar(source, avatar) == expected
        assert not avatar.exists()
