"""What was measured, kept as JSON lines: one line a workload, pair and number of nodes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from benchmarks.figures import Figures, Row
from benchmarks.workload import Plan
from chat_app.core.clock import utc_now

HEAD = ("figure", "median", "min-max", "target", "")


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
        """What the record is of: a later one of the same takes its place."""
        nodes = f" {self.nodes} nodes" if self.nodes > 1 else ""
        return f"{self.workload} {self.pair}{nodes}"

    def table(self) -> str:
        """Return the figures as Markdown."""
        return markdown([HEAD, *(row.cells() for row in self.figures)])

    def median(self, name: str) -> float | None:
        """Return a figure, or None where it was not measured."""
        rows = [row for row in self.figures if row.name == name]
        return rows[0].median() if rows else None


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first row is its head."""
    head, *others = rows
    lines = [head, ("---",) * len(head), *others]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def record_of(figures: Figures, plan: Plan, command: str, machine: dict[str, str]) -> Record:
    """Return the record of what has just been measured."""
    return Record(
        workload=figures.workload,
        pair=plan.pair,
        nodes=plan.nodes,
        command=command,
        setting=figures.setting,
        at=utc_now().strftime("%Y-%m-%d %H:%M"),
        machine=machine,
        figures=figures.rows(),
        points=figures.points,
    )


def load(path: Path) -> dict[str, Record]:
    """Return what a file holds, by key; nothing when there is none yet."""
    if not path.exists():
        return {}
    decode = msgspec.json.Decoder(Record).decode
    records = [decode(line) for line in path.read_bytes().splitlines()]
    return {record.key: record for record in records}


def keep(path: Path, records: Iterable[Record]) -> None:
    """Put records into a file, each in the place of an older one of the same."""
    everything = load(path) | {record.key: record for record in records}
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [msgspec.json.encode(record) + b"\n" for record in everything.values()]
    path.write_bytes(b"".join(lines))
