"""Delivery of pushes: one at a time for a subscription, and some at once for all.

A push replaces one of the same conversation that still waits for the same subscription. What a
push service cannot take at the moment is tried again for an hour; what waits is lost with the node.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Container
from functools import partial
from typing import NamedTuple, TypeAlias
from uuid import UUID

import msgspec
import structlog

from chat_app.core import tasks
from chat_app.core.errors import AppError
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor
from chat_app.core.time_slice import TimeSlice
from chat_app.push.base64url import decode
from chat_app.push.encryption import BrowserKeys, encrypt
from chat_app.push.endpoint import Endpoints, Unresolved
from chat_app.push.errors import EndpointRefused
from chat_app.push.push_service import Answer, PushService, Unreachable
from chat_app.push.schemas import PushedMessage, PushedRead
from chat_app.push.vapid import Vapid
from chat_app.realtime.shapes import Message

MAX_AT_ONCE = 16
MAX_WAITING = 10_000
# One user's devices may be at push services that are full, or do not answer.
MAX_AT_ONCE_OF_USER = 2
MAX_WAITING_OF_USER = 300
# How long a push is tried, and how long the push service keeps it for a device that is away.
TRIED_FOR_S = 3_600.0
TTL_S = 86_400
# A push that has waited for longer is looked at again before it is sent.
FRESH_S = 1.0
FIRST_PAUSE_S, MAX_PAUSE_S = 2.0, 600.0
# The failures in a row of so many subscriptions are known.
MAX_FAILING = 10_000
GONE = (404, 410)
TOO_MANY, FAILED = 429, 500

log = structlog.get_logger(__name__)

# A subscription and a conversation.
Key: TypeAlias = tuple[UUID, UUID]


class Subscription(NamedTuple):
    """Where a push goes, and the keys it is encrypted with."""

    id: UUID
    user_id: UUID
    endpoint: str
    p256dh: str
    auth: str


class Push(NamedTuple):
    """A push for one subscription, of a message or of none."""

    subscription: Subscription
    content: PushedMessage | PushedRead
    message: Message | None = None
    begun_at: float = 0.0
    is_repeated: bool = False

    @property
    def key(self) -> Key:
        """Return the subscription and the conversation: a later push of both replaces this one."""
        return self.subscription.id, self.content.conversation_id


class Delivery:
    """The queue of pushes; start it inside the running loop, then close it.

    `renew` returns a push that has waited as it is by now, None where it is not due any more;
    `on_gone` is awaited with a subscription that its push service does not know.
    """

    def __init__(
        self,
        *,
        vapid: Vapid,
        endpoints: Endpoints,
        renew: Callable[[Push], Awaitable[Push | None]],
        on_gone: Callable[[Subscription], Awaitable[None]],
        metrics: Metrics,
    ) -> None:
        self._vapid = vapid
        self._endpoints = endpoints
        self._service = PushService()
        self._renew = renew
        self._on_gone = on_gone
        # By key, and the keys by user.
        self._waiting: dict[Key, Push] = {}
        self._keys_of: dict[UUID, set[Key]] = {}
        # A subscription that is busy keeps its keys aside, and so does a user with enough under
        # way; each key once, in their order.
        self._ready: deque[Key] = deque()
        self._aside: dict[UUID, dict[Key, None]] = {}
        self._aside_of_user: dict[UUID, dict[Key, None]] = {}
        self._count_of_user: Counter[UUID] = Counter()
        # In a row, by subscription: a new push is no reason to ask a full service sooner.
        self._failures: dict[UUID, int] = {}
        self._wake = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._pauses: dict[UUID, asyncio.TimerHandle] = {}
        self._dispatcher: asyncio.Task[None] | None = None
        self._outcomes = metrics.counters(
            "chat_pushes_total", "Pushes by what became of them", "outcome"
        )
        metrics.gauge("chat_push_queue_pushes", "Pushes that wait", lambda: len(self._waiting))

    def start(self, supervisor: Supervisor) -> None:
        """Start to deliver. The chat is ready without it."""
        self._dispatcher = supervisor.start("push_delivery", self._dispatch, is_vital=False)

    async def close(self) -> None:
        """Stop; what waits is lost."""
        for pause in self._pauses.values():
            pause.cancel()
        running = [*self._under_way, *([self._dispatcher] if self._dispatcher else [])]
        await tasks.end(running)

    def put(self, push: Push) -> None:
        """Queue a push, in place of one of the same conversation for the same subscription."""
        if push.key not in self._waiting:
            own = self._keys_of.get(push.subscription.user_id, ())
            if len(self._waiting) >= MAX_WAITING or len(own) >= MAX_WAITING_OF_USER:
                self._outcomes.of("dropped").add()
                return
        self._keep(push._replace(begun_at=time.monotonic()))

    def drop_read(self, user_id: UUID, conversation_id: UUID, seq: float) -> None:
        """Forget the messages up to `seq` that wait for a user: they have read them."""
        for key in list(self._keys_of.get(user_id, ())):
            message = self._waiting[key].message
            if key[1] == conversation_id and message is not None and message.seq <= seq:
                self._forget(key)

    def drop_messages(self, ids: Container[UUID]) -> None:
        """Forget messages that wait for anybody: they were deleted."""
        waiting = self._waiting.items()
        for key in [key for key, push in waiting if push.message and push.message.id in ids]:
            self._forget(key)

    def _keep(self, push: Push) -> None:
        is_new = push.key not in self._waiting
        self._waiting[push.key] = push
        if is_new:
            self._keys_of.setdefault(push.subscription.user_id, set()).add(push.key)
            self._queue(push.key)

    def _forget(self, key: Key) -> None:
        user_id = self._waiting.pop(key).subscription.user_id
        self._keys_of[user_id].discard(key)
        if not self._keys_of[user_id]:
            del self._keys_of[user_id]

    def _queue(self, key: Key) -> None:
        aside = self._aside.get(key[0])
        if aside is not None:
            aside[key] = None
        else:
            self._ready.append(key)
            self._wake.set()

    async def _dispatch(self) -> None:
        time_slice = TimeSlice()
        while True:
            self._wake.clear()
            while self._ready and len(self._under_way) < MAX_AT_ONCE:
                key = self._ready.popleft()
                push = self._waiting.get(key)
                if push is not None:
                    self._begin(push)
                await time_slice.pause()
            await self._wake.wait()

    def _begin(self, push: Push) -> None:
        """Begin to deliver a push, or keep it aside."""
        user_id, subscription_id = push.subscription.user_id, push.subscription.id
        if subscription_id in self._aside:
            self._aside[subscription_id][push.key] = None
            return
        if self._count_of_user[user_id] >= MAX_AT_ONCE_OF_USER:
            self._aside_of_user.setdefault(user_id, {})[push.key] = None
            return
        self._forget(push.key)
        self._aside[subscription_id] = {}
        self._count_of_user[user_id] += 1
        task = asyncio.create_task(self._deliver(push), name="push")
        self._under_way.add(task)
        task.add_done_callback(partial(self._end, user_id))

    def _end(self, user_id: UUID, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._count_of_user[user_id] -= 1
        if not self._count_of_user[user_id]:
            del self._count_of_user[user_id]
        self._ready.extend(self._aside_of_user.pop(user_id, ()))
        self._wake.set()

    def _release(self, subscription_id: UUID) -> None:
        """Let the next push of a subscription begin."""
        self._pauses.pop(subscription_id, None)
        self._ready.extend(self._aside.pop(subscription_id, ()))
        self._wake.set()

    async def _deliver(self, push: Push) -> None:
        pause_s = 0.0
        try:
            pause_s = await self._try(push)
        except AppError as error:
            log.warning("push.postponed", code=error.code)
            pause_s = self._again(push, FIRST_PAUSE_S)
        except Exception:  # one push, and the log tells: the others go on
            self._outcomes.of("failed").add()
            log.exception("push.failed")
        finally:
            subscription_id = push.subscription.id
            if pause_s:
                loop = asyncio.get_running_loop()
                self._pauses[subscription_id] = loop.call_later(
                    pause_s, self._release, subscription_id
                )
            else:
                self._release(subscription_id)

    async def _try(self, push: Push) -> float:
        """Send a push; return the seconds in which its subscription is left alone."""
        # `put` begins the time anew: it is the last moment at which somebody looked.
        if push.is_repeated or time.monotonic() - push.begun_at > FRESH_S:
            renewed = await self._renew(push)
            if renewed is None:
                self._outcomes.of("outdated").add()
                return 0.0
            push = renewed._replace(begun_at=push.begun_at)
        try:
            answer = await self._send(push)
        except (Unreachable, Unresolved):
            return self._again(push, self._fail(push.subscription))
        except EndpointRefused:
            # Its host has moved to a private address.
            self._outcomes.of("refused").add()
            return 0.0
        if answer.status == TOO_MANY or answer.status >= FAILED:
            pause_s = self._fail(push.subscription)
            return self._again(push, max(pause_s, answer.retry_after_s or 0.0))
        self._failures.pop(push.subscription.id, None)
        if answer.status in GONE:
            self._outcomes.of("gone").add()
            await self._on_gone(push.subscription)
        elif answer.status >= 300:  # noqa: PLR2004  # redirects are not followed
            self._outcomes.of("refused").add()
            log.warning("push.refused", status=answer.status)
        else:
            self._outcomes.of("sent").add()
        return 0.0

    async def _send(self, push: Push) -> Answer:
        endpoint = self._endpoints.read(push.subscription.endpoint)
        addresses = await self._endpoints.resolve(endpoint)
        keys = BrowserKeys(decode(push.subscription.p256dh), decode(push.subscription.auth))
        headers = {
            "Authorization": self._vapid.authorization(endpoint.origin),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(TTL_S),
            "Urgency": "high" if isinstance(push.content, PushedMessage) else "normal",
            # The push service keeps the last one of each for a device that is away.
            "Topic": push.content.conversation_id.hex,
        }
        body = encrypt(msgspec.json.encode(push.content), keys)
        return await self._service.post(endpoint, addresses, headers, body)

    def _fail(self, subscription: Subscription) -> float:
        """Count a failure of a subscription; return the pause that follows it."""
        failures = self._failures.pop(subscription.id, 0)
        if len(self._failures) >= MAX_FAILING:
            del self._failures[next(iter(self._failures))]
        backoff_s = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2.0**failures)
        # No further than the longest pause needs.
        self._failures[subscription.id] = failures + 1 if backoff_s < MAX_PAUSE_S else failures
        return backoff_s * random.uniform(0.5, 1.0)  # noqa: S311  # no secret

    def _again(self, push: Push, pause_s: float) -> float:
        """Queue a push once more, unless a later one waits; return the pause before it."""
        if time.monotonic() + pause_s > push.begun_at + TRIED_FOR_S:
            self._outcomes.of("given_up").add()
            return min(pause_s, TRIED_FOR_S)
        self._outcomes.of("repeated").add()
        if push.key not in self._waiting:
            self._keep(push._replace(is_repeated=True))
        return pause_s
