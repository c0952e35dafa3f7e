"""Run workloads and print their figures: `python -m benchmarks [workload ...]`.

`python -m benchmarks plot` draws what was recorded, `python -m benchmarks tables` writes it into
the documents.
"""

import argparse
import asyncio
import sys
import time
import traceback
from pathlib import Path
from tempfile import gettempdir

import structlog
import uvloop

from benchmarks import machine, plots, tables
from benchmarks.backends import Backends, backends
from benchmarks.figures import Figures
from benchmarks.ledger import Violation
from benchmarks.records import Record, keep, record_of
from benchmarks.suite import ON_SERVERS, WHOLE, WORKLOADS, Measure, Turn
from benchmarks.workload import QUICK_SCALES, SCALES, Plan

RESULTS = Path("docs/figures/results.jsonl")
# Whatever hangs must not keep the rest from being measured.
LIMIT_S = 300


def main() -> None:
    """Measure what the command line asks for; exit with 1 when a promise was broken."""
    options = _options()
    if options.workloads == ["plot"]:
        plots.draw(options.record or RESULTS)
    elif options.workloads == ["tables"]:
        tables.fill(options.record or RESULTS)
    else:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        _measure_all(options)


def _measure_all(options: argparse.Namespace) -> None:
    about = machine.describe(Path(gettempdir()))
    for name, value in about.items():
        print(f"- {name}: {value}")
    missed, broken = 0, []
    with backends() as servers:
        for turn in _turns(options):
            started = time.monotonic()
            try:
                records = _records(turn, options, servers, about)
            except Exception as error:  # noqa: BLE001  # the others can be measured all the same
                broken.append(f"{turn.command()}: {type(error).__name__} {error}")
                traceback.print_exc()
                continue
            if options.record:
                keep(options.record, records)
            for record in records:
                print(f"\n**{record.key}**: {record.setting}\n\n{record.table()}", flush=True)
            missed += sum(row.verdict == "MISS" for record in records for row in record.figures)
            print(f"({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)
    print(f"\n{missed} targets missed")
    if broken:
        sys.exit("\n".join(broken))


def _turns(options: argparse.Namespace) -> list[Turn]:
    if not options.workloads:
        return list(WHOLE)
    return [
        Turn(name, options.pair, options.nodes, options.runs, options.seconds)
        for name in options.workloads
    ]


def _records(
    turn: Turn, options: argparse.Namespace, servers: Backends, about: dict[str, str]
) -> list[Record]:
    print(f"{turn.command()} …", file=sys.stderr, flush=True)
    plan = Plan(
        runs=1 if options.quick else turn.runs,
        seconds=1.0 if options.quick else turn.seconds,
        quick=options.quick,
        pair=turn.pair,
        nodes=turn.nodes,
        new_addresses=lambda: servers.addresses(turn.pair),
        scales=QUICK_SCALES if options.quick else options.scales,
    )
    command = turn.command()
    if options.scales != SCALES:
        command += " --scales " + ",".join(map(str, options.scales))
    measured = _measured(WORKLOADS[turn.workload], plan)
    return [record_of(figures, plan, command, about) for figures in measured]


def _measured(measure: Measure, plan: Plan) -> list[Figures]:
    broken: list[BaseException] = []

    def notice(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        broken.append(error if isinstance(error, BaseException) else Violation(str(context)))

    async def watched() -> list[Figures]:
        # What goes wrong in a socket's callback would otherwise only be printed.
        asyncio.get_running_loop().set_exception_handler(notice)
        try:
            async with asyncio.timeout(None if plan.is_long else LIMIT_S):
                figures = await measure(plan)
        except (TimeoutError, RuntimeError):
            # Where a callback has failed, its socket is closed and what it should have done is
            # waited for in vain.
            if not broken:
                raise
            figures = []
        if broken:
            raise Violation(str(broken[0])) from broken[0]
        return figures

    with (
        machine.on(machine.CLIENT_CORES),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(watched())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the chat; without workloads, everything that has a target.",
    )
    choices = f"{', '.join(WORKLOADS)}; or plot, or tables"
    parser.add_argument("workloads", nargs="*", metavar="workload", help=choices)
    parser.add_argument("--pair", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--nodes", type=int, choices=(1, 2), default=1)
    parser.add_argument("--runs", type=int, default=3, help="how often each turn is repeated")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long a turn lasts")
    parser.add_argument("--quick", action="store_true", help="a second each: does it work at all?")
    parser.add_argument("--record", type=Path, help="keep the figures in this file (JSON lines)")
    parser.add_argument(
        "--scales",
        type=_scales,
        default=SCALES,
        help="messages there are, of growth: 10000,1000000",
    )
    options = parser.parse_args()
    for name in options.workloads:
        if name not in WORKLOADS and options.workloads not in (["plot"], ["tables"]):
            parser.error(f"{name}: choose from {choices}")
    if options.pair == "sqlite" and (options.nodes > 1 or set(options.workloads) & set(ON_SERVERS)):
        parser.error("several nodes need --pair postgres")
    return options


def _scales(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


if __name__ == "__main__":
    main()
