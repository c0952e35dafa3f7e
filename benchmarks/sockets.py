"""Light WebSocket and HTTP clients, so that a load test measures the server and not itself."""

import asyncio
import contextlib
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Self, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.ledger import Violation
from benchmarks.stage import Person

AT_ONCE = 50
CLIENTS = 4  # that get pages
PATIENCE_S = 30
TEXT, CLOSE = WSMsgType.TEXT, WSMsgType.CLOSE
END_OF_DEFLATED = b"\0\0\xff\xff"
# Browsers offer this; a server that accepts it is to be measured with it.
OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}

OnText = Callable[[bytes], None]
Get = Callable[[str], Awaitable[bytes]]
Opened = TypeVar("Opened")


def _ignore(_text: bytes) -> None:
    """Drop frames that arrive before a receiver is set."""


class Wire(WSListener):
    """One WebSocket; every text frame goes to `on_text`."""

    _transport: WSTransport

    def __init__(self, on_text: OnText) -> None:
        self.on_text = on_text
        self.closed: str | None = None
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        on_text: OnText = _ignore,
    ) -> Self:
        """Open a socket; the first texts may come together with the server's consent."""
        _, wire = await ws_connect(
            lambda: cls(on_text),
            url.replace("http", "ws", 1),
            extra_headers={**OFFER, **headers},
            websocket_handshake_timeout=PATIENCE_S,
        )
        return cast("Self", wire)

    def send(self, text: bytes) -> None:
        """Send one text frame."""
        self._transport.send(TEXT, text)

    def close(self) -> None:
        """Cut the connection, without a closing frame."""
        self._transport.disconnect(graceful=False)

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Pass a text on. An error in it ends the measurement, not only this socket."""
        kind = frame.msg_type
        try:
            if kind is TEXT:
                text = frame.get_payload_as_bytes()
                self.on_text(_inflated(text) if frame.rsv1 else text)
            elif kind is CLOSE:
                self.closed = f"closed with {frame.get_close_code()}"
        except Exception as error:
            self._loop.call_exception_handler({"message": "bad frame", "exception": error})
            raise

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """Record that the connection is closed."""
        self.closed = self.closed or "connection lost"


def _inflated(text: bytes) -> bytes:
    # Our servers keep no context from one frame to the next, and end no stream.
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(text + END_OF_DEFLATED)


def check_open(wires: Sequence[Wire]) -> None:
    """Raise Violation when the server has ended one of the sockets."""
    gone = [wire.closed for wire in wires if wire.closed]
    if gone:
        raise Violation(f"{len(gone)} sockets were ended: {gone[0]}")


class MessageSeen(msgspec.Struct):
    """The fields of a message that measuring needs; the others are not even decoded."""

    conversation_id: str
    seq: int
    client_id: str


class Frame(msgspec.Struct):
    """An ack, an event or an error."""

    type: str
    message: MessageSeen | None = None
    id: str = ""
    events: list["Frame"] = []
    # Of presence events.
    user_id: str = ""
    online: bool | None = None


read_frame = msgspec.json.Decoder(Frame).decode


def frames_in(text: bytes) -> Sequence[Frame]:
    """Return the frame, or those that a batch holds."""
    frame = read_frame(text)
    return frame.events if frame.type == "batch" else (frame,)


async def open_program(url: str, person: Person) -> Wire:
    """Open a socket with the access token, and wait for its greeting."""
    return await _greeted(url, {}, msgspec.json.encode({"type": "auth", "content": person.token}))


async def open_browser(url: str, person: Person) -> Wire:
    """Open a socket as a page does: cookie and Origin; wait for its greeting."""
    return await _greeted(url, {"Cookie": person.cookie, "Origin": url})


async def _greeted(url: str, headers: Mapping[str, str], first: bytes = b"") -> Wire:
    greeted = asyncio.Event()
    wire = await Wire.open(f"{url}/ws", headers=headers, on_text=lambda _: greeted.set())
    if first:
        wire.send(first)
    await asyncio.wait_for(greeted.wait(), PATIENCE_S)
    return wire


async def open_all(
    url: str | Sequence[str],
    people: Sequence[Person],
    opened: Callable[[str, Person], Awaitable[Opened]],
    *,
    at_once: int = AT_ONCE,
) -> list[Opened]:
    """Open one for each, a few at a time; at one address, or at one of each person's own."""
    turns = asyncio.Semaphore(at_once)
    urls = [url] * len(people) if isinstance(url, str) else url

    async def one(at: str, person: Person) -> Opened:
        async with turns:
            return await opened(at, person)

    return await asyncio.gather(*(one(at, who) for at, who in zip(urls, people, strict=True)))


async def with_clients(url: str, token: str, work: Callable[[Get, int], Awaitable[None]]) -> None:
    """Run `work` for each of some clients with a function that gets pages, and the client's number.

    Each has one kept-alive connection; any answer but 200 raises.
    """
    address = urlsplit(url)
    head = f"Host: {address.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)

        async def get(path: str) -> bytes:
            writer.write(f"GET {path} HTTP/1.1\r\n{head}".encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise Violation(answer.decode(errors="replace"))
            length = answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            return await reader.readexactly(int(length))

        with contextlib.closing(writer):
            await work(get, number)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
