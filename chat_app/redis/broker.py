"""Redis broker: envelopes between nodes over Redis pub/sub, at most once.

Redis keeps nothing, so every loss is expected: a full queue, a broken link. Each is counted and
logged once. Lost changes of messages are read from the database. Everything else is published
again: by the node that could not publish it, and by all others to a node that could not receive.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from chat_app.core import request_context, tasks
from chat_app.core.ids import new_id
from chat_app.core.metrics import Metrics
from chat_app.core.traces import Traces
from chat_app.realtime.broker import Deliver
from chat_app.realtime.events import Envelope
from chat_app.realtime.recently_published import RecentlyPublished

OUTGOING = 20_000
BATCH_SIZE = 200
CONFIRM_S = 2.0
FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 2.0
# A node publishes this to itself; when it receives nothing for `SILENCE_S`, its link is dead.
HEARTBEAT, HEARTBEAT_S = b"", 1.0
SILENCE_S = 5.0
# Envelopes under way when a link broke were published before that.
MARGIN_S = 3.0
# The topic to which every node is subscribed.
ALL_NODES = "nodes"

log = structlog.get_logger(__name__)


class BusMessage(msgspec.Struct, frozen=True, array_like=True):
    """An envelope with the node that published it, which has delivered it to its own outlets."""

    node: str
    envelope: Envelope
    # By the sender's clock, in seconds since 1970; 0 when the envelope is published again.
    at: float = 0.0
    # The topic of an envelope that is published again to one node alone.
    topic: str = ""


class ReplayRequest(msgspec.Struct, frozen=True, array_like=True):
    """The request of a node to all others to publish the last `seconds` again, to it alone."""

    node: str
    seconds: float


class RedisBroker:
    """A broker over one publishing and one subscribed connection, both opened again when broken."""

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
        self._unconfirmed: dict[str, asyncio.Future[None]] = {}
        self._pubsub: PubSub | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(BusMessage)
        self._replay_decoder = msgspec.msgpack.Decoder(ReplayRequest)
        self._reconnected: Callable[[], None] = lambda: None
        self._own_topic = "node:" + self._node
        self._recent = RecentlyPublished()
        # When something was received last, and since when not all was published.
        self._received_at: float | None = None
        self._unpublished_since: float | None = None
        # The time since which to publish again, by node; "" is every node.
        self._replays: dict[str, float] = {}
        self._replay_requested = asyncio.Event()
        self.lost = 0
        self._traces = traces or Traces()
        metrics = metrics or Metrics()
        metrics.gauge(
            "chat_bus_queue_parcels", "Envelopes that wait for Redis", self._outgoing.qsize
        )
        metrics.gauge("chat_bus_lost_total", "Envelopes that Redis did not take", lambda: self.lost)
        self._received = metrics.counter(
            "chat_bus_heard_total", "Envelopes received from other nodes"
        )
        self._delay = metrics.histogram(
            "chat_bus_delay_seconds",
            "From publishing on another node to the outlets here, by the clocks of both",
        )

    def start(self) -> None:
        """Start the tasks of the broker; call once, inside the running loop."""
        loops = (
            self._send_loop(),
            self._receive_loop(),
            self._heartbeat_loop(),
            self._replay_loop(),
        )
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for everything published to a subscribed topic."""
        self._deliver = deliver

    def on_reconnected(self, reconnected: Callable[[], None]) -> None:
        """Call `reconnected()` when a broken link is back."""
        self._reconnected = reconnected

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Deliver to the outlets of this node at once, and queue for the other nodes."""
        topics = list(topics)
        self._recent.add(time.monotonic(), topics, envelope)
        payload = self._encoder.encode(BusMessage(self._node, envelope, time.time()))
        for topic in topics:
            self._deliver(topic, envelope)
            self._queue(topic, payload)

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to `topics`; return once Redis has confirmed, or after 2 s without that."""
        added = [topic for topic in topics if topic not in self._topics]
        self._topics.update(added)
        pubsub = self._pubsub
        if pubsub is None:
            return
        loop = asyncio.get_running_loop()
        self._unconfirmed.update({topic: loop.create_future() for topic in added})
        waiting = [self._unconfirmed[topic] for topic in topics if topic in self._unconfirmed]
        if added:
            with contextlib.suppress(RedisError, OSError):
                await pubsub.subscribe(*(self._prefix + topic for topic in added))
        if waiting and (await asyncio.wait(waiting, timeout=CONFIRM_S))[1]:
            log.warning("redis.subscribe_unconfirmed", topics=len(waiting))

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """End the subscription to `topics`."""
        self._topics.difference_update(topics)
        self._confirm(topics)
        if self._pubsub is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._pubsub.unsubscribe(*(self._prefix + topic for topic in topics))

    def is_up(self) -> bool:
        """Return whether the subscribed connection stands."""
        return self._pubsub is not None

    async def close(self) -> None:
        """Send what is queued, within a second at the most, and stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._outgoing.join(), 1.0)
        await tasks.end(self._tasks)
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _send_loop(self) -> None:
        while True:
            batch = [await self._outgoing.get()]
            while len(batch) < BATCH_SIZE and not self._outgoing.empty():
                batch.append(self._outgoing.get_nowait())
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for channel, payload in batch:
                        pipeline.publish(channel, payload)
                    await pipeline.execute()
                if self._unpublished_since is not None:
                    self._request_replay("", self._unpublished_since)
                    self._unpublished_since = None
            except (RedisError, OSError) as error:
                self._count_lost(sum(payload != HEARTBEAT for _, payload in batch))
                log.warning("redis.publish_failed", error=type(error).__name__, lost=self.lost)
                await asyncio.sleep(0.1)
            finally:
                for _ in batch:
                    self._outgoing.task_done()

    async def _receive_loop(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._subscribed() as pubsub:
                    pause_s = FIRST_PAUSE_S
                    await self._receive(pubsub)
            except (RedisError, OSError) as error:
                log.warning("redis.link_broken", error=type(error).__name__, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, pause_s * 2)

    @contextlib.asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[PubSub]:
        pubsub = self._redis.pubsub()
        try:
            topics = (self._own_topic, ALL_NODES, *self._topics)
            channels = [self._prefix + topic for topic in topics]
            await pubsub.subscribe(*channels)
            self._pubsub = pubsub
            yield pubsub
        finally:
            self._pubsub = None
            self._confirm(list(self._unconfirmed))
            await pubsub.aclose()

    async def _receive(self, pubsub: PubSub) -> None:
        while True:
            received = await pubsub.get_message(timeout=SILENCE_S)
            if received is None:
                raise RedisConnectionError("silent")
            topic = received["channel"].decode().removeprefix(self._prefix)
            if received["type"] == "subscribe":
                if topic == self._own_topic:
                    self._recover_missed()
                self._confirm([topic])
            elif received["type"] == "message":
                self._handle(topic, received["data"])
            self._received_at = time.monotonic()

    def _confirm(self, topics: Iterable[str]) -> None:
        """End the wait of those who subscribe to `topics`."""
        for topic in topics:
            waiting = self._unconfirmed.pop(topic, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _recover_missed(self) -> None:
        """Request missed envelopes from the other nodes, and publish again to them.

        Their links may have broken too.
        """
        since, now = self._received_at, time.monotonic()
        if since is None:
            return  # this is the first connection
        self._request_replay("", since - MARGIN_S)
        self._queue(
            ALL_NODES, self._encoder.encode(ReplayRequest(self._node, now - since + MARGIN_S))
        )
        self._reconnected()

    def _request_replay(self, node: str, since: float) -> None:
        self._replays[node] = min(since, self._replays.get(node, since))
        self._replay_requested.set()

    async def _replay_loop(self) -> None:
        while True:
            await self._replay_requested.wait()
            self._replay_requested.clear()
            replays, self._replays = self._replays, {}
            for node, since in replays.items():
                for published in self._recent.since(since):
                    for topic in published.topics:
                        message = BusMessage(self._node, published.envelope, topic=topic)
                        channel = self._prefix + (f"node:{node}" if node else topic)
                        await self._outgoing.put((channel, self._encoder.encode(message)))

    async def _heartbeat_loop(self) -> None:
        while True:
            self._queue(self._own_topic, HEARTBEAT)
            await asyncio.sleep(HEARTBEAT_S)

    def _queue(self, topic: str, payload: bytes) -> None:
        try:
            self._outgoing.put_nowait((self._prefix + topic, payload))
        except asyncio.QueueFull:
            self._count_lost(1)

    def _count_lost(self, count: int) -> None:
        self.lost += count
        if self._unpublished_since is None:
            self._unpublished_since = time.monotonic() - MARGIN_S

    def _handle(self, topic: str, payload: bytes) -> None:
        if payload == HEARTBEAT:
            return
        try:
            if topic == ALL_NODES:
                request = self._replay_decoder.decode(payload)
                if request.node != self._node:
                    self._request_replay(request.node, time.monotonic() - request.seconds)
                return
            message = self._decoder.decode(payload)
        except msgspec.DecodeError:
            # From another version, or another program on our channel; a hint may be ignored.
            log.warning("redis.unreadable_message", topic=topic)
            return
        if message.node != self._node:
            request_context.set_current(message.envelope.context)
            with self._traces.span("bus.deliver", "consumer"):
                self._deliver(message.topic or topic, message.envelope)
            log.debug("bus.received", topic=topic, bytes=len(payload), sender=message.node)
            request_context.set_current(request_context.NONE)
            self._received.add()
            if message.at:
                self._delay.add(max(0.0, time.time() - message.at))
