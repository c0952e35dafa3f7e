"""The plan of a run: its chat, its people and its faults."""

from dataclasses import dataclass
from typing import Literal

from chaos.ledger import LEAK_S
from chaos.proxy import CALM, Weather

Pair = Literal["sqlite", "postgres"]


@dataclass(frozen=True)
class Plan:
    """A chat, its people, and what happens to them."""

    pair: Pair = "sqlite"
    nodes: int = 1
    nginx: bool = False  # everybody goes through it, else to a node of their choice
    users: int = 12
    rate: float = 50.0
    seconds: float = 60.0
    # A device may rest for half a minute before it tries again.
    settle_s: float = 90.0
    seed: int = 0
    weather: Weather = CALM
    kill_every_s: float = 0.0  # never
    kills: int = 0  # people talk until there were as many, however long that takes
    redis_off_s: float = 0.0
    freeze_s: float = 0.0
    slow_commits_s: float = 0.0
    half_open: bool = False
    tasks_fail_s: float = 0.0
    browsers: bool = False  # two people at two browsers each, in place of `users` and `rate`
    # Somebody is removed from a group, and added again, about so often.
    moves_s: float = 1.0

    @property
    def leak_s(self) -> float:
        """How long a node may not have read of a removal."""
        return LEAK_S + self.freeze_s + self.slow_commits_s + min(self.tasks_fail_s, LEAK_S)

    def __str__(self) -> str:
        """Return the plan in a line."""
        people = f"{self.users} users with 2 devices each, {self.rate:g} messages/s"
        what = [
            f"{self.pair}, {self.nodes} node{'s' if self.nodes > 1 else ''}"
            + " behind nginx" * self.nginx,
            "2 people with 2 browsers each" if self.browsers else people,
            f"{self.seconds:g} s of",
        ]
        faults = [
            f"{self.weather.drop:.0%} of the links cut every few seconds" * bool(self.weather.drop),
            f"delays up to {self.weather.delay_s:g} s" * bool(self.weather.delay_s),
            f"{self.weather.duplicate:.0%} sent twice" * bool(self.weather.duplicate),
            f"kill -9 every {self.kill_every_s:g} s" * bool(self.kill_every_s),
            f"at least {self.kills} kills" * bool(self.kills),
            f"Redis off for {self.redis_off_s:g} s" * bool(self.redis_off_s),
            f"a node frozen for {self.freeze_s:g} s" * bool(self.freeze_s),
            f"no commit for {self.slow_commits_s:g} s" * bool(self.slow_commits_s),
            "links to Redis that become half open" * self.half_open,
            f"tasks that throw within {self.tasks_fail_s:g} s" * bool(self.tasks_fail_s),
        ]
        return ", ".join(what) + " " + (", ".join(filter(None, faults)) or "calm")
