"""Redis broker: what passes between nodes over Redis pub/sub, at most once, and wake-ups.

Redis keeps nothing, so every loss is expected: a full queue, a broken link. Each is counted and
logged once. What must arrive is in the change log, which each node reads without a wake-up, too.
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

from chat_app.core import request_context, tasks
from chat_app.core.ids import new_id
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.realtime.broker import Deliver
from chat_app.realtime.events import Envelope
from chat_app.redis.client import BROKEN

OUTGOING = 20_000
BATCH_SIZE = 200
CONFIRM_S = 2.0
FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 2.0
# A node publishes this to itself; when it receives nothing for `SILENCE_S`, its link is dead.
HEARTBEAT, HEARTBEAT_S = b"", 1.0
SILENCE_S = 5.0
# Redis has not taken a batch by then: its connection is dead, though nothing says so.
PUBLISH_S = 2.0
# The topic of wake-ups, to which every node is subscribed. Their payload is the sender's id.
CHANGES = "changes"
# A node that starts reads the log by itself in this time, and is woken from then on.
ALONE_S = 1.0

CONNECT_S = 5.0

log = structlog.get_logger(__name__)


class BusMessage(msgspec.Struct, frozen=True, array_like=True):
    """An envelope with the node that published it, which has delivered it to its own outlets."""

    node: str
    envelope: Envelope
    # By the sender's clock, in seconds since 1970.
    at: float = 0.0


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
        self._reconnected: Callable[[], None] = lambda: None
        self._own_topic = "node:" + self._node
        self._wakes: list[Callable[[], None]] = []
        # At most one wake-up waits to be sent, for any number of commits.
        self._is_wake_queued = False
        self._alone_until = 0.0
        self._was_connected = False
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

    def start(self, supervisor: Supervisor) -> None:
        """Start the tasks of the broker; call once, inside the running loop."""
        self._tasks = [
            supervisor.start("redis_send", self._send_loop),
            supervisor.start("redis_receive", self._receive_loop),
            supervisor.start("redis_heartbeat", self._heartbeat_loop),
        ]

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Call `wake()`, too, when something was appended to the change log."""
        self._wakes.append(wake)

    def wake_readers(self) -> None:
        """Wake the readers of the change log on every node."""
        self._wake_own()
        self.wake_other_nodes()

    def _wake_own(self) -> None:
        for wake in self._wakes:
            wake()

    def wake_other_nodes(self) -> None:
        """Wake the readers of the change log on every other node."""
        if not self._is_wake_queued and time.monotonic() >= self._alone_until:
            self._is_wake_queued = self._queue(CHANGES, self._node.encode())

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for everything published to a subscribed topic."""
        self._deliver = deliver

    def on_reconnected(self, reconnected: Callable[[], None]) -> None:
        """Call `reconnected()` when a broken link is back."""
        self._reconnected = reconnected

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Deliver to the outlets of this node at once, and queue for the other nodes."""
        topics = list(topics)
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
            with contextlib.suppress(*BROKEN):
                async with asyncio.timeout(CONFIRM_S):
                    await pubsub.subscribe(*(self._prefix + topic for topic in added))
        if waiting and (await asyncio.wait(waiting, timeout=CONFIRM_S))[1]:
            log.warning("redis.subscribe_unconfirmed", topics=len(waiting))

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """End the subscription to `topics`."""
        self._topics.difference_update(topics)
        self._confirm(topics)
        if self._pubsub is not None:
            with contextlib.suppress(*BROKEN):
                async with asyncio.timeout(CONFIRM_S):
                    await self._pubsub.unsubscribe(*(self._prefix + topic for topic in topics))

    def is_up(self) -> bool:
        """Return whether the subscribed connection stands."""
        return self._pubsub is not None

    async def close(self) -> None:
        """Send what is queued, within a second at the most, and stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._outgoing.join(), 1.0)
        await tasks.end(self._tasks)
        with contextlib.suppress(*BROKEN):
            await self._redis.aclose()

    async def _send_loop(self) -> None:
        while True:
            batch = [await self._outgoing.get()]
            while len(batch) < BATCH_SIZE and not self._outgoing.empty():
                batch.append(self._outgoing.get_nowait())
            # A commit from now on needs a wake-up of its own.
            self._is_wake_queued = False
            try:
                async with (
                    asyncio.timeout(PUBLISH_S),
                    self._redis.pipeline(transaction=False) as pipeline,
                ):
                    for channel, payload in batch:
                        pipeline.publish(channel, payload)
                    self._count_nodes(batch, await pipeline.execute())
            except BROKEN as error:
                self.lost += sum(payload != HEARTBEAT for _, payload in batch)
                log.warning("redis.publish_failed", error=type(error).__name__, lost=self.lost)
                # A half-open connection would swallow the next batch too.
                with contextlib.suppress(*BROKEN):
                    async with asyncio.timeout(PUBLISH_S):
                        await self._redis.connection_pool.disconnect(inuse_connections=False)
                await asyncio.sleep(0.1)
            finally:
                for _ in batch:
                    self._outgoing.task_done()

    def _count_nodes(self, batch: Sequence[tuple[str, bytes]], receivers: Sequence[int]) -> None:
        """Send no wake-ups for a while where a wake-up had no receiver but this node."""
        for (channel, _), count in zip(batch, receivers, strict=True):
            if channel == self._prefix + CHANGES and count <= 1 and self.is_up():
                self._alone_until = time.monotonic() + ALONE_S

    async def _receive_loop(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._subscribed() as pubsub:
                    pause_s = FIRST_PAUSE_S
                    await self._receive(pubsub)
            except BROKEN as error:
                log.warning("redis.link_broken", error=type(error).__name__, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, pause_s * 2)

    @contextlib.asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[PubSub]:
        pubsub = self._redis.pubsub()
        try:
            topics = {self._own_topic, CHANGES, *self._topics}
            async with asyncio.timeout(CONNECT_S):
                await pubsub.subscribe(*(self._prefix + topic for topic in topics))
                self._pubsub = pubsub
                # Outlets have opened meanwhile; the next ones subscribe by themselves.
                if late := self._topics - topics:
                    await pubsub.subscribe(*(self._prefix + topic for topic in late))
            yield pubsub
        finally:
            self._pubsub = None
            self._confirm(list(self._unconfirmed))
            with contextlib.suppress(*BROKEN):
                async with asyncio.timeout(CONNECT_S):
                    await pubsub.aclose()

    async def _receive(self, pubsub: PubSub) -> None:
        while True:
            received = await pubsub.get_message(timeout=SILENCE_S)
            if received is None:
                raise RedisConnectionError("silent")
            topic = received["channel"].decode().removeprefix(self._prefix)
            if received["type"] == "subscribe":
                if topic == self._own_topic:
                    self._connected()
                self._confirm([topic])
            elif received["type"] == "message":
                self._handle(topic, received["data"])

    def _confirm(self, topics: Iterable[str]) -> None:
        """End the wait of those who subscribe to `topics`."""
        for topic in topics:
            waiting = self._unconfirmed.pop(topic, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _connected(self) -> None:
        """Note that the link stands; what was published while it was broken is missed."""
        if self._was_connected:
            self._wake_own()
            self._reconnected()
        self._was_connected = True

    async def _heartbeat_loop(self) -> None:
        while True:
            self._queue(self._own_topic, HEARTBEAT)
            await asyncio.sleep(HEARTBEAT_S)

    def _queue(self, topic: str, payload: bytes) -> bool:
        """Queue a payload for the other nodes; return whether there was room."""
        try:
            self._outgoing.put_nowait((self._prefix + topic, payload))
        except asyncio.QueueFull:
            self.lost += 1
            return False
        return True

    def _handle(self, topic: str, payload: bytes) -> None:
        if payload == HEARTBEAT:
            return
        if topic == CHANGES:
            if payload != self._node.encode():
                self._wake_own()
            return
        try:
            message = self._decoder.decode(payload)
        except msgspec.DecodeError:
            # From another version, or another program on our channel; a hint may be ignored.
            log.warning("redis.unreadable_message", topic=topic)
            return
        if message.node != self._node:
            request_context.set_current(message.envelope.context)
            with self._traces.span("bus.deliver", "consumer"):
                self._deliver(topic, message.envelope)
            log.debug("bus.received", topic=topic, bytes=len(payload), sender=message.node)
            request_context.set_current(request_context.NONE)
            self._received.add()
            self._delay.add(max(0.0, time.time() - message.at))
