"""The recorded figures as tables, written between the marks that stand in the documents.

A mark is `<!-- figures KEY -->`, and what follows it up to `<!-- end -->` is replaced. The key is
that of a record, or one of DERIVED: `targets` has every figure with a target.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.capacity import for_users, of_one_core
from benchmarks.figures import Row, short
from benchmarks.libraries import LIBRARIES
from benchmarks.records import HEAD, Record, load, markdown

DOCUMENTS = (Path("docs/performance.md"), Path("docs/capacity.md"))
MARKED = re.compile(r"<!-- figures (?P<key>[^>]+) -->\n.*?<!-- end -->", re.DOTALL)
GROWN = re.compile(r"(?P<work>.+), (?P<scale>[\d,]+) (?P<unit>messages|members), p50, ms")


def fill(results: Path, documents: Sequence[Path] = DOCUMENTS) -> None:
    """Write every table; exit with 1 naming what is marked and was not recorded."""
    records = load(results)
    missing: list[str] = []

    def filled(match: re.Match[str]) -> str:
        key = match["key"]
        try:
            text = DERIVED[key](records) if key in DERIVED else _section(records[key])
        except KeyError as error:
            missing.append(str(error.args[0]))
            return match[0]
        return f"<!-- figures {key} -->\n{text}\n<!-- end -->"

    for document in documents:
        document.write_text(MARKED.sub(filled, document.read_text()))
    if missing:
        sys.exit(f"not recorded in {results}: {', '.join(missing)}")


def _section(record: Record) -> str:
    load_average = record.machine.get("load average at the start", "?")
    about = f"`{record.command}`, {record.at}, load average {load_average}; {record.setting}."
    return f"{about}\n\n{_table(record)}"


def _table(record: Record) -> str:
    if any(GROWN.fullmatch(row.name) for row in record.figures):
        return _grown(record)
    if record.workload == "libraries":
        return _side_by_side(record)
    return record.table()


def _targets(records: Mapping[str, Record]) -> str:
    rows = [
        (record.key, *row.cells())
        for record in records.values()
        for row in record.figures
        if row.target
    ]
    return markdown([("workload", *HEAD), *rows])


def _grown(record: Record) -> str:
    """Put the scales of each piece of work side by side."""
    rows = {row.name: row for row in record.figures}
    matches = [match for name in rows if (match := GROWN.fullmatch(name))]
    scales = list(dict.fromkeys(match["scale"] for match in matches))
    works = list(dict.fromkeys(match["work"] for match in matches))
    unit = matches[0]["unit"]
    # The last of the ratios: that of the largest scale.
    ratios = {name.partition(", ")[0]: row for name, row in rows.items() if " / " in name}
    compared = ratios[works[0]].name.partition(", ")[2]
    lines = [("p50 / p99, ms", *(f"{scale} {unit}" for scale in scales), compared, "")]
    for work in works:
        times = [
            " / ".join(
                short(rows[f"{work}, {scale} {unit}, {part}, ms"].median())
                for part in ("p50", "p99")
            )
            for scale in scales
        ]
        ratio = ratios[work]
        lines.append((work, *times, f"{short(ratio.median())} ({ratio.target})", ratio.verdict))
    sizes = [rows.get(f"bytes a message on the disk, {scale} {unit}") for scale in scales]
    if all(sizes):
        stored = [short(size.median()) for size in sizes if isinstance(size, Row)]
        lines.append(("bytes a message on the disk", *stored, "", ""))
    return markdown(lines)


def _side_by_side(record: Record) -> str:
    """Put the server libraries side by side."""
    rows = {row.name: row for row in record.figures}
    names = list(LIBRARIES.values())
    figures = list(dict.fromkeys(name.partition(": ")[2] for name in rows))
    lines = [("median", *names)]
    for figure in figures:
        medians = [short(rows[f"{name}: {figure}"].median()) for name in names]
        lines.append((figure, *medians))
    return markdown(lines)


DERIVED: dict[str, Callable[[Mapping[str, Record]], str]] = {
    "targets": _targets,
    "one core": of_one_core,
    "people": for_users,
}
