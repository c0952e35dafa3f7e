"""Videos, sounds and documents of the tests, encoded anew."""

import io
from collections.abc import Iterator
from fractions import Fraction

import av
import pypdfium2
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

RATE, FRAMES_A_SECOND, SOUND_SAMPLES = 48_000, 25, 960


def film(
    kind: str = "webm",
    *,
    seconds: float = 2,
    size: tuple[int, int] | None = (160, 120),
    codecs: tuple[str, str] = ("libvpx", "libopus"),
    has_sound: bool = True,
    rotation: int = 0,
    **options: str,
) -> bytes:
    """Return a video, black for half a second and then red; without a size, its sound only.

    It is shown turned by `rotation` degrees, counter-clockwise. `options` are FFmpeg's for the
    container.
    """
    written = io.BytesIO()
    with av.open(written, "w", format=kind, options=options) as container:
        # Streams are added before anything is written.
        sound = container.add_stream(codecs[1], rate=RATE) if has_sound else None
        if size is not None:
            video = container.add_stream(codecs[0], rate=FRAMES_A_SECOND)
            assert isinstance(video, VideoStream)
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            if rotation:
                video.set_display_rotation(rotation)
            for pictures in _pictures(video, seconds, size):
                container.mux(pictures)
        if isinstance(sound, AudioStream):
            for sounds in _silence(sound, seconds):
                container.mux(sounds)
    return written.getvalue()


def _pictures(
    video: VideoStream, seconds: float, size: tuple[int, int]
) -> Iterator["list[Packet[VideoStream]]"]:
    for number in range(round(seconds * FRAMES_A_SECOND)):
        colour = "black" if number < FRAMES_A_SECOND / 2 else "red"
        frame = VideoFrame.from_image(Image.new("RGB", size, colour))  # type: ignore[no-untyped-call]  # PyAV's
        frame.pts, frame.time_base = number, Fraction(1, FRAMES_A_SECOND)
        yield video.encode(frame)
    yield video.encode()


def _silence(sound: AudioStream, seconds: float) -> Iterator["list[Packet[AudioStream]]"]:
    for start in range(0, round(seconds * RATE), SOUND_SAMPLES):
        silence = AudioFrame(format="s16", layout="stereo", samples=SOUND_SAMPLES)
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        silence.sample_rate, silence.pts = RATE, start
        yield sound.encode(silence)
    yield sound.encode()


def document() -> bytes:
    """Return a PDF document of one empty page, A4."""
    made = pypdfium2.PdfDocument.new()
    made.new_page(595, 842)
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()
