"""The register of who is connected, in Redis, for several nodes.

Per user there is a small sorted set of nodes by the time until which each is believed, and one set
of all users by the latest of their times. The clock is Redis's own. What is absent was either told
to go or has expired, unless Redis was emptied or away: then nobody is taken for gone until every
node has had the time to refresh (`since` in the register's own hash says from when on).
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from chat_app.core.ids import new_id
from chat_app.realtime.online import PresenceChanges, Times
from chat_app.redis.circuit_breaker import CircuitBreaker
from chat_app.redis.online_scripts import ENTER, HEAD, LEAVE, SWEEP

# A script runs while nothing else does in Redis: a millisecond for so many.
BATCH_SIZE = 200
# Whoever a sweep returned is returned again after so many sweeps without a confirmation.
LEASE_SWEEPS = 2


class RedisOnline:
    """The register shared by all nodes.

    While Redis is away this node counts by itself, and nobody waits for it again and again. Who
    came or went meanwhile is told to the register, and by it to the other nodes, once it is back.
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
        self._enter = redis.register_script(HEAD + ENTER)
        self._leave = redis.register_script(HEAD + LEAVE)
        self._sweep = redis.register_script(HEAD + SWEEP)
        self._here: set[UUID] = set()
        # What a sweep found, until it is confirmed.
        self._found: dict[UUID, bytes] = {}
        # Who came, and who went, without Redis's knowledge.
        self._unannounced: set[UUID] = set()
        self._pending_disconnects: set[UUID] = set()
        # A refresh must not bring back who leaves at the same moment over another connection.
        self._turn = asyncio.Lock()
        self._breaker = CircuitBreaker("presence")

    def here(self) -> set[UUID]:
        """Return those who have a device connected to this process."""
        return set(self._here)

    async def among(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `user_ids` who have a device connected somewhere, as far as is known."""
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
        """Return how many have a device connected anywhere; None while Redis is away."""
        try:
            seconds, microseconds = await self._redis.time()
            now = seconds * 1000 + microseconds / 1000
            return int(await self._redis.zcount(self._keys[1], f"({now}", "+inf"))
        except (RedisError, OSError):
            return None

    async def connect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Note that these have a device here; return those who had none anywhere."""
        came: set[UUID] = set()
        for some in _pieces(user_ids):
            async with self._turn:
                self._here |= some
                self._pending_disconnects -= some
                answer = await self._ask(self._enter, "", some)
                if answer is None:
                    self._unannounced |= some
                came |= some if answer is None else _users(answer)
        return came

    async def disconnect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Note that these have no device here any more; return those who have none anywhere.

        Where Redis cannot know, a sweep returns them when it does.
        """
        gone: set[UUID] = set()
        for some in _pieces(user_ids):
            async with self._turn:
                self._here -= some
                self._unannounced -= some
                outcomes = await self._let_go(some)
                if outcomes is None:
                    self._pending_disconnects |= some
                gone |= some if outcomes is None else _those(outcomes, "gone")
        return gone

    async def refresh(self) -> PresenceChanges:
        """Say again who is here; return what turned out to be otherwise than was told.

        That is who had been taken for gone, and who came or went while Redis was away.
        """
        changes = PresenceChanges(set(), set())
        for some in _pieces(self._here) or [set[UUID]()]:
            async with self._turn:
                present = some & self._here
                answer = await self._ask(self._enter, "sure", present)
                if answer is None:
                    return changes
                changes.came.update(_users(answer), self._unannounced & present)
                self._unannounced -= present
        await self._reconcile(changes)
        return changes

    async def sweep(self) -> Mapping[UUID, datetime]:
        """Forget those whose node died; return, to one sweeper only, when each was last sure.

        Unless that is confirmed soon, another sweep returns them again: an answer may get lost.
        """
        lease_ms = _ms(self._times.sweep_s * LEASE_SWEEPS)
        answer = await self._ask(self._sweep, f"{BATCH_SIZE}", (), f"{lease_ms}")
        gone: dict[UUID, datetime] = {}
        for one in answer or ():
            user, _, until = one.decode().partition(":")
            self._found[UUID(user)] = one
            sure_ms = float(until) - _ms(self._times.ttl_s)
            gone[UUID(user)] = datetime.fromtimestamp(sure_ms / 1000, UTC)
        return gone

    async def confirm(self, user_ids: Collection[UUID]) -> None:
        """Say that whom a sweep returned has been told of."""
        found = [one for user_id in user_ids if (one := self._found.pop(user_id, None))]
        if found:
            await self._breaker.call(lambda: self._redis.zrem(self._keys[2], *found))

    async def close(self, *, lingering_s: float) -> None:
        """Say that this node stops, so that nobody need wait for its people to expire."""
        for some in _pieces(self._here):
            async with self._turn:
                self._here -= some
                await self._let_go(some, lingering=f"{_ms(lingering_s)}")

    async def _reconcile(self, changes: PresenceChanges) -> None:
        for some in _pieces(self._pending_disconnects):
            async with self._turn:
                owed = some & self._pending_disconnects
                outcomes = await self._let_go(owed)
                if outcomes is None:
                    return
                changes.gone.update(_those(outcomes, "gone"))
                # They had been taken for gone here, and are connected to another node.
                changes.came.update(_those(outcomes, "there"))
                self._pending_disconnects -= owed - _those(outcomes, "unsure")

    async def _let_go(self, some: set[UUID], *, lingering: str = "") -> dict[UUID, str] | None:
        users = list(some)
        answer = await self._ask(self._leave, lingering, users)
        if answer is None:
            return None
        return {user: word.decode() for user, word in zip(users, answer, strict=True)}

    async def _ask(
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


def _those(outcomes: Mapping[UUID, str], word: str) -> set[UUID]:
    return {user_id for user_id, outcome in outcomes.items() if outcome == word}


def _pieces(user_ids: Collection[UUID]) -> list[set[UUID]]:
    def pieces() -> Iterator[set[UUID]]:
        left = iter(set(user_ids))
        while piece := set(islice(left, BATCH_SIZE)):
            yield piece

    return list(pieces())
