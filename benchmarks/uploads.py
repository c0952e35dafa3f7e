"""Files: how fast they come and go, what that leaves to the chat, and how soon a picture is there.

The client sends and reads in threads: what is measured is the chat, on a core of its own.
"""

import asyncio
import contextlib
import io
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPConnection
from types import MappingProxyType
from urllib.parse import urlsplit

from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import machine, stage
from benchmarks.direct import EACH, PAIRS
from benchmarks.figures import Figures
from benchmarks.ledger import Violation
from benchmarks.rooms import SIZE, pairs
from benchmarks.stage import Person
from benchmarks.workload import Plan
from tests.harness.files import BODY, TUS, metadata
from tests.harness.servers import LOOPBACK, ChatServer

MB = 2**20
BYTES, QUICK_BYTES = 256 * MB, 8 * MB
PIECE = MB
# Messages a second of the pairs, and how long files come and go beside them: the chat looks at its
# loop twice a second.
RATE, TALK_S = 200, 30.0
LATE_S = 0.005
ASKED, PICTURES = 300, 5
# Twelve megapixels, in the shape of a camera.
PIXELS = (4_000, 3_000)
SETTINGS = {"CHAT_MAX_FILE_MB": "1024", "CHAT_USER_STORAGE_MB": "102400"}
PATIENCE_S = 120
STEP_S, POLL_S = 0.02, 0.005


async def measure(plan: Plan) -> list[Figures]:
    """Run *files*."""
    size = QUICK_BYTES if plan.quick else BYTES
    talk_s = plan.seconds if plan.quick else TALK_S
    figures = Figures(
        "files",
        f"{size // MB} MB over loopback, to and from a disk; then for {talk_s:g} s beside {PAIRS} "
        f"pairs with {RATE} messages of {SIZE} bytes a second; pictures of 12 megapixels; one core "
        f"for the server, one for the client; {plan.durability}",
    )
    data = os.urandom(size)
    photo = _photo()
    with stage.fresh(plan) as made:
        chat = replace(made, settings={**made.settings, **SETTINGS})
        async with chat.node() as node:
            people = await stage.add_people(node, EACH)
        with chat.server(pinned=True) as served:
            traffic = await pairs(served.url, people)
            client = Client(served, people[0])
            await asyncio.to_thread(client.measure_alone, figures, plan.runs, data, photo)
            await traffic.offer(RATE, plan.warm_up)
            for _ in range(plan.runs):
                alone = await traffic.offer(RATE, talk_s)
                figures.add_times("messages alone, ", alone.took)
                with client.busy(data), client.lateness(figures):
                    beside = await traffic.offer(RATE, talk_s)
                figures.add_times("messages beside files, ", beside.took)
        async with chat.node() as node:
            await traffic.ledger.compare(node.database)
    return [figures]


@dataclass(frozen=True)
class Client:
    """A program that uploads and downloads, a request at a time."""

    served: ChatServer
    person: Person

    def measure_alone(self, figures: Figures, runs: int, data: bytes, photo: bytes) -> None:
        """Measure what files take while nobody talks."""
        for _ in range(runs):
            with self._memory(figures), self._connection() as connection:
                address, took = self._upload(connection, data)
            figures.add("upload, MB/s", len(data) / MB / took, least=300)
            with self._connection() as connection:
                url = self._ready(connection, address)["url"]
                figures.add("download, MB/s", len(data) / MB / self._download(url), least=400)
                headers = {"If-None-Match": "*"}
                asked = [self._timed(connection, url, headers) for _ in range(ASKED)]
                figures.add_times("look at the rights, ", asked, most_p50=2)
                self._delete(connection, address)
                pictures = [self._picture(connection, photo) for _ in range(PICTURES)]
                figures.add_times("picture to thumbnail, ", pictures, most_p50=250)

    @contextlib.contextmanager
    def busy(self, data: bytes) -> Iterator[None]:
        """Upload and download all the time inside."""

        def work(over: threading.Event) -> None:
            with self._connection() as connection:
                while not over.is_set():
                    address, _ = self._upload(connection, data)
                    self._download(self._ready(connection, address)["url"])
                    self._delete(connection, address)

        with _beside(work):
            yield

    @contextlib.contextmanager
    def lateness(self, figures: Figures) -> Iterator[None]:
        """Record how often the chat's loop was late inside."""
        before = self._looks()
        yield
        counts = {name: value - before[name] for name, value in self._looks().items()}
        late = 100 * (1 - counts["in time"] / counts["all"])
        figures.add("loop late by more than 5 ms, % of looks", late, most=1)
        figures.add("loop late, mean, ms", 1_000 * counts["seconds"] / counts["all"])

    def _looks(self) -> dict[str, float]:
        with self._connection() as connection:
            text = self._asked(connection, "GET", "/api/metrics").decode()
        families = text_string_to_metric_families(text)
        lag = next(one for one in families if one.name == "chat_event_loop_lag_seconds")
        found = {(one.name, one.labels.get("le")): one.value for one in lag.samples}
        return {
            "all": found[f"{lag.name}_count", None],
            "seconds": found[f"{lag.name}_sum", None],
            "in time": found[f"{lag.name}_bucket", str(LATE_S)],
        }

    @contextlib.contextmanager
    def _memory(self, figures: Figures) -> Iterator[None]:
        """Record by how much the chat's memory grows inside."""
        pid = self.served.server.process.pid
        before = most = machine.memory(pid)

        def watch(over: threading.Event) -> None:
            nonlocal most
            while not over.wait(STEP_S):
                most = max(most, machine.memory(pid))

        with _beside(watch):
            yield
        figures.add("memory of an upload, MB", (most - before) / MB, most=60)

    def _upload(self, connection: HTTPConnection, data: bytes) -> tuple[str, float]:
        """Return the address of a new upload, and the seconds that its bytes took."""
        headers = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": metadata("file.bin")}
        connection.request("POST", "/api/uploads", headers=self._headers(headers))
        reply = connection.getresponse()
        reply.read()
        address = urlsplit(reply.headers["location"]).path
        started = time.perf_counter()
        self._asked(connection, "PATCH", address, {**BODY, "Upload-Offset": "0"}, data)
        return address, time.perf_counter() - started

    def _ready(self, connection: HTTPConnection, address: str) -> dict[str, str]:
        """Wait until an upload was checked, and return the file."""
        end = time.monotonic() + PATIENCE_S
        while (state := json.loads(self._asked(connection, "GET", address)))["state"] != "ready":
            if time.monotonic() > end or state["state"] == "refused":
                raise Violation(f"the upload is {state['state']}")
            # In a thread; an upload tells nobody that it was checked.
            time.sleep(POLL_S)
        file: dict[str, str] = state["file"]
        return file

    def _download(self, url: str) -> float:
        """Return the seconds in which a file comes."""
        piece = memoryview(bytearray(PIECE))
        with self._connection() as connection:
            started = time.perf_counter()
            connection.request("GET", urlsplit(url).path, headers=self._headers({}))
            reply = connection.getresponse()
            while reply.readinto(piece):
                pass
            return time.perf_counter() - started

    def _picture(self, connection: HTTPConnection, data: bytes) -> float:
        """Return after how many ms a picture and its thumbnail are there, from its first byte."""
        started = time.perf_counter()
        address, _ = self._upload(connection, data)
        if not self._ready(connection, address)["thumbnail_url"]:
            raise Violation("a picture has no thumbnail")
        took = (time.perf_counter() - started) * 1_000
        self._delete(connection, address)
        return took

    def _timed(self, connection: HTTPConnection, url: str, headers: dict[str, str]) -> float:
        started = time.perf_counter()
        self._asked(connection, "GET", urlsplit(url).path, headers)
        return (time.perf_counter() - started) * 1_000

    def _delete(self, connection: HTTPConnection, address: str) -> None:
        self._asked(connection, "DELETE", address, TUS)

    def _asked(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> bytes:
        """Return the body of a reply. Raises Violation for one that is refused."""
        connection.request(method, path, body, self._headers(headers))
        reply = connection.getresponse()
        text = reply.read()
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise Violation(f"{method} {path}: {reply.status} {text[:200]!r}")
        return text

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.person.token}", **headers}

    @contextlib.contextmanager
    def _connection(self) -> Iterator[HTTPConnection]:
        connection = HTTPConnection(LOOPBACK, self.served.port, timeout=PATIENCE_S)
        try:
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def _beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run work in a thread until the event that it gets is set at the end; raise what it raised."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(work, over)
        try:
            yield
        finally:
            over.set()
        running.result()


def _photo() -> bytes:
    """Return a JPEG with large and small shapes, as a camera takes it."""
    dice = random.Random(1)  # noqa: S311  # no secret
    image = Image.new("RGB", PIXELS)
    for shape, share in ((20, 1.0), (200, 0.4), (1_000, 0.2)):
        size = PIXELS[0] // (PIXELS[0] // shape), PIXELS[1] // (PIXELS[0] // shape)
        layer = Image.frombytes("RGB", size, dice.randbytes(3 * size[0] * size[1]))
        image = Image.blend(image, layer.resize(PIXELS, Image.Resampling.BICUBIC), share)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=90)
    return written.getvalue()
