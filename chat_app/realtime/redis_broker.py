"""The broker over Redis pub/sub, for several nodes.

Redis forgets what it carried, so every loss here is expected: a full queue, a broken link. Each
is counted and logged once, and made good from the database by who needs to be whole.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from chat_app.core import causes, tasks
from chat_app.core.ids import new_id
from chat_app.core.metrics import Metrics
from chat_app.core.traces import Traces
from chat_app.realtime.broker import Deliver
from chat_app.realtime.events import Envelope

OUTGOING = 20_000
IN_ONE_GO = 200
CONFIRM_S = 2.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

log = structlog.get_logger(__name__)


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """An envelope with the process that sent it, which has delivered it at home already."""

    node: str
    envelope: Envelope
    # By the sender's clock, in seconds since 1970; 0 from a node that does not tell.
    at: float = 0.0


class RedisBroker:
    """Envelopes over one publishing and one subscribed connection, both mended for ever."""

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        metrics: Metrics | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._node = new_id().hex
        self._deliver: Deliver = lambda _topic, _envelope: None
        self._outgoing: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(OUTGOING)
        self._topics: set[str] = set()
        self._confirming: dict[str, asyncio.Future[None]] = {}
        self._pubsub: PubSub | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Parcel)
        self.lost = 0
        self._traces = traces or Traces()
        metrics = metrics or Metrics()
        metrics.gauge("chat_bus_queue_parcels", "News that waits for Redis", self._outgoing.qsize)
        metrics.gauge("chat_bus_lost_total", "News that Redis did not take", lambda: self.lost)
        self._heard = metrics.counter("chat_bus_heard_total", "News heard from other nodes")
        self._delay = metrics.histogram(
            "chat_bus_delay_seconds",
            "From publishing on another node to the outlets here, by the clocks of both",
        )

    def start(self) -> None:
        """Start carrying; call once, inside the running loop."""
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._listen())]

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for everything published to a subscribed topic."""
        self._deliver = deliver

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Deliver at home at once and queue for the other nodes."""
        payload = self._encoder.encode(Parcel(self._node, envelope, time.time()))
        for topic in topics:
            self._deliver(topic, envelope)
            try:
                self._outgoing.put_nowait((self._prefix + topic, payload))
            except asyncio.QueueFull:
                self.lost += 1

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Hear `topics`; returns once Redis has confirmed, or after 2 s when it does not."""
        fresh = [topic for topic in topics if topic not in self._topics]
        self._topics.update(fresh)
        pubsub = self._pubsub
        if pubsub is None:
            return
        loop = asyncio.get_running_loop()
        self._confirming.update({topic: loop.create_future() for topic in fresh})
        waiting = [self._confirming[topic] for topic in topics if topic in self._confirming]
        if fresh:
            with contextlib.suppress(RedisError, OSError):
                await pubsub.subscribe(*(self._prefix + topic for topic in fresh))
        if waiting and (await asyncio.wait(waiting, timeout=CONFIRM_S))[1]:
            log.warning("redis.subscribe_unconfirmed", topics=len(waiting))

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Hear `topics` no more."""
        self._topics.difference_update(topics)
        self._confirm(topics)
        if self._pubsub is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._pubsub.unsubscribe(*(self._prefix + topic for topic in topics))

    def is_up(self) -> bool:
        """Whether the subscribed connection stands."""
        return self._pubsub is not None

    async def close(self) -> None:
        """Send what is queued, for a second at the most, and stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._outgoing.join(), 1.0)
        await tasks.end(self._tasks)
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _send(self) -> None:
        while True:
            batch = [await self._outgoing.get()]
            while len(batch) < IN_ONE_GO and not self._outgoing.empty():
                batch.append(self._outgoing.get_nowait())
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for channel, payload in batch:
                        pipeline.publish(channel, payload)
                    await pipeline.execute()
            except (RedisError, OSError) as error:
                self.lost += len(batch)
                log.warning("redis.publish_failed", error=type(error).__name__, lost=self.lost)
                await asyncio.sleep(0.1)
            finally:
                for _ in batch:
                    self._outgoing.task_done()

    async def _listen(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._subscribed() as pubsub:
                    pause_s = FIRST_PAUSE_S
                    await self._hear(pubsub)
            except (RedisError, OSError) as error:
                log.warning("redis.link_broken", error=type(error).__name__, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    @contextlib.asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[PubSub]:
        pubsub = self._redis.pubsub()
        try:
            # Its own channel keeps the connection subscribed while nobody here hears anything.
            channels = [self._prefix + topic for topic in ("node:" + self._node, *self._topics)]
            await pubsub.subscribe(*channels)
            self._pubsub = pubsub
            yield pubsub
        finally:
            self._pubsub = None
            self._confirm(list(self._confirming))
            await pubsub.aclose()

    async def _hear(self, pubsub: PubSub) -> None:
        while True:
            heard = await pubsub.get_message(timeout=None)
            if heard is None:
                continue
            topic = heard["channel"].decode().removeprefix(self._prefix)
            if heard["type"] == "subscribe":
                self._confirm([topic])
            elif heard["type"] == "message":
                self._open(topic, heard["data"])

    def _confirm(self, topics: Iterable[str]) -> None:
        """Let those go on who wait for `topics`."""
        for topic in topics:
            waiting = self._confirming.pop(topic, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _open(self, topic: str, payload: bytes) -> None:
        try:
            parcel = self._decoder.decode(payload)
        except msgspec.DecodeError:
            # Another version, or another program on our channel: hints may be ignored.
            log.warning("redis.unreadable_parcel", topic=topic)
            return
        if parcel.node != self._node:
            causes.follow(parcel.envelope.cause)
            with self._traces.span("bus.deliver", "consumer"):
                self._deliver(topic, parcel.envelope)
            log.debug("bus.heard", topic=topic, bytes=len(payload), sender=parcel.node)
            causes.follow(causes.NONE)
            self._heard.add()
            if parcel.at:
                self._delay.add(max(0.0, time.time() - parcel.at))
