"""Short runs of `make chaos`: whatever happens, nothing is lost, doubled or out of order.

Kills are in tests/trust/test_01_killed.py, and what is marked `only_in_test_all` has a smaller like
there too: Redis away in 05, a locked file in 06, slow commits in 13, half-open links in 14, tasks
that throw in 15.
"""

import asyncio
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace

import psutil
import pytest

from chaos.__main__ import read_plan
from chaos.ledger import judge
from chaos.plan import Plan
from chaos.proxy import Weather
from chaos.report import report, verdict
from chaos.run import Outcome, run
from tests.harness.devices import until
from tests.harness.servers import ROOT

SHORT = Plan(users=4, rate=40, seconds=4, seed=7)

pytestmark = pytest.mark.timeout(600)


async def whole(plan: Plan) -> Outcome:
    """Run a plan and check that everything held."""
    outcome = await run(plan)
    assert outcome.is_whole, report(plan, outcome)
    return outcome


async def test_cut_links_and_repeated_frames_double_nothing() -> None:
    # A run of a few seconds looks at each link often, so that cuts do not depend on luck.
    weather = Weather(drop=0.5, delay_s=0.2, duplicate=0.5, look_s=1)
    outcome = await whole(replace(SHORT, weather=weather))

    assert outcome.did["links cut"] + outcome.did["answers swallowed"] > 0
    assert outcome.did["frames repeated"] > 0
    assert outcome.did["messages posted again"] > 0
    assert_tampering_is_found(outcome)


@pytest.mark.only_in_test_all
async def test_without_redis_nothing_is_lost() -> None:
    await whole(replace(SHORT, pair="postgres", nodes=2, redis_off_s=3))


@pytest.mark.only_in_test_all
async def test_nodes_that_are_frozen_deaf_or_break_inside_lose_nothing() -> None:
    plan = Plan(pair="postgres", nodes=2, users=4, rate=20, seconds=16, seed=7)
    plan = replace(plan, freeze_s=6, slow_commits_s=4, half_open=True, tasks_fail_s=8)
    outcome = await whole(plan)

    assert outcome.did["node frozen"] == outcome.did["commits held up"] == 1


@pytest.mark.only_in_test_all
async def test_a_file_that_is_locked_and_tasks_that_throw_lose_nothing() -> None:
    outcome = await whole(replace(SHORT, seconds=12, slow_commits_s=4, tasks_fail_s=8))

    assert outcome.did["commits held up"] == 1


def assert_tampering_is_found(outcome: Outcome) -> None:
    """Check that a whole run is whole no more once a device's deliveries are out of order."""
    device, page = next(iter(outcome.ledger.received.items()))
    page.append(page.pop(0))
    tampered = replace(outcome, findings=judge(outcome.ledger, outcome.stored))

    assert not tampered.is_whole
    assert verdict(tampered).startswith("BROKEN: ")
    assert device in report(SHORT, tampered)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process, as people do."""
    return subprocess.run(  # noqa: S603  # our own command, and the words of the tests
        [sys.executable, "-m", "chaos", *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.only_in_test_all
def test_the_command_ends_with_a_table_and_a_verdict() -> None:
    done = command("--users=2", "--rate=20", "--seconds=1", "--seed=3", "--duplicate")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "user-01/phone" in done.stdout
    assert "WHOLE" in done.stdout
    assert "seed 3" in done.stdout


@pytest.mark.only_in_test_all
async def test_ctrl_c_leaves_nothing_running() -> None:
    """Interrupt while a killed node is being started again."""
    run_for_long = [sys.executable, "-m", "chaos", "--users=2", "--seconds=10m", "--kill-every=2s"]
    process = await asyncio.create_subprocess_exec(
        *run_for_long, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    ours = psutil.Process(process.pid)
    await until(lambda: ours.children(recursive=True), seconds=60)
    first = ours.children(recursive=True)
    await until(lambda: not any(server.is_running() for server in first), seconds=60)
    servers = ours.children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, output = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 1
    assert b"nothing is left running" in output
    assert b"Traceback" not in output
    assert not [server for server in servers if server.is_running()]


@pytest.mark.parametrize(
    "words",
    [
        "--drop 101%",
        "--drop -1",
        "--delay soon",
        "--seconds 99999m",
        "--users 1",
        "--nodes 2",
        "--redis-off 5s",
        "--rate 5000 --seconds 1000",
        "--kills 5",
        "--browsers --duplicate",
        "--browsers --all",
        "--unknown",
    ],
)
def test_wrong_options_are_refused(words: str) -> None:
    with pytest.raises(SystemExit) as refused:
        read_plan(words.split())
    assert refused.value.code == 2


def test_help_names_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_plan(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for flag in ("--all", "--drop", "--delay", "--duplicate", "--kill-every", "--redis-off"):
        assert flag in text
