"""Trust 1: kill -9 at random moments under load. Nothing acked is lost, doubled or out of place.

Here a few times only. A hundred times, at 500 messages a second:
`make chaos ARGS="--users 8 --rate 500 --seconds 13m --kill-every 5.5s"`.
"""

import pytest

from chaos.plan import Plan
from chaos.report import report
from chaos.run import run

READY_WITHIN_S = 3


@pytest.mark.timeout(240)
async def test_killed_again_and_again_under_load(pair: str) -> None:
    plan = Plan(
        pair="sqlite" if pair == "sqlite+memory" else "postgres",
        users=8,
        rate=150,
        seconds=15,
        settle_s=60,
        seed=1,
        kill_every_s=2,
    )
    outcome = await run(plan)

    assert outcome.is_whole, report(plan, outcome)
    assert outcome.did["kill -9"] >= 2
    # Other tests share the machine: what it takes alone is the processor's time.
    assert min(restart.processor_s for restart in outcome.restarts) < READY_WITHIN_S
