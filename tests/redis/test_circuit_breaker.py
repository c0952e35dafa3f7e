"""Circuit breaker: closed while Redis answers, open for a while after a failure."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chat_app.redis import circuit_breaker
from chat_app.redis.circuit_breaker import BREAKER_S, CircuitBreaker

MoveClock = Callable[[float], None]


class Server:
    """A Redis that answers, or fails with `error`, and counts how often it is called."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    async def command(self) -> str:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return "reply"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker("tests")


@pytest.fixture
def move_clock(monkeypatch: pytest.MonkeyPatch) -> MoveClock:
    """Give a function that moves the monotonic clock on."""
    now = [1000.0]

    def move(seconds: float) -> None:
        now[0] += seconds

    # Not the clock of the event loop, which must go on.
    monkeypatch.setattr(circuit_breaker, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return move


async def test_a_closed_breaker_returns_every_reply(
    breaker: CircuitBreaker, server: Server
) -> None:
    assert [await breaker.call(server.command) for _ in range(3)] == ["reply"] * 3
    assert server.calls == 3
    assert not breaker.is_open()


async def test_an_open_breaker_does_not_call_until_its_time_is_over(
    breaker: CircuitBreaker, server: Server, move_clock: MoveClock
) -> None:
    for error in (RedisConnectionError(), RedisTimeoutError(), ConnectionResetError()):
        server.calls, server.error = 0, error
        assert await breaker.call(server.command) is None, error
        server.error = None

        move_clock(BREAKER_S * 0.9)
        assert breaker.is_open(), error
        assert await breaker.call(server.command) is None, error
        assert server.calls == 1, error

        move_clock(BREAKER_S * 0.2)
        assert not breaker.is_open(), error
        assert await breaker.call(server.command) == "reply", error


async def test_an_error_that_is_not_of_redis_passes_and_opens_nothing(
    breaker: CircuitBreaker, server: Server
) -> None:
    server.error = ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        await breaker.call(server.command)

    assert not breaker.is_open()
