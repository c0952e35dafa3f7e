"""The recorded figures as pictures beside the records: latency against rate, and growth."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.figures import Record, load
from benchmarks.rooms import KNEE_MS

PAIRS = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
NODES = {1: "one node", 2: "two nodes"}
SIZE = (9.0, 4.0)


def draw(results: Path) -> None:
    """Write every picture whose figures were recorded into the folder of the results."""
    # Equal figures give an equal file: no date, no chance in the names inside.
    mpl.rcParams.update({"svg.hashsalt": "chat", "font.size": 9, "axes.grid": True})
    # growth-long comes after growth, and takes its place.
    records = sorted(load(results).values(), key=lambda record: record.workload)
    for name, workloads, drawn in (
        ("latency", ("knee",), _latency),
        ("growth", ("growth", "growth-long"), partial(_against, "messages")),
        ("members", ("members",), partial(_against, "members")),
    ):
        if shown := [record for record in records if record.workload in workloads]:
            path = results.parent / f"{name}.svg"
            figure = drawn({f"{PAIRS[one.pair]}, {NODES[one.nodes]}": one for one in shown})
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
    """Draw what each piece of work takes the more there is of `unit`, a panel for each record."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(1, len(records), squeeze=False)[0]
    for panel, (title, record) in zip(panels, records.items(), strict=True):
        points = sorted(record.points, key=lambda point: point[unit])
        for name in [name for name in points[0] if name != unit]:
            scales = [point[unit] for point in points]
            panel.plot(scales, [point[name] for point in points], marker="o", label=name)
        panel.set(title=title, xlabel=unit, ylabel="p50, ms", xscale="log", yscale="log")
    panels[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
