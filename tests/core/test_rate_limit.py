"""Rate limits: token buckets and fixed windows, in memory and in Redis."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from chat_app.core import rate_limit
from chat_app.core.errors import Conflict, RateLimited, Unavailable
from chat_app.core.rate_limit import (
    Limit,
    MemoryRateLimits,
    NoRateLimits,
    RateLimits,
    charged,
    network_of,
)
from chat_app.redis.rate_limits import RedisRateLimits

BUCKET = Limit("bucket", 3, 3600, refills=True)
WINDOW = Limit("window", 3, 3600)


@pytest_asyncio.fixture(params=["memory", "redis"])
async def limits(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[RateLimits]:
    if request.param == "memory":
        yield MemoryRateLimits()
        return
    async with Redis.from_url(redis_url) as redis:
        yield RedisRateLimits(redis, f"test:{uuid4().hex}:")


async def taken(limits: RateLimits, limit: Limit, key: str = "k", tries: int = 10) -> int:
    """Count how many of `tries` pass."""
    outcomes = await asyncio.gather(
        *(limits.take(limit, key) for _ in range(tries)), return_exceptions=True
    )
    return sum(outcome is None for outcome in outcomes)


@pytest.mark.parametrize("limit", [BUCKET, WINDOW], ids=lambda limit: str(limit.name))
async def test_a_limit_lets_its_capacity_pass(limits: RateLimits, limit: Limit) -> None:
    assert await taken(limits, limit) == 3


@pytest.mark.parametrize("limit", [BUCKET, WINDOW], ids=lambda limit: str(limit.name))
async def test_limits_count_by_key_and_by_name(limits: RateLimits, limit: Limit) -> None:
    await taken(limits, limit)

    assert await taken(limits, limit, "other") == 3
    assert await taken(limits, limit._replace(name="another")) == 3


@pytest.mark.parametrize("limit", [BUCKET, WINDOW], ids=lambda limit: str(limit.name))
async def test_a_returned_token_can_be_taken_again(limits: RateLimits, limit: Limit) -> None:
    await taken(limits, limit)

    await limits.take(limit, "k", cost=-1)

    assert await taken(limits, limit) == 1


@pytest.mark.parametrize(
    ("limit", "most"), [(BUCKET, 1201), (WINDOW, 3601)], ids=["bucket", "window"]
)
async def test_a_refusal_holds_the_seconds_to_wait(
    limits: RateLimits, limit: Limit, most: int
) -> None:
    await taken(limits, limit)

    with pytest.raises(RateLimited) as refused:
        await limits.take(limit, "k")
    assert most - 60 <= refused.value.retry_after <= most


@pytest.mark.parametrize("refills", [True, False], ids=["bucket", "window"])
async def test_tokens_come_back_with_time(limits: RateLimits, *, refills: bool) -> None:
    limit = Limit("quick", 2, 0.2, refills=refills)
    await taken(limits, limit)

    async with asyncio.timeout(10):
        while not await taken(limits, limit, tries=1):
            await asyncio.sleep(0.01)  # time itself is the condition


async def test_returned_tokens_never_exceed_the_capacity(limits: RateLimits) -> None:
    """A window may end between the take and the return of a token."""
    for limit in (BUCKET, WINDOW):
        await limits.take(limit, "k")
        for _ in range(2):
            await limits.take(limit, "k", cost=-1)

        assert await taken(limits, limit) == 3


@pytest.mark.parametrize(
    ("error", "free"), [(Unavailable(), 3), (RateLimited(1), 3), (Conflict(), 2)], ids=repr
)
async def test_a_request_that_was_not_served_costs_nothing(
    limits: RateLimits, error: Exception, free: int
) -> None:
    with pytest.raises(type(error)):
        async with charged(limits, WINDOW, "k"):
            raise error

    assert await taken(limits, WINDOW) == free


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_addresses_are_limited_by_network(address: str, network: str) -> None:
    assert network_of(address) == network


async def guesses(limits: MemoryRateLimits, count: int, *, before: str = "") -> None:
    """Take one token of each of many keys."""
    for number in range(count):
        with contextlib.suppress(RateLimited):
            await limits.take(WINDOW, f"{before}{number}")


async def test_a_flood_of_keys_takes_little_memory_and_returns_no_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limit, "MAX_KEYS", 500)
    monkeypatch.setattr(rate_limit, "SLOTS", 50)
    limits = MemoryRateLimits()
    early = await taken(limits, WINDOW, "early", tries=2)
    await guesses(limits, 2_000)
    late = await taken(limits, WINDOW, "late")
    await guesses(limits, 2_000, before="more")

    assert len(limits) <= 550
    assert early + await taken(limits, WINDOW, "early") == 3
    assert late + await taken(limits, WINDOW, "late") <= 3


async def test_keys_that_are_unused_again_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_KEYS", 100)
    monkeypatch.setattr(rate_limit, "SLOTS", 1)
    limits, now = MemoryRateLimits(), time.monotonic()
    for flood in range(5):
        monkeypatch.setattr(time, "monotonic", lambda at=now + flood * 2 * WINDOW.per_s: at)
        for number in range(90):
            # All pass: none shares the one slot.
            assert await taken(limits, WINDOW, f"flood {flood} {number}", tries=3) == 3

    assert len(limits) <= 100


async def test_a_token_that_was_returned_leaves_no_counter_for_long() -> None:
    limits = MemoryRateLimits()
    for number in range(1_000):
        await limits.take(WINDOW, str(number))
        await limits.take(WINDOW, str(number), cost=-1)

    assert len(limits) < 10


async def test_the_cost_of_a_call_does_not_grow_with_the_keys() -> None:
    """In processor time: it was two milliseconds and more above fifty thousand keys."""
    limits = MemoryRateLimits()
    await guesses(limits, 60_000)
    began = time.process_time()
    await guesses(limits, 2_000, before="more")

    assert time.process_time() - began < 2_000 * 0.000_3


async def test_without_redis_each_process_counts_by_itself() -> None:
    limits = RedisRateLimits(Redis.from_url("redis://127.0.0.1:1"), "test:")

    assert await taken(limits, WINDOW) == 3


async def test_limits_that_are_off_refuse_no_request() -> None:
    assert await taken(NoRateLimits(), WINDOW, tries=100) == 100
