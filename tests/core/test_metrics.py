"""Metrics: counters, histograms and gauges by name, in a bounded register for each node."""

import pytest

from chat_app.core.metrics import MAX_PARTS, OTHER, Metrics


def test_the_same_name_is_the_same_counter() -> None:
    metrics = Metrics()

    metrics.counter("chat_things_total", "Things").add()
    metrics.counter("chat_things_total", "Things").add(2)

    assert metrics.counter("chat_things_total", "Things").value == 3


def test_two_registers_have_separate_counters() -> None:
    one, other = Metrics(), Metrics()

    one.counter("chat_things_total", "Things").add()

    assert other.counter("chat_things_total", "Things").value == 0


def test_a_value_on_a_bound_counts_below_it() -> None:
    histogram = Metrics().histogram("chat_sizes", "Sizes", (1, 2))

    histogram.add(1)
    histogram.add(1.5, times=2)
    histogram.add(99)

    assert histogram.counts == [1, 2, 1]
    assert histogram.sum == pytest.approx(103)


def test_the_number_of_label_values_is_bounded() -> None:
    family = Metrics().counters("chat_things_total", "Things", "kind")

    for number in range(MAX_PARTS + 50):
        family.of(str(number)).add()

    assert len(family.parts) == MAX_PARTS + 1
    assert family.of(OTHER).value == 50


def test_a_gauge_is_read_on_demand_and_the_last_one_replaces_others() -> None:
    metrics = Metrics()
    waiting = [1, 2]
    metrics.gauge("chat_waiting", "Waiting", lambda: -1)
    metrics.gauge("chat_waiting", "Waiting", lambda: len(waiting))
    waiting.append(3)

    assert metrics.readings["chat_waiting"].read() == {"": 3}
