"""Simulated delivery: five hundred runs keep every promise, and each can be repeated exactly.

A seed that fails is told and shrunk by `python -m simulation --seed N`.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.checker import check
from simulation.mutations import MUTATIONS
from simulation.plan import Plan, plan_of
from simulation.run import run
from simulation.shrink import failures, shrink
from simulation.story import story

ROOT = Path(__file__).resolve().parents[2]
SEEDS, CHUNK = 500, 100
# Each within a few seeds; `python -m simulation --mutations` tries all of them.
SOON_FOUND = (
    "answers come before the commit",
    "the log is read on wake-ups only",
    "second topics are lost",
    "conversations are not locked",
    "outlets leak when opening fails",
    "outlets subscribe after loading",
    "an unforeseen error ends the writer",
    "outlets stay in groups that were left",
    "missed removals are not told",
)
REPEATED = range(40, 46)
# Prints a digest of each run, in the other order.
AGAIN = f"""
import hashlib
from simulation.plan import plan_of
from simulation.run import run
from simulation.story import story
for seed in {list(reversed(REPEATED))}:
    print(hashlib.sha256(story(run(plan_of(seed)), []).encode()).hexdigest())
"""


def _range(first: int) -> object:
    """Return the parameter of a range of seeds, in a group of its own: any test process runs it."""
    return pytest.param(first, marks=pytest.mark.xdist_group(f"simulation/seeds {first}"))


@pytest.mark.parametrize("first", [_range(first) for first in range(0, SEEDS, CHUNK)])
def test_a_run_keeps_every_promise(first: int) -> None:
    for seed in range(first, first + CHUNK):
        violations = failures(plan_of(seed))
        assert violations == [], f"python -m simulation --seed {seed}\n" + "\n".join(
            f"{one.kind}: {one.text}" for one in violations
        )


def test_a_seed_repeats_its_run_in_another_process() -> None:
    here = [hashlib.sha256(_story(seed).encode()).hexdigest() for seed in REPEATED]
    # Sets of texts are in another order there.
    settings = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}

    there = subprocess.run(  # noqa: S603  # this Python
        [sys.executable, "-c", AGAIN],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        check=True,
    )

    assert there.stdout.split() == here[::-1]


@pytest.mark.parametrize("mutation", SOON_FOUND)
def test_a_fault_of_the_chat_is_found(mutation: str) -> None:
    with MUTATIONS[mutation]():
        assert any(failures(plan_of(seed)) for seed in range(CHUNK))


def test_different_seeds_are_different_runs() -> None:
    assert len({_story(seed).split("\n", 1)[1] for seed in range(10)}) == 10


def test_a_failing_plan_is_shrunk_to_the_steps_it_needs() -> None:
    with MUTATIONS["answers come before the commit"]():
        plan = next(plan for plan in map(plan_of, range(100)) if _answers_too_early(plan))

        smaller = shrink(plan, _answers_too_early)

        # Somebody sends something: nothing needs to break.
        assert len(smaller.steps) == 1
        finished = run(smaller)
        told = story(finished, check(finished.history, finished.tables))
        assert "BROKEN  answered before the commit" in told
    assert failures(smaller) == []


def _answers_too_early(plan: Plan) -> bool:
    return any(one.kind == "answered before the commit" for one in failures(plan))


def _story(seed: int) -> str:
    return story(run(plan_of(seed)), [])
