"""Asyncio tasks: cancelling for certain."""

import asyncio
import contextlib

import pytest

from chat_app.core import tasks


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    cancellations = 0

    async def stubborn() -> None:
        nonlocal cancellations
        while cancellations < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancellations += 1

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await tasks.end([task])

    assert task.done()
    assert cancellations == 3


async def test_a_task_that_never_ends_is_left_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tasks, "GIVE_UP_S", 0.5)
    is_over = asyncio.Event()

    async def deaf() -> None:
        while not is_over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await is_over.wait()

    task = asyncio.create_task(deaf(), name="deaf")
    await asyncio.sleep(0)
    await tasks.end([task])

    assert not task.done()
    said = capsys.readouterr().out
    assert "task.does_not_end" in said
    assert "await is_over.wait()" in said
    is_over.set()
    await task


async def test_the_outcome_of_a_cancelled_task_is_ignored() -> None:
    async def fails() -> None:
        raise RuntimeError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await tasks.end([task])

    assert isinstance(task.exception(), RuntimeError)


async def test_cancelling_no_task_is_harmless() -> None:
    await tasks.end([])
