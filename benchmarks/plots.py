"""The recorded figures as pictures beside the documents."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.libraries import LIBRARIES
from benchmarks.records import Record, load
from benchmarks.rooms import KNEE_MS

Records = Mapping[str, Record]

PAIRS = {"sqlite": "SQLite", "postgres": "PostgreSQL, Redis"}
KNEES = {
    "knee sqlite": "SQLite, one node",
    "knee postgres": "PostgreSQL, one node",
    "knee postgres 2 nodes": "PostgreSQL, two nodes",
}
SIZE = (9.0, 4.0)


def draw(results: Path) -> None:
    """Write every picture whose figures were recorded into the folder of the results."""
    # Equal figures give an equal file: no date, no chance in the names inside.
    mpl.rcParams.update({"svg.hashsalt": "chat", "font.size": 9, "axes.grid": True})
    records = load(results)
    for name, picture in PICTURES.items():
        figure = picture(records)
        if figure is not None:
            path = results.parent / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
            print(path)


def _latency(records: Records) -> Figure | None:
    """Draw how long deliveries take the more messages come in."""
    found = {title: records[key] for key, title in KNEES.items() if key in records}
    if not found:
        return None
    figure, axes = _panels(1)
    for number, (title, record) in enumerate(found.items()):
        points = sorted(record.points, key=lambda point: point["rate"])
        rates = [point["rate"] for point in points]
        for name, style in (("p99", "-"), ("p50", ":")):
            took = [point[f"{name}_ms"] for point in points]
            axes[0].plot(
                rates, took, style, color=f"C{number}", marker=".", label=f"{title}, {name}"
            )
    axes[0].axhline(KNEE_MS, color="grey", linewidth=0.8)
    axes[0].set(xlabel="messages a second into rooms of ten", ylabel="delivered, ms", yscale="log")
    axes[0].legend()
    return figure


def _growth(records: Records) -> Figure | None:
    """Draw what each piece of work takes the more messages there are."""
    found = {
        title: records.get(f"growth-long {pair}") or records[f"growth {pair}"]
        for pair, title in PAIRS.items()
        if f"growth {pair}" in records or f"growth-long {pair}" in records
    }
    return _against("messages", found)


def _members(records: Records) -> Figure | None:
    """Draw the same for the members of one conversation."""
    found = {
        title: records[f"members {pair}"]
        for pair, title in PAIRS.items()
        if f"members {pair}" in records
    }
    return _against("members", found)


def _against(unit: str, found: Mapping[str, Record]) -> Figure | None:
    if not found:
        return None
    figure, axes = _panels(len(found))
    for panel, (title, record) in zip(axes, found.items(), strict=True):
        points = sorted(record.points, key=lambda point: point[unit])
        for name in points[0]:
            if name != unit:
                scales = [point[unit] for point in points]
                panel.plot(scales, [point[name] for point in points], marker="o", label=name)
        panel.set(title=title, xlabel=unit, ylabel="p50, ms", xscale="log", yscale="log")
    axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _memory(records: Records) -> Figure | None:
    """Draw what a socket and a tab hold in memory, by server library."""
    return _bars(
        records,
        {
            "idle, memory of a socket, KiB": "KiB a silent socket",
            "tabs, memory of a tab, KiB": "KiB an open tab",
        },
    )


def _servers(records: Records) -> Figure | None:
    """Draw what each library takes of the server's processor."""
    return _bars(
        records,
        {
            "direct, server CPU, µs a message": "µs a direct message",
            "fan-out, server CPU, µs a delivery": "µs a delivery to a room of 500",
            "tabs, CPU of a refresh, sending included, ms": "ms a refreshed tab",
        },
    )


def _bars(records: Records, shown: Mapping[str, str]) -> Figure | None:
    record = records.get("libraries sqlite")
    if record is None:
        return None
    figure, axes = _panels(len(shown))
    for panel, (name, label) in zip(axes, shown.items(), strict=True):
        heights = [record.median(f"{library}: {name}") or 0 for library in LIBRARIES.values()]
        bars = panel.bar(list(LIBRARIES.values()), heights, color=["C0", "C1", "C2"])
        panel.bar_label(bars, fmt="%.3g")
        panel.set(title=label)
        panel.set_xticks(
            range(len(LIBRARIES)), [name.replace(", ", ",\n") for name in LIBRARIES.values()]
        )
        panel.grid(visible=False, axis="x")
    return figure


def _panels(count: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)
    return figure, cast("Sequence[Axes]", axes[0])


PICTURES: dict[str, Callable[[Records], Figure | None]] = {
    "latency": _latency,
    "growth": _growth,
    "members": _members,
    "memory": _memory,
    "servers": _servers,
}
