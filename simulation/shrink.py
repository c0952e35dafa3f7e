"""Shrink a failing plan to a short story: leave out what it fails without."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from simulation.checker import Violation, check
from simulation.plan import Plan
from simulation.run import run

MAX_RUNS = 400


def failures(plan: Plan) -> list[Violation]:
    """Return what a plan's run breaks."""
    finished = run(plan)
    return check(finished.history, finished.tables)


def shrink(plan: Plan, fails: Callable[[Plan], bool], max_runs: int = MAX_RUNS) -> Plan:
    """Return a plan that still fails, with no step that can be left out, in so many runs."""
    left = max_runs
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for smaller in _smaller(plan):
            if not left:
                return plan
            left -= 1
            if fails(smaller):
                plan, is_smaller = smaller, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Yield plans with less: first without many steps, then without one."""
    size = len(plan.steps) // 2
    while size:
        for start in range(0, len(plan.steps), size):
            steps = plan.steps[:start] + plan.steps[start + size :]
            yield replace(plan, steps=steps)
        size //= 2
    for name in plan.limits:
        limits = {one: value for one, value in plan.limits.items() if one != name}
        yield replace(plan, limits=limits)
    if plan.nodes > 1:
        yield replace(plan, nodes=plan.nodes - 1)
    for number, count in enumerate(plan.devices):
        if count > 1:
            devices = (*plan.devices[:number], count - 1, *plan.devices[number + 1 :])
            yield replace(plan, devices=devices)
