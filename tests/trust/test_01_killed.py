"""Kill -9 at random moments under load (trust 1): no acked message is lost or doubled.

Here once, in a chat of one node. A hundred times, of several nodes too, at 500 messages a second:
`TRUST_KILLS=100 TRUST_RATE=500 pytest -m "" tests/trust/test_01_killed.py`.
"""

import os

import pytest

from chaos.plan import Pair, Plan
from chaos.report import report
from chaos.run import run
from tests.harness.processor import watched_core

KILLS = int(os.environ.get("TRUST_KILLS", "1"))
RATE = float(os.environ.get("TRUST_RATE", "50"))
# On a machine that does nothing else.
READY_WITHIN_S = 3
# Of processor time: a restart may read back what the kill has left behind.
AS_A_FIRST_START = 2


@pytest.mark.timeout(400 + 20 * KILLS)
@pytest.mark.parametrize(
    ("pair", "count"),
    [
        ("sqlite", 1),
        pytest.param("postgres", 1, marks=pytest.mark.only_in_test_all),
        pytest.param("postgres", 2, marks=pytest.mark.only_in_test_all),
    ],
)
async def test_kills_under_load_lose_nothing(pair: Pair, count: int) -> None:
    plan = Plan(
        pair=pair, nodes=count, users=8, rate=RATE, seconds=4, seed=1, kill_every_s=2, kills=KILLS
    )
    with watched_core() as slowdown:
        outcome = await run(plan)

    assert outcome.is_whole, report(plan, outcome)
    assert outcome.did["kill -9"] >= KILLS
    worked_s = [restart.processor_s for restart in outcome.restarts]
    assert min(worked_s) < AS_A_FIRST_START * max(outcome.starts_s)
    took_s = [(restart.seconds - restart.waited_s) / slowdown() for restart in outcome.restarts]
    assert max(took_s) < READY_WITHIN_S, (outcome.restarts, slowdown())
