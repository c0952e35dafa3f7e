"""Figures of one workload over several runs, with their spread, and the targets beside them."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Check = Callable[[float], bool]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed (0 when there are none)."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def at_most(most: float) -> "Target":
    """Demand a value of no more than `most`."""
    return Target(f"≤ {most:g}", lambda value: value <= most)


def at_least(least: float) -> "Target":
    """Demand a value of no less than `least`."""
    return Target(f"≥ {least:g}", lambda value: value >= least)


@dataclass(frozen=True)
class Target:
    """What a figure should be."""

    text: str
    reached: Check


@dataclass
class Figures:
    """The figures of one workload: the values of every run, by name."""

    workload: str
    setting: str  # size, fan-out and whatever else a reader must know
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    targets: dict[str, Target] = field(default_factory=dict)

    def add(self, name: str, value: float, target: Target | None = None) -> None:
        """Note a value of the present run."""
        self.values[name].append(value)
        if target is not None:
            self.targets[name] = target

    def median(self, name: str) -> float:
        """Return the median over the runs."""
        return statistics.median(self.values[name])

    def rows(self) -> list[tuple[str, ...]]:
        """Return a table row for each figure."""
        return [
            (
                self.workload,
                name,
                _short(self.median(name)),
                f"{_short(min(values))}-{_short(max(values))}" if len(values) > 1 else "",
                str(len(values)),
                self._verdict(name),
            )
            for name, values in self.values.items()
        ]

    def as_json(self) -> dict[str, object]:
        """Return everything, for a program."""
        return {
            "workload": self.workload,
            "setting": self.setting,
            "figures": {
                name: {
                    "median": self.median(name),
                    "values": values,
                    "target": self.targets[name].text if name in self.targets else None,
                    "reached": self._reached(name),
                }
                for name, values in self.values.items()
            },
        }

    def _reached(self, name: str) -> bool | None:
        target = self.targets.get(name)
        return None if target is None else target.reached(self.median(name))

    def _verdict(self, name: str) -> str:
        target = self.targets.get(name)
        if target is None:
            return ""
        return f"{target.text} {'reached' if self._reached(name) else '**missed**'}"


def _short(value: float) -> str:
    if value >= 100:  # noqa: PLR2004  # from here on decimals are noise
        return f"{value:,.0f}"
    return f"{value:.3g}"


HEAD = ("workload", "figure", "median", "min-max", "runs", "target")


def table(machine: dict[str, str], everything: Sequence[Figures]) -> str:
    """Return the report as Markdown."""
    lines = [f"- {name}: {value}" for name, value in machine.items()]
    lines += [f"- *{figures.workload}*: {figures.setting}" for figures in everything]
    lines += ["", _row(HEAD), _row(("---",) * len(HEAD))]
    lines += [_row(row) for figures in everything for row in figures.rows()]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
