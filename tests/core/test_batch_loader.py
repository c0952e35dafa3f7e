"""Many who ask at one moment cost one question, and nobody gets an answer from before theirs."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from chat_app.core.batch_loader import BATCH_SIZE, BatchLoader
from chat_app.core.errors import Unavailable


class Oracle:
    """Answers when it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.questions: list[list[int]] = []
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.failure: Exception | None = None

    async def ask(self, keys: Sequence[int]) -> Mapping[int, str]:
        self.questions.append(list(keys))
        self.asked.set()
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        return {key: f"answer {key}" for key in keys if key >= 0}


async def test_concurrent_keys_are_loaded_in_one_batch() -> None:
    oracle = Oracle()
    loader = BatchLoader(oracle.ask)
    oracle.may_answer.set()

    answers = await asyncio.gather(*map(loader, [1, 2, 1, -1]))

    assert answers == ["answer 1", "answer 2", "answer 1", None]
    assert oracle.questions == [[1, 2, -1]]
    await loader.close()


async def test_a_key_that_comes_during_a_load_is_loaded_afterwards() -> None:
    oracle = Oracle()
    loader = BatchLoader(oracle.ask)
    first = asyncio.create_task(loader(1))
    await oracle.asked.wait()
    later = [asyncio.create_task(loader(key)) for key in (1, 2, 3)]
    await asyncio.sleep(0)
    oracle.may_answer.set()
    await asyncio.gather(first, *later)

    assert oracle.questions == [[1], [1, 2, 3]]


async def test_many_keys_are_loaded_in_bounded_batches() -> None:
    oracle = Oracle()
    loader = BatchLoader(oracle.ask)
    oracle.may_answer.set()
    await asyncio.gather(*map(loader, range(2 * BATCH_SIZE + 1)))

    assert [len(question) for question in oracle.questions] == [BATCH_SIZE, BATCH_SIZE, 1]


async def test_an_unavailable_database_is_waited_for_once() -> None:
    oracle = Oracle()
    loader = BatchLoader(oracle.ask)
    oracle.failure = Unavailable()
    asking = [asyncio.create_task(loader(1))]
    await oracle.asked.wait()
    asking += [asyncio.create_task(loader(key)) for key in range(1, 2 * BATCH_SIZE)]
    await asyncio.sleep(0)
    oracle.may_answer.set()

    outcomes = await asyncio.gather(*asking, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert oracle.questions == [[1]]
    oracle.failure = None
    assert await loader(5) == "answer 5"


async def test_a_cancelled_caller_takes_nothing_from_the_others() -> None:
    oracle = Oracle()
    loader = BatchLoader(oracle.ask)
    one, other = (asyncio.create_task(loader(1)) for _ in range(2))
    await oracle.asked.wait()
    one.cancel()
    oracle.may_answer.set()

    assert await other == "answer 1"
    with pytest.raises(asyncio.CancelledError):
        await one


async def test_a_failed_batch_fails_for_all_its_callers_and_loading_goes_on() -> None:
    oracle = Oracle()
    loader = BatchLoader(oracle.ask)
    oracle.failure = ZeroDivisionError()
    oracle.may_answer.set()

    outcomes = await asyncio.gather(loader(1), loader(2), return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {ZeroDivisionError}
    oracle.failure = None
    assert await loader(3) == "answer 3"
