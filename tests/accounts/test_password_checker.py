"""Password checks: which failures count where, and attempts that cost nothing."""

import asyncio
import contextlib
from collections.abc import Iterator
from itertools import count

import pytest
from passlib.context import CryptContext

from chat_app.accounts.password_checker import PasswordChecker
from chat_app.core import passwords
from chat_app.core.errors import RateLimited
from chat_app.core.passwords import Passwords
from chat_app.core.rate_limit import MemoryRateLimits
from chat_app.core.settings import Settings

CHEAP = CryptContext(schemes=["argon2"], argon2__memory_cost=64, argon2__time_cost=1)
RIGHT, WRONG = "correct horse battery", "incorrect horse battery"
STORED = CHEAP.hash(RIGHT)
HOME = "192.0.2.1"


class Door:
    """One checker, with one account that is signed in at HOME."""

    def __init__(self) -> None:
        self.passwords = Passwords(CHEAP)
        self.checker = PasswordChecker(
            passwords=self.passwords, limits=MemoryRateLimits(), settings=Settings()
        )

    async def try_password(self, password: str, *, network: str, name: str = "alice") -> bool:
        """Return whether the password fits. Raises RateLimited."""

        async def own_networks() -> set[str]:
            return {HOME}

        verdict = await self.checker.check(
            password, STORED, username_key=name, network=network, own_networks=own_networks
        )
        return verdict.fits


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.passwords.close()


async def test_an_account_is_guessed_twenty_times_from_all_networks_together(door: Door) -> None:
    for number in range(20):
        assert not await door.try_password(WRONG, network=f"198.51.100.{number}")

    with pytest.raises(RateLimited):
        await door.try_password(RIGHT, network="198.51.100.99")
    assert await door.try_password(RIGHT, network="198.51.100.99", name="bob")


async def test_guesses_elsewhere_do_not_lock_out_the_network_of_a_session(door: Door) -> None:
    with contextlib.suppress(RateLimited):
        for number in count():
            await door.try_password(WRONG, network=f"198.51.100.{number}")

    assert await door.try_password(RIGHT, network=HOME)
    # There, too, five guesses are the most.
    for _ in range(5):
        assert not await door.try_password(WRONG, network=HOME)
    with pytest.raises(RateLimited):
        await door.try_password(RIGHT, network=HOME)


async def test_attempts_that_the_queue_refused_cost_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(passwords, "MAX_QUEUED", 0)
        for _ in range(30):
            with pytest.raises(RateLimited):
                await door.try_password(WRONG, network=HOME)

    for _ in range(4):
        assert not await door.try_password(WRONG, network=HOME)
    assert await door.try_password(RIGHT, network=HOME)


async def test_attempts_that_one_limit_refused_cost_nothing_at_another(door: Door) -> None:
    for number in range(20):
        await door.try_password(WRONG, network=HOME, name=f"name{number}")
    for _ in range(30):
        with pytest.raises(RateLimited):
            await door.try_password(RIGHT, network=HOME)

    for network in ("198.51.100.1", "198.51.100.2", "198.51.100.3"):
        for _ in range(5):
            assert not await door.try_password(WRONG, network=network)


async def test_parallel_guesses_get_no_more_than_the_limit(door: Door) -> None:
    outcomes = await asyncio.gather(
        *(door.try_password(WRONG, network=HOME) for _ in range(50)), return_exceptions=True
    )

    assert outcomes.count(False) == 5
