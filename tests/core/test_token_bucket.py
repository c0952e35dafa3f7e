"""Token bucket: the burst, the rate at which tokens come back, and the wait for the next."""

import time

import pytest

from chat_app.core.token_bucket import TokenBucket


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def bucket(clock: Clock) -> TokenBucket:
    """Give a bucket of 40 tokens to which two a second come back."""
    assert clock.now
    return TokenBucket(burst=40, per_second=2.0)


def taken(bucket: TokenBucket, tries: int = 100) -> int:
    """Count how many of `tries` pass."""
    return sum(not bucket.take() for _ in range(tries))


def test_a_full_bucket_gives_its_burst_and_no_more(bucket: TokenBucket) -> None:
    assert bucket.is_full()
    assert taken(bucket) == 40
    assert not bucket.is_full()


def test_a_refused_take_returns_the_seconds_to_wait(bucket: TokenBucket, clock: Clock) -> None:
    taken(bucket)

    wait_s = bucket.take()

    assert wait_s == pytest.approx(0.5)
    clock.now += wait_s
    assert taken(bucket) == 1


def test_tokens_come_back_at_the_rate_up_to_the_burst(bucket: TokenBucket, clock: Clock) -> None:
    taken(bucket)
    clock.now += 5
    assert taken(bucket) == 10

    clock.now += 3600

    assert bucket.is_full()
    assert taken(bucket) == 40


def test_a_negative_cost_puts_tokens_back_up_to_the_burst(bucket: TokenBucket) -> None:
    taken(bucket)
    bucket.take(-3)
    assert taken(bucket) == 3

    bucket.take(-100)

    assert taken(bucket) == 40


def test_a_cost_beyond_the_burst_is_never_taken(bucket: TokenBucket) -> None:
    assert bucket.take(41) > 0
    assert bucket.take(40) == 0
