"""From figures to capacity: what follows for more people, by arithmetic that stands here."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from benchmarks.figures import short
from benchmarks.idle import HEARTBEAT_S
from benchmarks.records import Record, markdown

# The people of the tables. PasswordChecker, on the high side; docs/capacity.md explains them.
CONNECTED = 0.10
MESSAGES_A_DAY = 20
PEAK = 4  # the busiest hour against the average
DEVICES = 3  # that hear a message, the sender's other ones included
TEXT_BYTES = 100
USERS = (10_000, 100_000, 1_000_000, 10_000_000)
# A core that is busier makes everybody wait.
FULL = 0.6
DAY_S = 86_400


class Costs(NamedTuple):
    """What things cost, as measured."""

    message_us: float  # of a node: stored, acknowledged, delivered to one device
    delivery_us: float  # of a node: each further device
    heartbeat_us: float
    socket_kib: float
    tab_kib: float
    refresh_us: float
    postgres_us: float
    redis_us: float
    stored_bytes: float

    @classmethod
    def of(cls, records: Mapping[str, Record]) -> Self:
        """Read the costs from what was recorded. Raises KeyError naming what was not."""

        def median(key: str, name: str) -> float:
            value = records[key].median(name)
            if value is None:
                raise KeyError(f"{name} of {key}")
            return value

        nodes, idle, tabs = "nodes postgres 2 nodes", "idle sqlite", "tabs sqlite"
        beating = f"with a heartbeat every {HEARTBEAT_S} s, % of a core"
        percent = median(idle, beating) - median(idle, "silent, % of a core")
        a_second = 1_000 / HEARTBEAT_S
        size = median("growth postgres", "bytes a message on the disk, 1,000,000 messages")
        return cls(
            message_us=median(nodes, "CPU of the nodes, two together, µs a message"),
            delivery_us=median("room of 1,000 sqlite", "server CPU, µs a delivery"),
            heartbeat_us=percent / 100 / a_second * 1e6,
            socket_kib=median(idle, "memory of a socket, KiB"),
            tab_kib=median(tabs, "memory of a tab, KiB"),
            refresh_us=median(tabs, "CPU of a refresh, sending included, ms") * 1000,
            postgres_us=median(nodes, "CPU of postgres, µs a message"),
            redis_us=median(nodes, "CPU of redis-server, µs a message"),
            stored_bytes=size + TEXT_BYTES - 50,
        )


def of_one_core(records: Mapping[str, Record]) -> str:
    """Return the table of what a core carries of each kind of work when it does nothing else."""
    costs = Costs.of(records)
    lines = [("work", "measured", f"a core that is {FULL:.0%} busy carries")]
    for name, cost_us, unit in (
        ("a direct message on a node", costs.message_us, "messages/s"),
        ("a further delivery", costs.delivery_us, "deliveries/s"),
        ("a refreshed tab", costs.refresh_us, "refreshes/s"),
        ("a message in PostgreSQL", costs.postgres_us, "messages/s"),
        ("a message in Redis", costs.redis_us, "messages/s"),
    ):
        lines.append((name, f"{short(cost_us)} µs", f"{_round(FULL * 1e6 / cost_us)} {unit}"))
    sockets = FULL * 1e6 / costs.heartbeat_us * HEARTBEAT_S
    beat = f"{short(costs.heartbeat_us)} µs a heartbeat, one every {HEARTBEAT_S} s"
    lines.append(("a socket that only lives", beat, f"{_round(sockets)} sockets"))
    per_gib = 2**20
    lines.append(
        (
            "memory of a socket",
            f"{short(costs.socket_kib)} KiB",
            f"{_round(per_gib / costs.socket_kib)} a GiB",
        )
    )
    lines.append(
        (
            "memory of a tab",
            f"{short(costs.tab_kib)} KiB",
            f"{_round(per_gib / costs.tab_kib)} a GiB",
        )
    )
    return markdown(lines)


def for_users(records: Mapping[str, Record]) -> str:
    """Return the table of what ever more people need."""
    costs = Costs.of(records)
    columns = [_needs(costs, users) for users in USERS]
    return markdown([("people", *(f"{users:,}" for users in USERS)), *_rows(columns)])


def _needs(costs: Costs, users: int) -> dict[str, str]:
    connected = users * CONNECTED
    messages = users * MESSAGES_A_DAY / DAY_S * PEAK
    deliveries = messages * DEVICES
    talking = messages * (costs.message_us + (DEVICES - 1) * costs.delivery_us) / 1e6
    living = connected / HEARTBEAT_S * costs.heartbeat_us / 1e6
    postgres = messages * costs.postgres_us / 1e6
    a_year = users * MESSAGES_A_DAY * 365 * costs.stored_bytes
    return {
        "connected at the peak": _round(connected),
        "messages/s at the peak": _round(messages),
        "deliveries/s at the peak": _round(deliveries),
        "cores of nodes for messages": _cores(talking),
        "cores of nodes for heartbeats": _cores(living),
        "memory of sockets, GiB": short(connected * costs.socket_kib / 2**20),
        "the same as open tabs, GiB": short(connected * costs.tab_kib / 2**20),
        "cores of PostgreSQL for sends": _cores(postgres),
        "cores of Redis for sends": _cores(messages * costs.redis_us / 1e6),
        "stored in a year, GiB": _round(a_year / 2**30),
    }


def _rows(columns: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return [(name, *(column[name] for column in columns)) for name in columns[0]]


def _cores(busy: float) -> str:
    """Say how many cores are needed when none is to be too busy."""
    return short(busy / FULL)


def _round(value: float) -> str:
    """Two digits: more would pretend to know."""
    digits = max(0, len(str(int(value))) - 2)
    return f"{round(value, -digits):,.0f}"
