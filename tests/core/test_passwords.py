"""Password hashes: Argon2id, off the event loop, with a bounded queue."""

import asyncio
import time

import pytest
from passlib.context import CryptContext

from chat_app.core.errors import RateLimited
from chat_app.core.passwords import MAX_QUEUED, Passwords

CHEAP = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=64,
    argon2__time_cost=1,
    argon2__parallelism=1,
)


@pytest.fixture(scope="module", autouse=True)
def hashes() -> None:
    """Leave the cost of hashes as it is in production."""


async def test_a_hash_is_argon2id_and_fits_only_its_password() -> None:
    passwords = Passwords()
    stored = await passwords.hash("correct horse")

    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await passwords.verify("correct horse", stored) == (True, None)
    assert await passwords.verify("wrong horse", stored) == (False, None)
    passwords.close()


async def test_outdated_parameters_return_a_new_hash() -> None:
    passwords = Passwords()
    verdict = await passwords.verify("correct horse", CHEAP.hash("correct horse"))

    assert verdict.fits
    assert verdict.new_hash is not None
    assert await passwords.verify("correct horse", verdict.new_hash) == (True, None)
    passwords.close()


async def test_the_check_for_an_unknown_user_takes_as_long_and_fails() -> None:
    """Measured in processor time, which other programs do not change."""
    passwords = Passwords()
    stored = await passwords.hash("correct horse")
    await passwords.verify("warm up", None)
    took = {}
    for name, against in (("somebody", stored), ("nobody", None)):
        times = []
        for _ in range(3):
            began = time.process_time()
            assert not (await passwords.verify("wrong", against)).fits
            times.append(time.process_time() - began)
        took[name] = min(times)

    assert took["nobody"] > took["somebody"] / 3
    passwords.close()


async def test_the_first_unknown_user_takes_no_longer_than_a_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords = Passwords(CHEAP)
    hashes: list[str] = []
    monkeypatch.setattr(CHEAP, "hash", hashes.append)

    assert not (await passwords.verify("x", None)).fits

    assert not hashes
    passwords.close()


async def test_hashes_beyond_the_queue_are_refused() -> None:
    passwords = Passwords(CHEAP)
    rush = [passwords.hash("x") for _ in range(MAX_QUEUED + 10)]

    outcomes = await asyncio.gather(*rush, return_exceptions=True)

    refused = [outcome for outcome in outcomes if isinstance(outcome, RateLimited)]
    assert len(refused) == 10
    assert (await passwords.hash("afterwards")).startswith("$argon2id$")
    passwords.close()


async def test_the_loop_goes_on_while_a_password_is_hashed() -> None:
    passwords = Passwords()
    hashing = asyncio.create_task(passwords.hash("correct horse"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns > 100
    passwords.close()


@pytest.mark.parametrize("stored", ["", "none", "$argon2id$broken"])
async def test_a_broken_hash_fits_no_password(stored: str) -> None:
    passwords = Passwords(CHEAP)

    assert not (await passwords.verify("x", stored)).fits
    passwords.close()
