"""Capacity from measured costs: what follows for one core, and for ever more people."""

from collections.abc import Mapping

from benchmarks.figures import Record, markdown, short
from benchmarks.idle import HEARTBEAT_S

# The people of the tables. Guesses, on the high side; docs/capacity.md explains them.
CONNECTED = 0.10
MESSAGES_A_DAY = 20
PEAK = 4  # the busiest hour against the average
DEVICES = 3  # that receive a message, the sender's other ones included
TEXT_BYTES = 100
USERS = (10_000, 100_000, 1_000_000, 10_000_000)
# Latency grows on a core that is busier.
FULL = 0.6
DAY_S = 86_400
GIB_IN_KIB = 2**20


def capacity(records: Mapping[str, Record]) -> list[str]:
    """Return both tables, under a title each. Raises KeyError naming what was not recorded."""
    nodes, idle = records["nodes postgres 2 nodes"], records["idle sqlite"]
    tabs, growth = records["tabs sqlite"], records["growth postgres"]
    message = nodes.median("CPU of the nodes, two together, µs a message")
    delivery = records["room of 1,000 sqlite"].median("server CPU, µs a delivery")
    refresh = tabs.median("CPU of a refresh, sending included, ms") * 1000
    postgres = nodes.median("CPU of postgres, µs a message")
    redis = nodes.median("CPU of redis-server, µs a message")
    beating = idle.median(f"with a heartbeat every {HEARTBEAT_S} s, % of a core")
    # The heartbeats of a thousand sockets.
    heartbeat = (beating - idle.median("silent, % of a core")) * 10 * HEARTBEAT_S
    socket, tab = idle.median("memory of a socket, KiB"), tabs.median("memory of a tab, KiB")
    stored = growth.median("bytes a message on the disk, 1,000,000 messages") + TEXT_BYTES - 50

    core = [
        ("work", "measured", f"a core that is {FULL:.0%} busy carries"),
        _work("a direct message on a node", message, "messages/s"),
        _work("a further delivery", delivery, "deliveries/s"),
        _work("a refreshed tab", refresh, "refreshes/s"),
        _work("a message in PostgreSQL", postgres, "messages/s"),
        _work("a message in Redis", redis, "messages/s"),
        (
            "a socket that only lives",
            f"{short(heartbeat)} µs a heartbeat, one every {HEARTBEAT_S} s",
            f"{_round(FULL * 1e6 / heartbeat * HEARTBEAT_S)} sockets",
        ),
        ("memory of a socket", f"{short(socket)} KiB", f"{_round(GIB_IN_KIB / socket)} a GiB"),
        ("memory of a tab", f"{short(tab)} KiB", f"{_round(GIB_IN_KIB / tab)} a GiB"),
    ]
    per_second = [users * MESSAGES_A_DAY / DAY_S * PEAK for users in USERS]
    connected = [users * CONNECTED for users in USERS]
    a_year = MESSAGES_A_DAY * 365 * stored / 2**30
    to_three = message + (DEVICES - 1) * delivery
    people = [
        ("people", *(f"{users:,}" for users in USERS)),
        ("connected at the peak", *map(_round, connected)),
        ("messages/s at the peak", *map(_round, per_second)),
        ("deliveries/s at the peak", *(_round(rate * DEVICES) for rate in per_second)),
        ("cores of nodes for messages", *_cores(per_second, to_three)),
        ("cores of nodes for heartbeats", *_cores(connected, heartbeat / HEARTBEAT_S)),
        ("memory of sockets, GiB", *(short(one * socket / GIB_IN_KIB) for one in connected)),
        ("the same as open tabs, GiB", *(short(one * tab / GIB_IN_KIB) for one in connected)),
        ("cores of PostgreSQL for sends", *_cores(per_second, postgres)),
        ("cores of Redis for sends", *_cores(per_second, redis)),
        ("stored in a year, GiB", *(_round(users * a_year) for users in USERS)),
    ]
    return ["## One core", markdown(core), "## People", markdown(people)]


def _work(name: str, cost_us: float, unit: str) -> tuple[str, str, str]:
    return name, f"{short(cost_us)} µs", f"{_round(FULL * 1e6 / cost_us)} {unit}"


def _cores(rates: list[float], cost_us: float) -> list[str]:
    """Return how many cores are needed when none is to be too busy."""
    return [short(rate * cost_us / 1e6 / FULL) for rate in rates]


def _round(value: float) -> str:
    """Return a number with two digits: more would pretend to be exact."""
    digits = max(0, len(str(int(value))) - 2)
    return f"{round(value, -digits):,.0f}"
