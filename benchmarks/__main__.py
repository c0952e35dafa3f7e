"""Run workloads and print their figures: `python -m benchmarks [workload ...]`.

`python -m benchmarks plot` draws what was recorded, `python -m benchmarks tables` writes it as
tables, both beside the records.
"""

import argparse
import asyncio
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvloop

from benchmarks import machine, plots, tables
from benchmarks.figures import Figures, keep, record_of
from benchmarks.ledger import Violation
from benchmarks.suite import WHOLE, WORKLOADS
from benchmarks.workload import QUICK_SCALES, SCALES, Plan
from tests.harness.chats import PAIRS, Farm, Storage

RESULTS = Path("docs/figures/results.jsonl")
STORAGES = dict(zip(("sqlite", "postgres"), PAIRS, strict=True))
# A workload that hangs must not keep the rest from being measured; writing a million messages and
# their index takes minutes.
LIMIT_S = 300
LIMITS_S = {"search-messages": 1_500}


def main() -> None:
    """Measure what the command line asks for; exit with 1 when a promise was broken."""
    options = _options()
    if options.workloads in (["plot"], ["tables"]):
        show = plots.draw if options.workloads == ["plot"] else tables.write
        show(options.record or RESULTS)
    else:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        with tempfile.TemporaryDirectory(prefix="chat-bench-servers-") as folder:
            farm = Farm(Path(folder), behind_nginx=False, durable=True)
            try:
                _measure_all(_plans(options, farm), options.record)
            finally:
                farm.stop()


def _plans(options: argparse.Namespace, farm: Farm) -> list[Plan]:
    def new_storage(pair: str, folder: Path) -> Storage:
        # The caller may be restricted to the load client's cores; these servers are not.
        with machine.on(machine.ALL_CORES):
            return farm.storage(STORAGES[pair], folder)

    settings = (options.pair, options.nodes, options.runs, options.seconds)
    plans = [Plan(name, *settings, scales=options.scales) for name in options.workloads]
    plans = plans or list(WHOLE)
    if options.quick:
        plans = [
            replace(plan, runs=1, seconds=1.0, quick=True, scales=QUICK_SCALES) for plan in plans
        ]
    return [replace(plan, new_storage=partial(new_storage, plan.pair)) for plan in plans]


def _measure_all(plans: list[Plan], results: Path | None) -> None:
    about = machine.describe()
    for name, value in about.items():
        print(f"- {name}: {value}")
    missed, broken = 0, []
    for plan in plans:
        print(f"{plan.command} …", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            records = [record_of(figures, plan, about) for figures in _measured(plan)]
        except Exception as error:  # noqa: BLE001  # the others can be measured all the same
            broken.append(f"{plan.command}: {type(error).__name__} {error}")
            traceback.print_exc()
            continue
        if results:
            keep(results, records)
        for record in records:
            print(f"\n**{record.key}**: {record.setting}\n\n{record.table()}", flush=True)
        missed += sum(row.verdict == "MISS" for record in records for row in record.figures)
        print(f"({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)
    print(f"\n{missed} targets missed")
    if broken:
        sys.exit("\n".join(broken))


def _measured(plan: Plan) -> list[Figures]:
    broken: list[BaseException] = []

    def notice(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        broken.append(context.get("exception") or Violation(str(context)))

    async def watched() -> list[Figures]:
        # An error in a socket's callback would otherwise only be printed.
        asyncio.get_running_loop().set_exception_handler(notice)
        figures = []
        try:
            limit_s = None if plan.is_long else LIMITS_S.get(plan.workload, LIMIT_S)
            async with asyncio.timeout(limit_s):
                figures = await WORKLOADS[plan.workload](plan)
        except (TimeoutError, RuntimeError, Violation):
            # Where a callback has failed, its socket is closed, and its work is awaited in vain.
            if not broken:
                raise
        if broken:
            raise Violation(str(broken[0])) from broken[0]
        return figures

    with machine.on(machine.CLIENT_CORES):
        return uvloop.run(watched())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the chat; without workloads, everything that has a target.",
    )
    choices = f"{', '.join(WORKLOADS)}; or plot, or tables"
    parser.add_argument("workloads", nargs="*", metavar="workload", help=choices)
    parser.add_argument("--pair", choices=STORAGES, default="sqlite")
    parser.add_argument("--nodes", type=int, choices=(1, 2), default=1)
    parser.add_argument("--runs", type=int, default=3, help="how often each turn is repeated")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long a turn lasts")
    parser.add_argument("--quick", action="store_true", help="a second each: does it work at all?")
    parser.add_argument("--record", type=Path, help="keep the figures in this file (JSON lines)")
    parser.add_argument(
        "--scales",
        type=lambda text: tuple(map(int, text.split(","))),
        default=SCALES,
        help="messages there are, of growth: 10000,1000000",
    )
    options = parser.parse_args()
    named = set(options.workloads)
    if named - set(WORKLOADS) and options.workloads not in (["plot"], ["tables"]):
        parser.error(f"choose from {choices}")
    if options.pair == "sqlite" and (options.nodes > 1 or named & {"nodes", "peers"}):
        parser.error("several nodes, and peers, need --pair postgres")
    return options


if __name__ == "__main__":
    main()
