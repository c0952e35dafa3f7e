"""The recorded figures as Markdown tables, a page for each kind of workload, beside the records."""

import re
import sys
from pathlib import Path

from benchmarks.capacity import capacity
from benchmarks.figures import HEAD, Record, load, markdown, short

# The pages, and the workloads of each; any other workload has one of its own.
PAGES = {
    "direct": ("direct",),
    "rooms": ("open", "knee", "room of 1,000", "room of 5,000", "marks"),
    "browser": ("boot", "outbox", "response", "scrolling", "lighthouse"),
    "growth": ("growth", "growth-long", "members"),
    "presence": ("presence", "storm"),
}
GROWN = re.compile(r"(?P<work>.+), (?P<scale>[\d,]+) (?P<unit>messages|members), p50, ms")
NOTE = "Written by `make bench ARGS=tables`; [performance](../performance.md) explains the figures."


def write(results: Path) -> None:
    """Write every page; exit with 1 naming a figure that was not recorded and is needed."""
    try:
        made = pages(load(results))
    except KeyError as error:
        sys.exit(f"not recorded in {results}: {error.args[0]}")
    for name, text in made.items():
        (results.parent / f"{name}.md").write_text(text)


def pages(records: dict[str, Record]) -> dict[str, str]:
    """Return the text of each page by its name. Raises KeyError."""
    parts = {"targets": [_targets(records)], "capacity": capacity(records)}
    for record in records.values():
        found = (page for page, workloads in PAGES.items() if record.workload in workloads)
        page = next(found, record.workload.replace(" ", "-"))
        parts.setdefault(page, []).append(_section(record))
    return {
        name: "\n\n".join([f"# {name.capitalize()}", NOTE, *parts[name]]) + "\n" for name in parts
    }


def _targets(records: dict[str, Record]) -> str:
    rows = [
        (record.key, *row.cells())
        for record in records.values()
        for row in record.figures
        if row.target
    ]
    return markdown([("workload", *HEAD), *rows])


def _section(record: Record) -> str:
    load_average = record.machine.get("load average at the start", "?")
    about = f"`{record.command}`, {record.at}, load average {load_average}; {record.setting}."
    grown = any(GROWN.fullmatch(row.name) for row in record.figures)
    table = _grown(record) if grown else record.table()
    return f"## {record.key}\n\n{about}\n\n{table}"


def _grown(record: Record) -> str:
    """Put the scales of each piece of work side by side."""
    rows = {row.name: row for row in record.figures}
    matches = [match for name in rows if (match := GROWN.fullmatch(name))]
    scales = list(dict.fromkeys(match["scale"] for match in matches))
    unit = matches[0]["unit"]
    # The last of the ratios: that of the largest scale.
    ratios = {name.partition(", ")[0]: row for name, row in rows.items() if " / " in name}
    compared = next(iter(ratios.values())).name.partition(", ")[2]
    lines = [("p50 / p99, ms", *(f"{scale} {unit}" for scale in scales), compared, "")]
    for work, ratio in ratios.items():
        times = [
            " / ".join(
                short(record.median(f"{work}, {scale} {unit}, {part}, ms"))
                for part in ("p50", "p99")
            )
            for scale in scales
        ]
        lines.append((work, *times, f"{short(ratio.median())} ({ratio.target})", ratio.verdict))
    sizes = [f"bytes a message on the disk, {scale} {unit}" for scale in scales]
    if set(sizes) <= set(rows):
        stored = [short(record.median(size)) for size in sizes]
        lines.append(("bytes a message on the disk", *stored, "", ""))
    return markdown(lines)
