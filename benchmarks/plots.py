"""The recorded figures as pictures beside the records: latency against rate, and growth."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.figures import Record, load
from benchmarks.rooms import KNEE_MS

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
    growth = {
        pair: records[key]
        for pair in PAIRS
        for key in (f"growth {pair}", f"growth-long {pair}")
        if key in records
    }
    members = {pair: records[key] for pair in PAIRS if (key := f"members {pair}") in records}
    knees = {title: records[key] for key, title in KNEES.items() if key in records}
    for name, figure in (
        ("latency", _latency(knees) if knees else None),
        ("growth", _against("messages", growth) if growth else None),
        ("members", _against("members", members) if members else None),
    ):
        if figure is not None:
            path = results.parent / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
            print(path)


def _latency(records: Mapping[str, Record]) -> Figure:
    """Draw how long deliveries take the more messages come in."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for number, (title, record) in enumerate(records.items()):
        points = sorted(record.points, key=lambda point: point["rate"])
        rates = [point["rate"] for point in points]
        for name, line in (("p99", "-"), ("p50", ":")):
            took = [point[f"{name}_ms"] for point in points]
            axes.plot(rates, took, f"C{number}.{line}", label=f"{title}, {name}")
    axes.axhline(KNEE_MS, color="grey", linewidth=0.8)
    axes.set(xlabel="messages a second into rooms of ten", ylabel="delivered, ms", yscale="log")
    axes.legend()
    return figure


def _against(unit: str, records: Mapping[str, Record]) -> Figure:
    """Draw what each piece of work takes the more there is of `unit`, a panel for each pair."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(1, len(records), squeeze=False)[0]
    for panel, (pair, record) in zip(panels, records.items(), strict=True):
        points = sorted(record.points, key=lambda point: point[unit])
        for name in [name for name in points[0] if name != unit]:
            scales = [point[unit] for point in points]
            panel.plot(scales, [point[name] for point in points], marker="o", label=name)
        panel.set(title=PAIRS[pair], xlabel=unit, ylabel="p50, ms", xscale="log", yscale="log")
    panels[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
