"""Simulate delivery under faults, as often as one likes: `python -m simulation --seeds 100000`.

Each seed decides a whole run: who talks, what breaks, every delay and every order; the same seed
repeats it. A seed that fails is printed, and shrunk to a short story. The exit code is 0 only when
every run kept every promise.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext

from simulation.checker import check
from simulation.mutations import MUTATIONS
from simulation.plan import Plan, plan_of
from simulation.run import run
from simulation.shrink import failures, shrink
from simulation.story import story

SEEDS = 2_000
CHUNK = 50
MAX_STORIES = 3


def main() -> None:
    """Run what the command line asks for; exit with 1 if a promise was broken."""
    options = _parser().parse_args()
    mutation = options.mutation
    if options.mutations:
        _try_mutations(options.first, options.seeds)
        return
    if options.seed is not None:
        with _broken(mutation):
            sys.exit(_tell(options.seed, shrinks=options.shrink))
    started = time.monotonic()
    failed = list(_failing(options.first, options.seeds, options.workers, mutation))
    for seed in failed[:MAX_STORIES]:
        with _broken(mutation):
            _tell(seed, shrinks=options.shrink)
    print(
        f"{len(failed)} of {options.seeds:,} seeds failed in {time.monotonic() - started:.0f} s"
        + (f": {', '.join(map(str, failed[:20]))}" if failed else "")
    )
    sys.exit(1 if failed else 0)


def failing_seeds(first: int, count: int, mutation: str | None = None) -> list[int]:
    """Return the seeds whose runs break a promise, of `count` after `first`."""
    with _broken(mutation):
        return [seed for seed in range(first, first + count) if failures(plan_of(seed))]


def _try_mutations(first: int, count: int) -> None:
    """Print after how many seeds each fault that is put into the chat is found."""
    for name in MUTATIONS:
        found = next(
            (seed for seed in range(first, first + count) if failing_seeds(seed, 1, name)), None
        )
        print(
            f"{name}: " + ("not found" if found is None else f"{found - first + 1:,}"), flush=True
        )


def _failing(first: int, count: int, workers: int, mutation: str | None) -> Iterator[int]:
    chunks = [
        (start, min(CHUNK, first + count - start)) for start in range(first, first + count, CHUNK)
    ]
    with ProcessPoolExecutor(workers) as pool:
        starts, counts = zip(*chunks, strict=True)
        mutations = [mutation] * len(chunks)
        for failed in pool.map(failing_seeds, starts, counts, mutations):
            for seed in failed:
                print(f"seed {seed} fails", flush=True)
                yield seed


def _broken(mutation: str | None) -> AbstractContextManager[object]:
    return nullcontext() if mutation is None else MUTATIONS[mutation]()


def _tell(seed: int, *, shrinks: bool) -> int:
    """Print the story of a seed, shrunk if it fails; return the exit code."""
    plan = plan_of(seed)
    violations = failures(plan)
    if violations and shrinks:
        kinds = {one.kind for one in violations}

        def fails(smaller: Plan) -> bool:
            return bool(kinds & {one.kind for one in failures(smaller)})

        plan = shrink(plan, fails)
    finished = run(plan)
    found = check(finished.history, finished.tables)
    print(story(finished, found) + "\n", flush=True)
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many (default %(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="where they begin")
    parser.add_argument("--seed", type=int, help="tell the story of this one only")
    parser.add_argument("--workers", type=int, default=2, help="processes (default %(default)s)")
    parser.add_argument(
        "--mutation",
        choices=MUTATIONS,
        metavar="NAME",
        help="break the chat like this: " + "; ".join(MUTATIONS),
    )
    parser.add_argument(
        "--mutations", action="store_true", help="try all of these, each until a seed finds it"
    )
    parser.add_argument(
        "--no-shrink", dest="shrink", action="store_false", help="tell the whole story"
    )
    return parser


if __name__ == "__main__":
    main()
