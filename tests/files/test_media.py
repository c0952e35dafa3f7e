"""Videos, sounds and documents that are read: how long, how large, and a picture of them."""

from pathlib import Path

import pypdfium2
import pytest
from PIL import ImageStat

from chat_app.files import media
from chat_app.files.media import Read, is_readable, read_media
from chat_app.files.media_types import media_type_of
from tests.harness.files import opened, picture
from tests.harness.films import document, film

MP4 = ("libx264", "aac")
RECORDED = {
    "webm": ("audio/webm", film(size=None, live="1")),
    "mp4": ("audio/mp4", film("mp4", size=None, codecs=MP4, movflags="empty_moov+frag_keyframe")),
}
A_FRAME_MS = 80


async def read(tmp_path: Path, data: bytes) -> Read:
    """Read bytes by their type; the picture is in `picture`."""
    source = tmp_path / "source"
    source.write_bytes(data)
    return await read_media(media_type_of(data[:4096]), source, tmp_path / "picture")


@pytest.mark.parametrize(
    "data",
    [
        film(),
        # As a browser records: without a duration, and without an index.
        film(live="1"),
        film("mp4", codecs=MP4),
        film("mp4", codecs=MP4, movflags="empty_moov+frag_keyframe"),
        film("mov", codecs=MP4),
        film("matroska"),
    ],
    ids=["WebM", "recorded WebM", "MP4", "MP4 in fragments", "QuickTime", "Matroska"],
)
async def test_a_video_has_a_duration_a_size_and_a_bright_picture(
    tmp_path: Path, data: bytes
) -> None:
    found = await read(tmp_path, data)

    assert found.duration_ms == pytest.approx(2_000, abs=A_FRAME_MS)
    assert (found.width, found.height, found.has_video) == (160, 120, True)
    assert found.has_picture
    shown = opened((tmp_path / "picture").read_bytes())
    assert shown.size == (160, 120)
    # The film begins in black.
    assert ImageStat.Stat(shown).mean[0] > 200


async def test_the_picture_of_a_turned_video_is_upright(tmp_path: Path) -> None:
    found = await read(tmp_path, film("mp4", codecs=MP4, rotation=-90))

    assert (found.width, found.height) == (120, 160)
    assert opened((tmp_path / "picture").read_bytes()).size == (120, 160)


@pytest.mark.parametrize(
    "data",
    [
        film(size=None),
        film("mp3", size=None, codecs=("", "libmp3lame")),
        film("ogg", size=None),
        film("wav", size=None, codecs=("", "pcm_s16le")),
        film("mp4", size=None, codecs=MP4),
        *(data for _, data in RECORDED.values()),
    ],
    ids=["WebM", "MP3", "OGG", "WAV", "MP4", "recorded WebM", "recorded MP4"],
)
async def test_a_sound_has_a_duration_and_no_picture(tmp_path: Path, data: bytes) -> None:
    found = await read(tmp_path, data)

    assert found.duration_ms == pytest.approx(2_000, abs=A_FRAME_MS)
    assert (found.width, found.has_video, found.has_picture) == (None, False, False)


@pytest.mark.parametrize("kind", RECORDED)
def test_a_recording_of_a_browser_is_a_sound_by_its_first_bytes(kind: str) -> None:
    media_type, data = RECORDED[kind]

    assert media_type_of(data[:4096]) == media_type


def test_a_video_with_sound_is_a_video_by_its_first_bytes() -> None:
    assert media_type_of(film(live="1")[:4096]) == "video/webm"
    fragments = film("mp4", codecs=MP4, movflags="empty_moov+frag_keyframe")
    assert media_type_of(fragments[:4096]) == "video/mp4"


async def test_a_document_has_a_picture_of_its_first_page(tmp_path: Path) -> None:
    found = await read(tmp_path, document())

    assert found == Read(has_picture=True)
    shown = opened((tmp_path / "picture").read_bytes())
    assert max(shown.size) == 640
    assert shown.getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7 and nothing more",
        document()[:100],
        film()[:200],
        film("mp4", codecs=MP4)[:1_000],
        b"ID3\x04" + bytes(2_000),
    ],
    ids=["a PDF of words", "half a PDF", "half a WebM", "half an MP4", "an empty MP3"],
)
async def test_an_unreadable_file_has_no_facts(tmp_path: Path, data: bytes) -> None:
    assert await read(tmp_path, data) == Read()


async def test_a_page_of_any_size_makes_a_small_picture(tmp_path: Path) -> None:
    made = pypdfium2.PdfDocument.new()
    made.new_page(14_400, 14_400)
    made.save(tmp_path / "large.pdf")

    assert (await read(tmp_path, (tmp_path / "large.pdf").read_bytes())).has_picture
    assert opened((tmp_path / "picture").read_bytes()).size == (640, 640)


async def test_a_child_that_is_killed_leaves_a_file_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr("chat_app.files.media.media_child.__file__", str(program))

    assert await read(tmp_path, film()) == Read()


def test_nothing_is_read_without_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_readable("video/webm")
    assert is_readable("application/pdf")
    assert not is_readable(media_type_of(picture()))
    monkeypatch.setattr(media, "_INSTALLED", {"av": False, "pypdfium2": False})
    assert not is_readable("video/webm")
    assert not is_readable("application/pdf")
