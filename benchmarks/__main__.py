"""Run workloads and print their figures: `python -m benchmarks [workload ...]`."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import gettempdir

import structlog
import uvloop

from benchmarks import direct, history, idle, machine, presence, rooms, search, tabs
from benchmarks.figures import Figures, table
from benchmarks.ledger import Violation
from benchmarks.workload import Plan

Measure = Callable[[Plan], Awaitable[list[Figures]]]

WORKLOADS: dict[str, Measure] = {
    "direct": direct.measure,
    "open": rooms.measure_delivery,
    "rooms": rooms.measure_rooms,
    "idle": idle.measure,
    "history": history.measure,
    "search": search.measure,
    "tabs": tabs.measure,
    "presence": presence.measure_changes,
    "storm": presence.measure_storm,
}


def main() -> None:
    """Measure what the command line asks for; exit with 1 when a promise was broken."""
    options = _options()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    about = machine.describe(Path(gettempdir()))
    everything = []
    for name in options.workloads or WORKLOADS:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            everything += _measured(WORKLOADS[name], _plan(options))
        except Violation as violation:
            sys.exit(f"{name}: {violation}")
    print(table(about, everything))
    if options.json:
        report = {"machine": about, "workloads": [figures.as_json() for figures in everything]}
        options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def _measured(measure: Measure, plan: Plan) -> list[Figures]:
    broken: list[BaseException] = []

    def notice(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        broken.append(error if isinstance(error, BaseException) else Violation(str(context)))

    async def watched() -> list[Figures]:
        # What goes wrong in a socket's callback would otherwise only be printed.
        asyncio.get_running_loop().set_exception_handler(notice)
        try:
            figures = await measure(plan)
        except TimeoutError:
            # Where a callback has failed, waiting for what it should have done is its consequence.
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
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="workload", help=", ".join(WORKLOADS))
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    parser.add_argument("--runs", type=int, default=3, help="how often each turn is repeated")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long a turn lasts")
    parser.add_argument("--quick", action="store_true", help="a second each: does it work at all?")
    parser.add_argument(
        "--pair",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="postgres takes CHAT_DATABASE_URL and CHAT_REDIS_URL",
    )
    options = parser.parse_args()
    for name in options.workloads:
        if name not in WORKLOADS:
            parser.error(f"{name}: choose from {', '.join(WORKLOADS)}")
    if options.pair == "postgres" and "CHAT_DATABASE_URL" not in os.environ:
        parser.error("set CHAT_DATABASE_URL (and CHAT_REDIS_URL)")
    return options


def _plan(options: argparse.Namespace) -> Plan:
    postgres = options.pair == "postgres"
    return Plan(
        runs=1 if options.quick else options.runs,
        seconds=1.0 if options.quick else options.seconds,
        quick=options.quick,
        database_url=os.environ.get("CHAT_DATABASE_URL", "") if postgres else "",
        redis_url=os.environ.get("CHAT_REDIS_URL", "") if postgres else "",
    )


if __name__ == "__main__":
    main()
