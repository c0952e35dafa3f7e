"""Figures of one workload over several runs, with their spread, and the targets beside them."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

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


class Row(msgspec.Struct, frozen=True):
    """A figure as tables and records have it."""

    name: str
    values: list[float]
    target: str
    verdict: str

    def median(self) -> float:
        """Return the median over the runs."""
        return statistics.median(self.values)

    def cells(self) -> tuple[str, ...]:
        """Return what a table shows of it."""
        spread = f"{short(min(self.values))}-{short(max(self.values))}"
        return (
            self.name,
            short(self.median()),
            spread if len(self.values) > 1 else "",
            self.target,
            self.verdict,
        )


@dataclass
class Figures:
    """The figures of one workload: the values of every run, by name."""

    workload: str
    setting: str  # size, fan-out and whatever else a reader must know
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    targets: dict[str, Target] = field(default_factory=dict)
    # What a plot shows: one dictionary a point.
    points: list[dict[str, float]] = field(default_factory=list)

    def add(self, name: str, value: float, target: Target | None = None) -> None:
        """Note a value of the present run."""
        self.values[name].append(value)
        if target is not None:
            self.targets[name] = target

    def take(self, other: "Figures", prefix: str, names: Sequence[str]) -> None:
        """Note some figures of a part of this workload under longer names."""
        for name in names:
            for value in other.values[name]:
                self.add(f"{prefix}{name}", value)

    def median(self, name: str) -> float:
        """Return the median over the runs."""
        return statistics.median(self.values[name])

    def rows(self) -> list[Row]:
        """Return a table row for each figure."""
        return [Row(name, values, *self._verdict(name)) for name, values in self.values.items()]

    def _verdict(self, name: str) -> tuple[str, str]:
        target = self.targets.get(name)
        if target is None:
            return "", ""
        return target.text, "PASS" if target.reached(self.median(name)) else "MISS"


def short(value: float) -> str:
    if value >= 100:  # noqa: PLR2004  # from here on decimals are noise
        return f"{value:,.0f}"
    return f"{value:.3g}"
