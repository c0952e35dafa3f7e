"""Metrics: counters, histograms and gauges of a node.

A counter only adds to a number. A value that is kept anyway, such as the depth of a queue, is a
gauge, read on demand. Each node has its own register, which `api/metrics.py` exports to Prometheus.
The value of a name that ends in `_total` only grows.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
# Labels are never input; this bounds the memory should one be by mistake.
MAX_PARTS = 1_000
OTHER = "other"


class Counter:
    """A number of occurrences."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, times: int = 1) -> None:
        """Add one, or `times`."""
        self.value += times


class Histogram:
    """Counts of values by upper bound, the last without one, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value once, or `times`."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times


Part = TypeVar("Part", Counter, Histogram)


class Family(Generic[Part]):
    """Counters or histograms of one name, one for each combination of label values."""

    def __init__(
        self, name: str, about: str, labels: tuple[str, ...], make: Callable[[], Part]
    ) -> None:
        self.name = name
        self.about = about
        self.labels = labels
        self.parts: dict[tuple[str, ...], Part] = {}
        self._make: Callable[[], Part] = make

    def of(self, *values: str) -> Part:
        """Return the counter or histogram with these label values."""
        part = self.parts.get(values)
        if part is None:
            if len(self.parts) >= MAX_PARTS:
                values = (OTHER,) * len(self.labels)
            part = self.parts.setdefault(values, self._make())
        return part


class Gauge:
    """A value, or one for each value of a label, that is read on demand."""

    def __init__(
        self, name: str, about: str, label: str, read: Callable[[], Mapping[str, float]]
    ) -> None:
        self.name = name
        self.about = about
        self.label = label
        self.read = read


class Metrics:
    """The register of one node; the same name returns the same counters."""

    def __init__(self) -> None:
        self.counter_families: dict[str, Family[Counter]] = {}
        self.histogram_families: dict[str, Family[Histogram]] = {}
        self.readings: dict[str, Gauge] = {}

    def counter(self, name: str, about: str) -> Counter:
        """Return the counter of that name."""
        return self.counters(name, about).of()

    def counters(self, name: str, about: str, *labels: str) -> Family[Counter]:
        """Return the counters of that name."""
        return self.counter_families.setdefault(name, Family(name, about, labels, Counter))

    def histogram(self, name: str, about: str, bounds: Sequence[float] = SECONDS) -> Histogram:
        """Return the histogram of that name."""
        family = Family(name, about, (), lambda: Histogram(bounds))
        return self.histogram_families.setdefault(name, family).of()

    def histograms(self, name: str, about: str, *labels: str) -> Family[Histogram]:
        """Return the histograms of that name, of seconds."""
        return self.histogram_families.setdefault(name, Family(name, about, labels, Histogram))

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Register `read()` as the value of that name, in place of an earlier one."""
        self.gauges(name, about, "", lambda: {"": read()})

    def gauges(
        self, name: str, about: str, label: str, read: Callable[[], Mapping[str, float]]
    ) -> None:
        """Register `read()` as the values of that name, by the value of `label`."""
        self.readings[name] = Gauge(name, about, label, read)
