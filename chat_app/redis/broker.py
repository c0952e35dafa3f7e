"""The Redis broker: carry envelopes between nodes over pub/sub, at most once.

Redis keeps nothing, so every loss is expected: a full queue, a broken link. Each is counted and
logged once. Changes of messages are then read from the database. Everything else is published
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
LONGEST_PAUSE_S = 2.0
# A node says something to itself so often: hears it nothing for longer, its link is dead.
BEAT, BEAT_S = b"", 1.0
SILENCE_S = 5.0
# What was on its way when a link broke was published before that.
SLACK_S = 3.0
# DeliveredRevs by every node.
EVERYBODY = "nodes"

log = structlog.get_logger(__name__)


class BusMessage(msgspec.Struct, frozen=True, array_like=True):
    """An envelope with the process that sent it, which has delivered it at home already."""

    node: str
    envelope: Envelope
    # By the sender's clock, in seconds since 1970; 0 from a node that does not tell.
    at: float = 0.0
    # Of what is published again to one node alone.
    topic: str = ""


class ReplayRequest(msgspec.Struct, frozen=True, array_like=True):
    """A node asks all others to say again to it what they have published in the last `seconds`."""

    node: str
    seconds: float


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
        self._decoder = msgspec.msgpack.Decoder(BusMessage)
        self._plea_decoder = msgspec.msgpack.Decoder(ReplayRequest)
        self._returned: Callable[[], None] = lambda: None
        self._own_topic = "node:" + self._node
        self._memory = RecentlyPublished()
        # When something was heard last, and since when not all was published.
        self._heard_at: float | None = None
        self._unsaid_since: float | None = None
        # Since when is to be published again, by node; "" is everybody.
        self._pleas: dict[str, float] = {}
        self._pleaded = asyncio.Event()
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
        works = (self._send(), self._listen(), self._beat(), self._repeat())
        self._tasks = [asyncio.create_task(work) for work in works]

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for everything published to a subscribed topic."""
        self._deliver = deliver

    def on_return(self, returned: Callable[[], None]) -> None:
        """Call `returned()` when a broken link is mended."""
        self._returned = returned

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Deliver at home at once and queue for the other nodes."""
        topics = list(topics)
        self._memory.note(time.monotonic(), topics, envelope)
        payload = self._encoder.encode(BusMessage(self._node, envelope, time.time()))
        for topic in topics:
            self._deliver(topic, envelope)
            self._queue(topic, payload)

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
            while len(batch) < BATCH_SIZE and not self._outgoing.empty():
                batch.append(self._outgoing.get_nowait())
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for channel, payload in batch:
                        pipeline.publish(channel, payload)
                    await pipeline.execute()
                if self._unsaid_since is not None:
                    self._request_replay("", self._unsaid_since)
                    self._unsaid_since = None
            except (RedisError, OSError) as error:
                self._lose(sum(payload != BEAT for _, payload in batch))
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
            topics = (self._own_topic, EVERYBODY, *self._topics)
            channels = [self._prefix + topic for topic in topics]
            await pubsub.subscribe(*channels)
            self._pubsub = pubsub
            yield pubsub
        finally:
            self._pubsub = None
            self._confirm(list(self._confirming))
            await pubsub.aclose()

    async def _hear(self, pubsub: PubSub) -> None:
        while True:
            heard = await pubsub.get_message(timeout=SILENCE_S)
            if heard is None:
                raise RedisConnectionError("silent")
            topic = heard["channel"].decode().removeprefix(self._prefix)
            if heard["type"] == "subscribe":
                if topic == self._own_topic:
                    self._ask_what_was_missed()
                self._confirm([topic])
            elif heard["type"] == "message":
                self._open(topic, heard["data"])
            self._heard_at = time.monotonic()

    def _confirm(self, topics: Iterable[str]) -> None:
        """Let those go on who wait for `topics`."""
        for topic in topics:
            waiting = self._confirming.pop(topic, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _ask_what_was_missed(self) -> None:
        """Ask the others, and say again to them: their links may have broken too."""
        since, now = self._heard_at, time.monotonic()
        if since is None:
            return  # there was nothing before
        self._request_replay("", since - SLACK_S)
        self._queue(
            EVERYBODY, self._encoder.encode(ReplayRequest(self._node, now - since + SLACK_S))
        )
        self._returned()

    def _request_replay(self, node: str, since: float) -> None:
        self._pleas[node] = min(since, self._pleas.get(node, since))
        self._pleaded.set()

    async def _repeat(self) -> None:
        while True:
            await self._pleaded.wait()
            self._pleaded.clear()
            pleas, self._pleas = self._pleas, {}
            for node, since in pleas.items():
                for published in self._memory.since(since):
                    for topic in published.topics:
                        message = BusMessage(self._node, published.envelope, topic=topic)
                        channel = self._prefix + (f"node:{node}" if node else topic)
                        await self._outgoing.put((channel, self._encoder.encode(message)))

    async def _beat(self) -> None:
        while True:
            self._queue(self._own_topic, BEAT)
            await asyncio.sleep(BEAT_S)

    def _queue(self, topic: str, payload: bytes) -> None:
        try:
            self._outgoing.put_nowait((self._prefix + topic, payload))
        except asyncio.QueueFull:
            self._lose(1)

    def _lose(self, count: int) -> None:
        self.lost += count
        if self._unsaid_since is None:
            self._unsaid_since = time.monotonic() - SLACK_S

    def _open(self, topic: str, payload: bytes) -> None:
        if payload == BEAT:
            return
        try:
            if topic == EVERYBODY:
                request = self._plea_decoder.decode(payload)
                if request.node != self._node:
                    self._request_replay(request.node, time.monotonic() - request.seconds)
                return
            message = self._decoder.decode(payload)
        except msgspec.DecodeError:
            # Another version, or another program on our channel: hints may be ignored.
            log.warning("redis.unreadable_message", topic=topic)
            return
        if message.node != self._node:
            request_context.set_current(message.envelope.context)
            with self._traces.span("bus.deliver", "consumer"):
                self._deliver(message.topic or topic, message.envelope)
            log.debug("bus.heard", topic=topic, bytes=len(payload), sender=message.node)
            request_context.set_current(request_context.NONE)
            self._heard.add()
            if message.at:
                self._delay.add(max(0.0, time.time() - message.at))
