"""Presence register in Redis, for several nodes.

Per user there is a small sorted set of nodes by the time at which each entry expires, and one set
of all users by the latest of their times. The clock is Redis's own. An absent user was removed or
has expired, unless Redis was emptied or away: then no user counts as offline until every node has
had the time to refresh (`since` in the register's own hash is that moment).
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from chat_app.core.ids import new_id
from chat_app.realtime.online import PresenceChanges, Times
from chat_app.redis.circuit_breaker import CircuitBreaker
from chat_app.redis.client import BROKEN
from chat_app.redis.online_scripts import CONNECT, DISCONNECT, HEAD, SWEEP

# A script blocks Redis: about a millisecond for a batch of this size.
BATCH_SIZE = 200
# The sweeps after which an unconfirmed user is returned again.
LEASE_SWEEPS = 2


class RedisOnline:
    """The register shared by all nodes.

    While Redis is away this node counts by itself. Users who connected or disconnected meanwhile
    are added to the register, or removed, once Redis is back.
    """

    def __init__(self, redis: Redis, prefix: str, times: Times) -> None:
        self._redis = redis
        self._times = times
        self._keys = [
            f"{prefix}presence",
            f"{prefix}presence:all",
            f"{prefix}presence:going",
        ]
        self._head = [f"{prefix}presence:user:", new_id().hex]
        self._head += [f"{_ms(s)}" for s in (times.ttl_s, times.silence_s, times.settling_s)]
        self._connect = redis.register_script(HEAD + CONNECT)
        self._disconnect = redis.register_script(HEAD + DISCONNECT)
        self._sweep = redis.register_script(HEAD + SWEEP)
        self._here: set[UUID] = set()
        # The entries that a sweep returned, until they are confirmed.
        self._found: dict[UUID, bytes] = {}
        # Users who connected, and who disconnected, while Redis was away.
        self._unannounced: set[UUID] = set()
        self._pending_disconnects: set[UUID] = set()
        # A refresh must not add a user again who is removed at the same moment over another
        # connection.
        self._lock = asyncio.Lock()
        self._breaker = CircuitBreaker("presence")

    def local_users(self) -> set[UUID]:
        """Return the users who have a device connected to this process."""
        return set(self._here)

    async def filter_connected(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `user_ids` who have a device connected to any node, as far as known."""
        wanted = set(user_ids)
        found = wanted & self._here
        others = list(wanted - found)
        if not others:
            return found
        reply = await self._breaker.call(lambda: self._read_expiry(others))
        if reply is None:
            return found
        now, until = reply
        pairs = zip(others, until, strict=True)
        return found | {user_id for user_id, ms in pairs if ms is not None and ms > now}

    async def count(self) -> int | None:
        """Return the number of users connected to any node; None while Redis is away."""
        try:
            seconds, microseconds = await self._redis.time()
            now = seconds * 1000 + microseconds / 1000
            return int(await self._redis.zcount(self._keys[1], f"({now}", "+inf"))
        except BROKEN:
            return None

    async def connect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Add users who have a device here; return those who had none anywhere."""
        connected: set[UUID] = set()
        for some in _batches(user_ids):
            async with self._lock:
                self._here |= some
                self._pending_disconnects -= some
                answer = await self._run(self._connect, "", some)
                if answer is None:
                    self._unannounced |= some
                connected |= some if answer is None else _users(answer)
        return connected

    async def disconnect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Remove users who have no device here any more; return those who have none anywhere.

        While the register is unsettled it cannot know; a sweep returns them later.
        """
        disconnected: set[UUID] = set()
        for some in _batches(user_ids):
            async with self._lock:
                self._here -= some
                self._unannounced -= some
                outcomes = await self._remove(some)
                if outcomes is None:
                    self._pending_disconnects |= some
                disconnected |= some if outcomes is None else _users_with(outcomes, "gone")
        return disconnected

    async def refresh(self) -> PresenceChanges:
        """Refresh the entries of this node's users; return the changes not reported before.

        These are users who were taken for offline, and those who connected or disconnected while
        Redis was away.
        """
        changes = PresenceChanges(set(), set())
        for some in _batches(self._here) or [set[UUID]()]:
            async with self._lock:
                present = some & self._here
                answer = await self._run(self._connect, "settled", present)
                if answer is None:
                    return changes
                changes.connected.update(_users(answer), self._unannounced & present)
                self._unannounced -= present
        await self._reconcile(changes)
        return changes

    async def sweep(self) -> Mapping[UUID, datetime]:
        """Remove users whose node died; return each, to one sweeper only, with the last refresh.

        Unless they are confirmed soon, another sweep returns them again: an answer may get lost.
        """
        lease_ms = _ms(self._times.sweep_s * LEASE_SWEEPS)
        answer = await self._run(self._sweep, f"{BATCH_SIZE}", (), f"{lease_ms}")
        gone: dict[UUID, datetime] = {}
        for one in answer or ():
            user, _, until = one.decode().partition(":")
            self._found[UUID(user)] = one
            refreshed_ms = float(until) - _ms(self._times.ttl_s)
            gone[UUID(user)] = datetime.fromtimestamp(refreshed_ms / 1000, UTC)
        return gone

    async def confirm(self, user_ids: Collection[UUID]) -> None:
        """Confirm that users returned by a sweep were published as offline."""
        found = [one for user_id in user_ids if (one := self._found.pop(user_id, None))]
        if found:
            await self._breaker.call(lambda: self._redis.zrem(self._keys[2], *found))

    async def close(self, *, lingering_s: float) -> None:
        """Let this node's users expire after `lingering_s`, because it stops."""
        for some in _batches(self._here):
            async with self._lock:
                self._here -= some
                await self._remove(some, lingering=f"{_ms(lingering_s)}")

    async def _reconcile(self, changes: PresenceChanges) -> None:
        for some in _batches(self._pending_disconnects):
            async with self._lock:
                pending = some & self._pending_disconnects
                outcomes = await self._remove(pending)
                if outcomes is None:
                    return
                changes.disconnected.update(_users_with(outcomes, "gone"))
                # This node took them for offline, and they are connected to another one.
                changes.connected.update(_users_with(outcomes, "elsewhere"))
                self._pending_disconnects -= pending - _users_with(outcomes, "unsettled")

    async def _remove(self, some: set[UUID], *, lingering: str = "") -> dict[UUID, str] | None:
        users = list(some)
        answer = await self._run(self._disconnect, lingering, users)
        if answer is None:
            return None
        return {user: outcome.decode() for user, outcome in zip(users, answer, strict=True)}

    async def _run(
        self, script: AsyncScript, argument: str, user_ids: Collection[UUID], *more: str
    ) -> list[bytes] | None:
        """Run a script; None while Redis is away."""
        users = [user_id.hex for user_id in user_ids]
        arguments = [*self._head, argument, *more, *users]
        return await self._breaker.call(lambda: script(keys=self._keys, args=arguments))

    async def _read_expiry(self, user_ids: Sequence[UUID]) -> tuple[float, list[float | None]]:
        """Return Redis's time and until when each user counts as connected, in milliseconds."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.time()
            pipeline.zmscore(self._keys[1], [user_id.hex for user_id in user_ids])
            (seconds, microseconds), until = await pipeline.execute()
        return seconds * 1000 + microseconds / 1000, until


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _users(answer: Iterable[bytes]) -> set[UUID]:
    return {UUID(user.decode()) for user in answer}


def _users_with(outcomes: Mapping[UUID, str], outcome: str) -> set[UUID]:
    return {user_id for user_id, one in outcomes.items() if one == outcome}


def _batches(user_ids: Collection[UUID]) -> list[set[UUID]]:
    def batches() -> Iterator[set[UUID]]:
        left = iter(set(user_ids))
        while batch := set(islice(left, BATCH_SIZE)):
            yield batch

    return list(batches())
