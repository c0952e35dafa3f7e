"""Batch loader: concurrent keys are loaded together, and no value is older than its request."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from chat_app.core.batch_loader import BATCH_SIZE, BatchLoader
from chat_app.core.errors import Unavailable


class Source:
    """A loader of values that waits until it may return, and records the batches of keys."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.called = asyncio.Event()
        self.may_return = asyncio.Event()
        self.failure: Exception | None = None

    async def load(self, keys: Sequence[int]) -> Mapping[int, str]:
        self.batches.append(list(keys))
        self.called.set()
        await self.may_return.wait()
        if self.failure is not None:
            raise self.failure
        return {key: f"value {key}" for key in keys if key >= 0}


async def test_concurrent_keys_are_loaded_in_one_batch() -> None:
    source = Source()
    loader = BatchLoader(source.load)
    source.may_return.set()

    values = await asyncio.gather(*map(loader, [1, 2, 1, -1]))

    assert values == ["value 1", "value 2", "value 1", None]
    assert source.batches == [[1, 2, -1]]
    await loader.close()


async def test_a_key_that_comes_during_a_load_is_loaded_afterwards() -> None:
    source = Source()
    loader = BatchLoader(source.load)
    first = asyncio.create_task(loader(1))
    await source.called.wait()
    later = [asyncio.create_task(loader(key)) for key in (1, 2, 3)]
    await asyncio.sleep(0)
    source.may_return.set()
    await asyncio.gather(first, *later)

    assert source.batches == [[1], [1, 2, 3]]


async def test_many_keys_are_loaded_in_bounded_batches() -> None:
    source = Source()
    loader = BatchLoader(source.load)
    source.may_return.set()
    await asyncio.gather(*map(loader, range(2 * BATCH_SIZE + 1)))

    assert [len(batch) for batch in source.batches] == [BATCH_SIZE, BATCH_SIZE, 1]


async def test_callers_wait_for_an_unavailable_database_only_once() -> None:
    source = Source()
    loader = BatchLoader(source.load)
    source.failure = Unavailable()
    callers = [asyncio.create_task(loader(1))]
    await source.called.wait()
    callers += [asyncio.create_task(loader(key)) for key in range(1, 2 * BATCH_SIZE)]
    await asyncio.sleep(0)
    source.may_return.set()

    outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert source.batches == [[1]]
    source.failure = None
    assert await loader(5) == "value 5"


async def test_a_cancelled_caller_does_not_cancel_the_load_of_others() -> None:
    source = Source()
    loader = BatchLoader(source.load)
    one, other = (asyncio.create_task(loader(1)) for _ in range(2))
    await source.called.wait()
    one.cancel()
    source.may_return.set()

    assert await other == "value 1"
    with pytest.raises(asyncio.CancelledError):
        await one


async def test_a_failed_batch_fails_for_all_its_callers_and_loading_goes_on() -> None:
    source = Source()
    loader = BatchLoader(source.load)
    source.failure = ZeroDivisionError()
    source.may_return.set()

    outcomes = await asyncio.gather(loader(1), loader(2), return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {ZeroDivisionError}
    source.failure = None
    assert await loader(3) == "value 3"
