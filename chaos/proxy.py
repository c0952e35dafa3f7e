"""A bad network: a TCP proxy before every device, which cuts, delays and repeats.

Where the network stands the chat is a list of ports: as behind a load balancer, each connection
goes to any of them.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from chaos.websocket import Repeater

LOOPBACK = "127.0.0.1"
CHUNK = 65_536
IN_FLIGHT = 64


@dataclass(frozen=True)
class Weather:
    """The faults of a network: how much it drops, delays and duplicates."""

    drop: float = 0.0  # of all connections, a share this large is cut at each look
    delay_s: float = 0.0  # at the most; most delays are much shorter
    duplicate: float = 0.0  # of all frames to the chat, a share this large is sent twice
    look_s: float = 8.0  # at the most between two looks at a connection


CALM = Weather()


@dataclass
class Network:
    """The weather of all links, which may change, and the counts of its faults."""

    ports: Callable[[], Sequence[int]]
    dice: random.Random
    weather: Weather = CALM
    did: Counter[str] = field(default_factory=Counter)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# Chunks in one direction, each with its due time; None is the end.
_Late = asyncio.Queue[tuple[float, bytes] | None]


class Link:
    """The network link of one device to the chat; the device connects to `url`."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, network: Network) -> AsyncIterator["Link"]:
        """Yield a link; every connection through it is cut at the end."""
        link = cls(network)
        link._server = await asyncio.start_server(link._accept, LOOPBACK, 0)
        link.url = f"http://{LOOPBACK}:{link._server.sockets[0].getsockname()[1]}"
        try:
            yield link
        finally:
            link._server.close()
            tasks = list(link._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Cut every connection, now."""
        for connection in self._connections:
            connection.cut()

    def cut_at_the_answer(self) -> None:
        """Cut every connection as soon as the chat sends something, which is not delivered."""
        for connection in self._connections:
            connection.swallow = True

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Our own task: asyncio's would log an error when it is cancelled.
        task = asyncio.get_running_loop().create_task(self._connect((reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, device: Stream) -> None:
        try:
            port = self._network.dice.choice(self._network.ports())
            chat = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            device[1].transport.abort()
            return
        connection = Connection(self._network, device, chat)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)


async def _write(late: _Late, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while (parcel := await late.get()) is not None:
            at, chunk = parcel
            await asyncio.sleep(at - loop.time())
            if writer.is_closing():
                return
            writer.write(chunk)
            await writer.drain()


class Connection:
    """One TCP connection through the network."""

    def __init__(self, network: Network, device: Stream, chat: Stream) -> None:
        self._network = network
        self._device, self._chat = device, chat
        self._repeater = Repeater(self._is_repeated)
        self.swallow = False

    async def run(self) -> None:
        """Relay until one side ends, or the weather ends it."""
        to_chat, to_device = _Late(IN_FLIGHT), _Late(IN_FLIGHT)
        works = [
            asyncio.create_task(work)
            for work in (
                self._read(self._device[0], self._repeater.feed, to_chat),
                _write(to_chat, self._chat[1]),
                self._read(self._chat[0], self._answer, to_device),
                _write(to_device, self._device[1]),
                self._live_dangerously(),
            )
        ]
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.cut()
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    def cut(self) -> None:
        """Close both sides; data in transit is lost."""
        self._device[1].transport.abort()
        self._chat[1].transport.abort()

    async def _read(
        self, reader: asyncio.StreamReader, change: Callable[[bytes], bytes | None], late: _Late
    ) -> None:
        """Queue received data; return at once when nothing more may pass, else wait for the end."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                changed = change(chunk)
                if changed is None:
                    return
                await late.put((loop.time() + self._delay_s(), changed))
        await late.put(None)
        await loop.create_future()  # the writer ends it

    async def _live_dangerously(self) -> None:
        """Return to cut this connection at once, or swallow its next answer, at random."""
        network = self._network
        while True:
            await asyncio.sleep(network.dice.uniform(0.1, network.weather.look_s))
            if network.dice.random() >= network.weather.drop:
                continue
            if network.dice.random() < 0.5:  # noqa: PLR2004  # as often as the other way
                network.did["links cut"] += 1
                return
            self.swallow = True

    def _answer(self, chunk: bytes) -> bytes | None:
        if self.swallow:
            self._network.did["answers swallowed"] += 1
            return None
        return chunk

    def _delay_s(self) -> float:
        # Cubed: most are short, and a few are as long as they may be.
        return self._network.weather.delay_s * self._network.dice.random() ** 3

    def _is_repeated(self) -> bool:
        repeated = self._network.dice.random() < self._network.weather.duplicate
        if repeated:
            self._network.did["frames repeated"] += 1
        return repeated
