"""Break a chat of made-up people for a while and prove that nothing is lost: `python -m chaos`.

Without a fault named everything stays calm; `--all` names all of them. What happens is thrown by
dice whose seed is printed: the same seed throws the same, though time is never quite the same.
The exit code is 0 only when every message was delivered to every device once and in order.
With `--browsers` people sit at browsers, and every screen must equal the database in the end.
"""

import argparse
import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from chaos.browsers import report_browsers, run_browsers
from chaos.plan import Plan
from chaos.proxy import Weather
from chaos.report import report
from chaos.run import run
from tests.harness.programs import ProgramMissing
from tests.harness.servers import ServerFailed

DUPLICATE = 0.2
# The weather of browsers where none is named.
BROWSERS_DROP, BROWSERS_DELAY_S = 0.3, 0.3
MOST_MESSAGES = 500_000
OF_BROWSERS = "--drop, --delay, --kill-every, --redis-off, --freeze and --slow-commits, on one node"
UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0}
# The defaults of --all, which single flags override.
EVERYTHING = {
    "drop": 0.3,
    "delay": 2.0,
    "kill_every": 10.0,
    "redis_off": 20.0,
    "freeze": 15.0,
    "slow_commits": 6.0,
    "tasks_fail": 30.0,
}


def main() -> None:
    """Run what the command line asks for; exit with 1 unless all is whole."""
    plan, times = read_plan(sys.argv[1:])
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    broken = 0
    try:
        for turn in range(times):
            one = replace(plan, seed=plan.seed + turn)
            print(f"{one}; seed {one.seed} …", file=sys.stderr, flush=True)
            broken += not _is_whole(one)
    except KeyboardInterrupt:
        sys.exit("stopped; nothing is left running")
    except (ProgramMissing, ServerFailed) as failure:
        sys.exit(str(failure))
    if times > 1:
        print(f"\n{times - broken} of {times} runs were whole")
    sys.exit(1 if broken else 0)


def _is_whole(plan: Plan) -> bool:
    """Run a plan and print what came of it; return whether every promise held."""
    if plan.browsers:
        seen = asyncio.run(run_browsers(plan))
        print(report_browsers(plan, seen), flush=True)
        return seen.is_whole
    outcome = asyncio.run(run(plan))
    print(report(plan, outcome), flush=True)
    return outcome.is_whole


def read_plan(words: list[str]) -> tuple[Plan, int]:
    """Return the plan that the words of a command line name, and how often to run it."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.all:
        for name, value in EVERYTHING.items():
            if getattr(options, name) is None:
                setattr(options, name, value)
        options.duplicate = True
        # Without PostgreSQL there is no Redis.
        options.half_open = options.pair == "postgres"
        if options.pair == "sqlite":
            options.redis_off = 0.0
    if options.browsers and options.drop is None and options.delay is None:
        options.drop, options.delay = BROWSERS_DROP, BROWSERS_DELAY_S
    for fits, complaint in (
        (not options.browsers or _fits_browsers(options), f"--browsers goes with {OF_BROWSERS}"),
        (options.pair == "postgres" or options.nodes == 1, "--nodes needs --pair postgres"),
        (options.pair == "postgres" or not options.redis_off, "--redis-off needs --pair postgres"),
        (options.pair == "postgres" or not options.half_open, "--half-open needs --pair postgres"),
        (options.kill_every or not options.kills, "--kills needs --kill-every"),
        (options.rate * _longest_s(options) <= MOST_MESSAGES, "--rate times --seconds is too much"),
    ):
        if not fits:
            parser.error(complaint)
    weather = Weather(
        drop=options.drop or 0.0,
        delay_s=options.delay or 0.0,
        duplicate=DUPLICATE if options.duplicate else 0.0,
    )
    plan = Plan(
        pair=options.pair,
        nodes=options.nodes,
        nginx=options.nginx,
        users=options.users,
        rate=options.rate,
        seconds=options.seconds,
        seed=options.seed,
        weather=weather,
        kill_every_s=options.kill_every or 0.0,
        kills=options.kills,
        redis_off_s=options.redis_off or 0.0,
        freeze_s=options.freeze or 0.0,
        slow_commits_s=options.slow_commits or 0.0,
        half_open=options.half_open,
        tasks_fail_s=options.tasks_fail or 0.0,
        browsers=options.browsers,
    )
    return plan, options.times


def _fits_browsers(options: argparse.Namespace) -> bool:
    """Return whether only faults are named that browsers can have."""
    others = (options.all, options.nginx, options.duplicate, options.half_open, options.tasks_fail)
    return not any(others) and options.nodes == 1 and not options.kills


def _longest_s(options: argparse.Namespace) -> float:
    """Return how long people talk, at the least."""
    return float(max(options.seconds, options.kills * (options.kill_every or 0.0)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    chat = parser.add_argument_group("the chat")
    chat.add_argument(
        "--pair",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="embedded (the default), or a private PostgreSQL and Redis",
    )
    chat.add_argument("--nodes", type=int, choices=range(1, 5), default=1, help="how many servers")
    chat.add_argument("--nginx", action="store_true", help="put deploy/nginx.conf before them")
    chat.add_argument(
        "--users", type=_between(int, 2, 200), default=12, help="how many, with two devices each"
    )
    chat.add_argument(
        "--browsers", action="store_true", help="two people at two Chromium profiles each instead"
    )
    chat.add_argument(
        "--rate", type=_between(float, 0.1, 5_000), default=50.0, help="messages a second, together"
    )
    chat.add_argument(
        "--seconds", type=_seconds, metavar="TIME", default=60.0, help="how long they talk"
    )
    chat.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="of the dice")
    chat.add_argument(
        "--times", type=_between(int, 1, 1_000), default=1, help="runs, each with the next seed"
    )
    faults = parser.add_argument_group("what happens")
    faults.add_argument("--all", action="store_true", help="everything below, at once")
    faults.add_argument(
        "--drop",
        type=_share,
        metavar="SHARE",
        help="this share of all links is cut every few seconds, every second one of them "
        "after the chat has answered and before the device received it",
    )
    faults.add_argument(
        "--delay", type=_seconds, metavar="TIME", help="all bytes are late, by so much at the most"
    )
    faults.add_argument(
        "--duplicate",
        action="store_true",
        help="a fifth of all frames is sent twice, and of all messages from another door too",
    )
    faults.add_argument(
        "--kill-every", type=_seconds, metavar="TIME", help="kill -9 a node about so often"
    )
    faults.add_argument(
        "--kills",
        type=_between(int, 0, 1_000),
        default=0,
        help="talk until a node was killed so often, however long it takes",
    )
    faults.add_argument(
        "--redis-off", type=_seconds, metavar="TIME", help="Redis is frozen or stopped so long"
    )
    faults.add_argument(
        "--freeze", type=_seconds, metavar="TIME", help="a node is stopped (SIGSTOP) so long"
    )
    faults.add_argument(
        "--slow-commits", type=_seconds, metavar="TIME", help="no commit ends for so long"
    )
    faults.add_argument(
        "--half-open",
        action="store_true",
        help="links to Redis swallow everything and stay open, every 15 s or so",
    )
    faults.add_argument(
        "--tasks-fail",
        type=_seconds,
        metavar="TIME",
        help="each lasting task of a node throws within this time, again and again",
    )
    return parser


def _seconds(text: str) -> float:
    """Read `90`, `90s`, `500ms` or `2m`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 10s")
    seconds = float(found[1]) * UNITS[found[2]]
    if seconds > 86_400:  # noqa: PLR2004  # a day
        raise argparse.ArgumentTypeError("longer than a day")
    return seconds


def _share(text: str) -> float:
    """Read `30%` or `0.3`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", text)
    share = float(found[1]) / (100 if found[2] else 1) if found else -1
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share such as 30%")
    return share


def _between(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"not between {least:g} and {most:g}")
        return value

    return read


if __name__ == "__main__":
    main()
