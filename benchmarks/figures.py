"""Figures of a workload: collected over several runs, compared with targets, kept as JSON lines."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.workload import Plan
from chat_app.core.clock import utc_now

HEAD = ("figure", "median", "min-max", "target", "")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed (0 when there are none)."""
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Row(msgspec.Struct):
    """A figure as tables and records have it: a value of every run, judged by their median."""

    name: str
    values: list[float]
    target: str = ""
    verdict: str = ""

    def median(self) -> float:
        """Return the median over the runs."""
        return statistics.median(self.values)

    def cells(self) -> tuple[str, ...]:
        """Return the figure as a table shows it."""
        spread = f"{short(min(self.values))}-{short(max(self.values))}"
        spread = spread if len(self.values) > 1 else ""
        return (self.name, short(self.median()), spread, self.target, self.verdict)


@dataclass
class Figures:
    """The figures of one workload, by name."""

    workload: str
    setting: str  # size, fan-out and whatever else a reader must know
    rows: dict[str, Row] = field(default_factory=dict)
    # The points of a plot: one dictionary each.
    points: list[dict[str, float]] = field(default_factory=list)

    def add(
        self, name: str, value: float, *, most: float | None = None, least: float | None = None
    ) -> None:
        """Record a value of the present run; its target is to be `most` or `least` that."""
        row = self.rows.setdefault(name, Row(name, []))
        row.values.append(value)
        if most is not None:
            row.target, reached = f"≤ {most:g}", row.median() <= most
        elif least is not None:
            row.target, reached = f"≥ {least:g}", row.median() >= least
        else:
            return
        row.verdict = "PASS" if reached else "MISS"

    def add_times(
        self,
        name: str,
        took: Sequence[float],
        *,
        most_p50: float | None = None,
        most_p99: float | None = None,
    ) -> None:
        """Record the median and the 99th percentile of times in ms."""
        self.add(f"{name}p50, ms", percentile(took, 50), most=most_p50)
        self.add(f"{name}p99, ms", percentile(took, 99), most=most_p99)


class Record(msgspec.Struct, frozen=True):
    """The figures of one workload, with what a reader must know to believe them."""

    workload: str
    pair: str
    nodes: int
    command: str
    setting: str
    at: str
    machine: dict[str, str]
    figures: list[Row]
    points: list[dict[str, float]]

    @property
    def key(self) -> str:
        """Return the identity of the record: a later one with the same key replaces it."""
        nodes = f" {self.nodes} nodes" if self.nodes > 1 else ""
        return f"{self.workload} {self.pair}{nodes}"

    def table(self) -> str:
        """Return the figures as Markdown."""
        return markdown([HEAD, *(row.cells() for row in self.figures)])

    def median(self, name: str) -> float:
        """Return a figure. Raises KeyError where it was not measured."""
        for row in self.figures:
            if row.name == name:
                return row.median()
        raise KeyError(f"{name} of {self.key}")


def short(value: float) -> str:
    """Return a number with three digits."""
    if value >= 100:  # noqa: PLR2004  # from here on decimals are noise
        return f"{value:,.0f}"
    return f"{value:.3g}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first row is its head."""
    head, *others = rows
    lines = [head, ("---",) * len(head), *others]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def record_of(figures: Figures, plan: Plan, machine: dict[str, str]) -> Record:
    """Return the record of what has just been measured."""
    return Record(
        workload=figures.workload,
        pair=plan.pair,
        nodes=plan.nodes,
        command=plan.command,
        setting=figures.setting,
        at=utc_now().strftime("%Y-%m-%d %H:%M"),
        machine=machine,
        figures=list(figures.rows.values()),
        points=figures.points,
    )


def load(path: Path) -> dict[str, Record]:
    """Return the records of a file, by key; none when the file does not exist."""
    if not path.exists():
        return {}
    decode = msgspec.json.Decoder(Record).decode
    records = [decode(line) for line in path.read_bytes().splitlines()]
    return {record.key: record for record in records}


def keep(path: Path, records: Iterable[Record]) -> None:
    """Put records into a file, each in the place of an older one of the same."""
    everything = load(path) | {record.key: record for record in records}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in everything.values()))
