"""The proxy of chaos runs: cuts, delays and repeats as asked, and nothing else."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.proxy import Link, Network, Weather
from chaos.websocket import Repeater, frame_length
from tests.harness.devices import until

HEAD = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def frame(payload: bytes, *, first: int = 0x81) -> bytes:
    """Return a masked frame."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 2**16:
        length = bytes([0x80 | 126]) + size.to_bytes(2)
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8)
    return bytes([first]) + length + b"mask" + payload


class Echo:
    """A server that records what it receives and echoes it in capitals."""

    def __init__(self) -> None:
        self.got = b""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the other side ends."""
        with contextlib.suppress(OSError):
            while chunk := await reader.read(1024):
                self.got += chunk
                writer.write(chunk.upper())
        writer.transport.abort()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    """Yield a running echo server."""
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    yield echo
    server.close()


@contextlib.asynccontextmanager
async def connected(
    echo: Echo, weather: Weather
) -> AsyncIterator[tuple[Link, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a link to the echo server and a connection through it."""
    dice = random.Random(3)  # noqa: S311  # chance, not secrecy
    async with Link.open(Network(lambda: [echo.port], dice, weather)) as link:
        port = int(link.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield link, reader, writer
        writer.transport.abort()


async def test_good_weather_changes_nothing(echo: Echo) -> None:
    async with connected(echo, Weather()) as (_, reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"


async def test_delays_keep_the_order(echo: Echo) -> None:
    async with connected(echo, Weather(delay_s=0.1)) as (_, reader, writer):
        text = b"".join(b"%03d," % number for number in range(50))
        for start in range(0, len(text), 4):
            writer.write(text[start : start + 4])
            await writer.drain()
            await asyncio.sleep(0.001)
        assert await reader.readexactly(len(text)) == text


async def test_a_cut_ends_both_sides(echo: Echo) -> None:
    async with connected(echo, Weather()) as (link, reader, writer):
        writer.write(b"hello")
        await reader.readexactly(5)
        link.cut()
        assert await reader.read() == b""


async def test_an_answer_is_swallowed_after_it_was_given(echo: Echo) -> None:
    async with connected(echo, Weather()) as (link, reader, writer):
        writer.write(b"hello")
        await reader.readexactly(5)
        link.cut_at_the_answer()
        writer.write(b"again")
        assert await reader.read() == b""
        assert echo.got == b"helloagain"


async def test_bad_weather_cuts_everybody_sooner_or_later(echo: Echo) -> None:
    async with connected(echo, Weather(drop=1.0)) as (_, reader, writer):
        received = b""
        with contextlib.suppress(ConnectionError):
            for _ in range(500):
                writer.write(b"x")
                await writer.drain()
                chunk = await reader.read(10)
                received += chunk
                if not chunk:
                    break
                await asyncio.sleep(0.02)
        assert len(received) < 500


async def test_a_connection_is_closed_where_no_chat_answers() -> None:
    dice = random.Random(3)  # noqa: S311  # chance, not secrecy
    async with Link.open(Network(lambda: [1], dice)) as link:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(link.url.rpartition(":")[2])
        )
        assert await reader.read() == b""
        writer.close()


async def test_a_closed_link_leaves_nothing_open(echo: Echo) -> None:
    before = asyncio.all_tasks()
    async with connected(echo, Weather()) as (_, reader, writer):
        writer.write(b"hello")
        await reader.readexactly(5)
    await until(lambda: asyncio.all_tasks() == before)


texts = st.lists(st.one_of(st.binary(max_size=300), st.just(b"x" * 70_000)), max_size=5)


@given(payloads=texts, cuts=st.lists(st.integers(0, 2_000), max_size=20), seed=st.integers())
def test_frames_are_repeated_whole(payloads: list[bytes], cuts: list[int], seed: int) -> None:
    """Feed frames in any pieces: each goes out whole, once or twice, in order."""
    dice = random.Random(seed)  # noqa: S311  # chance, not secrecy
    chosen: list[bool] = []

    def choose() -> bool:
        chosen.append(dice.random() < 0.5)
        return chosen[-1]

    frames = [frame(payload) for payload in payloads]
    sent = HEAD + b"".join(frames)
    repeater = Repeater(choose)
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    out = b"".join(
        repeater.feed(sent[one:other]) for one, other in itertools.pairwise(places) if other > one
    )

    twice = zip(frames, chosen, strict=True)
    assert out == HEAD + b"".join(one * (2 if again else 1) for one, again in twice)


def test_only_text_is_repeated() -> None:
    repeater = Repeater(lambda: True)
    pong, close = frame(b"", first=0x8A), frame(b"\x03\xe8", first=0x88)
    repeater.feed(HEAD)
    assert repeater.feed(pong + close) == pong + close


def test_plain_http_passes_as_it_is() -> None:
    repeater = Repeater(lambda: True)
    request = b"POST /api/messages HTTP/1.1\r\nContent-Length: 4\r\n\r\n\x81\x80ab"
    assert repeater.feed(request[:20]) + repeater.feed(request[20:]) == request
    assert repeater.feed(frame(b"text")) == frame(b"text")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_the_length_of_a_frame(size: int) -> None:
    whole = frame(b"x" * size)
    assert frame_length(whole + b"more") == len(whole)
    assert all(frame_length(whole[:end]) == 0 for end in (0, 1, 3, len(whole) - 1))
