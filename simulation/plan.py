"""Plan of a run: who talks, what they do and what breaks, all made from one seed."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

Random = random.Random

# What people do.
SEND, GREET, EDIT, DELETE, GROUP = "send", "greet", "edit", "delete", "make a group"
LEAVE, REMOVE, ADD = "leave a group", "remove a member", "add a member"
OF_MEMBERS = {LEAVE, REMOVE, ADD}
# What happens to nodes, to the database, to the bus, to devices.
CRASH, RESTART, STOP, CLOCK = "crash", "restart", "stop", "clock"
AWAY, SILENT, SLOW, ROLLBACK, LOST_ANSWERS, OVERTAKEN, FAR, FLAKY, EXPIRE = (
    "database refuses",
    "database is silent",
    "slow commits",
    "rolled back commits",
    "lost answers of commits",
    "overtaken transactions",
    "far database",
    "flaky database",
    "expire the log",
)
DEAF, DOUBLED, LATE, STALL = "lost wake-ups", "doubled wake-ups", "late wake-ups", "bus stalls"
CUT, HALF_OPEN, SLOW_READER = "cut", "half-open", "slow reader"
FOREIGN, UNREADABLE = "entry of another version", "unreadable entry"
OF_NODES = {CRASH, RESTART, STOP, CLOCK}
SQLITE_SHARE, PAIRS_SHARE, LIMITED_SHARE, LONG_SHARE = 0.25, 0.5, 0.25, 0.05
# Of the runs in which people join and leave groups, and of groups that hide what was before.
MOVING_SHARE, JOINING_SHARE = 0.4, 0.5
# Entries of the log that are younger stay.
EXPIRES_S = 20.0


class Step(NamedTuple):
    """Something that happens: to whom, for how long, and how much of it."""

    at: float
    what: str
    who: int = 0
    for_s: float = 0.0
    amount: float = 0.0

    def __str__(self) -> str:
        """Return the step in words."""
        text = f"{self.at:7.3f} s  {self.what} (number {self.who}"
        if self.for_s:
            text += f", for {self.for_s:.2f} s"
        if self.amount:
            text += f", {self.amount:.2f}"
        return text + ")"


@dataclass(frozen=True)
class Plan:
    """Everything that a seed decides before the run."""

    seed: int
    dialect: str
    nodes: int
    # The number of devices of each person.
    devices: tuple[int, ...]
    # The members of the conversations that exist at the start, by number of the person.
    groups: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, int], ...]
    ends_at: float
    steps: tuple[Step, ...]
    # The `history` of each group, and whether people join and leave them.
    histories: tuple[str, ...]
    are_moving: bool
    # The limits of the chat that are made small, so that a short run reaches them.
    limits: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the plan in words, without its steps."""
        return (
            f"seed {self.seed}: {self.dialect}, {self.nodes} nodes, people with {self.devices} "
            f"devices, groups {self.groups} ({', '.join(self.histories)}), pairs {self.pairs}, "
            f"limits {self.limits or 'as usual'}"
        )


# The limits of the chat, and what they may be made.
LIMITS = {
    "outlet.QUEUE_EVENTS": (1, 8),
    "tail.MAX_BEHIND": (4, 15),
    "tail.MAX_BYTES_AT_ONCE": (50, 500),
    "replay.MAX_CHANGES": (3, 12),
    "resume.MAX_EVENTS_PER_FRAME": (2, 5),
    "writer.BATCH_SIZE": (1, 4),
}


def plan_of(seed: int) -> Plan:
    """Return the plan of a seed."""
    dice = Random(f"plan {seed}")
    dialect = "sqlite" if dice.random() < SQLITE_SHARE else "postgresql"
    nodes = 1 if dialect == "sqlite" else dice.choice((1, 2, 2, 2, 3, 3))
    devices = tuple(dice.choice((1, 1, 1, 2)) for _ in range(dice.randint(2, 4)))
    people = range(len(devices))
    groups = tuple(
        tuple(sorted(dice.sample(people, dice.randint(2, len(people)))))
        for _ in range(dice.randint(1, 2))
    )
    pairs = tuple(
        (one, other)
        for one in people
        for other in people
        if one < other and dice.random() < PAIRS_SHARE
    )
    ends_at = dice.uniform(4, 12)
    talk = _talk(dice, len(devices), sum(devices), ends_at)
    # Half of what breaks does so while people talk.
    moments = [step.at for step in talk]
    steps = [*talk, *_faults(dice, nodes, sum(devices), ends_at, moments)]
    # Of other dice, so that the others throw what they always threw.
    other = Random(f"members {seed}")
    are_moving = other.random() < MOVING_SHARE
    if are_moving:
        steps += _moves(other, devices, groups, ends_at)
    if dice.random() < LONG_SHARE:
        long = _stopped_until_entries_expire(dice, nodes, ends_at)
        steps += long
        ends_at = long[-1].at
    limits = {
        name: dice.randint(*bounds)
        for name, bounds in LIMITS.items()
        if dice.random() < LIMITED_SHARE
    }
    return Plan(
        seed=seed,
        dialect=dialect,
        nodes=nodes,
        devices=devices,
        groups=groups,
        pairs=pairs,
        ends_at=ends_at,
        steps=tuple(sorted(steps)),
        histories=tuple(
            "joining" if are_moving and other.random() < JOINING_SHARE else "all" for _ in groups
        ),
        are_moving=are_moving,
        limits=limits,
    )


def _talk(dice: Random, people: int, devices: int, ends_at: float) -> list[Step]:
    steps = []
    for _ in range(dice.randint(2, 6)):
        # People answer each other at the same moment.
        moment = dice.uniform(0, ends_at)
        for _ in range(dice.randint(1, 4)):
            at = moment + dice.choice((0.0, 0.002, 0.01, 0.05, 0.3)) * dice.random()
            what = dice.choices((SEND, GREET, EDIT, DELETE), (8, 2, 2, 1))[0]
            steps.append(Step(at, what, dice.randrange(devices), amount=dice.randrange(100)))
    for _ in range(dice.choice((0, 0, 1, 1, 2))):
        # A new group is written to at once.
        at, later, maker = dice.uniform(0, ends_at), 0.0, dice.randrange(devices)
        steps.append(Step(at, GROUP, maker, amount=dice.randrange(1, 2**people)))
        for _ in range(dice.randint(1, 3)):
            later = at + dice.choice((0.003, 0.01, 0.05)) * dice.random()
            writer = dice.choice((maker, dice.randrange(devices)))
            steps.append(Step(later, SEND, writer, amount=99))
        # Its messages are stored together with first ones between two people.
        steps.append(Step(later, GREET, dice.randrange(devices), amount=dice.randrange(100)))
    return steps


def _moves(
    dice: Random, devices: tuple[int, ...], groups: tuple[tuple[int, ...], ...], ends_at: float
) -> list[Step]:
    """Return how people leave groups, are removed and added again, while others write to them."""
    steps = []
    for _ in range(dice.randint(1, 4)):
        group, person = dice.randrange(len(groups)), dice.randrange(len(devices))
        at = dice.uniform(0, ends_at)
        what = dice.choice((LEAVE, REMOVE, REMOVE))
        for _ in range(dice.randint(1, 3)):
            # Of the group and the person.
            steps.append(Step(at, what, group, amount=person))
            for _ in range(dice.randint(0, 2)):
                moment = at + dice.choice((0.0, 0.005, 0.02, 0.1)) * dice.uniform(-1, 1)
                writer = dice.randrange(sum(devices))
                doing = dice.choices((SEND, EDIT), (3, 1))[0]
                steps.append(Step(max(0.0, moment), doing, writer, amount=group))
            at += dice.choice((0.003, 0.02, 0.1, 1.0)) * dice.random()
            what = ADD if what != ADD else dice.choice((LEAVE, REMOVE))
    return steps


def _faults(
    dice: Random, nodes: int, devices: int, ends_at: float, moments: list[float]
) -> list[Step]:
    steps = []
    for what in dice.sample(list(_FAULTS), dice.randint(1, 5)):
        make = _FAULTS[what]
        for _ in range(dice.choice((1, 1, 2))):
            at = dice.choice((dice.uniform(0, ends_at), dice.choice(moments)))
            who = dice.randrange(devices if what in {CUT, HALF_OPEN, SLOW_READER} else 4)
            for_s, amount = make(dice)
            steps.append(Step(at, what, who % nodes if what in OF_NODES else who, for_s, amount))
            if what in {CRASH, RESTART} and dice.random() < 1 / 3:
                # It starts without a database, and people write when that is back.
                away = Step(at + for_s - 0.1, AWAY, 0, dice.uniform(0.3, 2))
                steps.append(away)
                back = away.at + away.for_s + dice.random()
                steps += [Step(back, SEND, dice.randrange(devices)) for _ in range(2)]
    return steps


def _stopped_until_entries_expire(dice: Random, nodes: int, ends_at: float) -> list[Step]:
    at, for_s = dice.uniform(0, ends_at / 2), dice.uniform(1.5, 2.5) * EXPIRES_S
    expires_at = at + for_s - dice.random()
    return [Step(at, STOP, dice.randrange(nodes), for_s), Step(expires_at, EXPIRE)]


Make = Callable[[Random], tuple[float, float]]


def _lasting(most_s: float, least: float = 0.0, most: float = 0.0) -> Make:
    return lambda dice: (dice.uniform(0.05, most_s), dice.uniform(least, most))


_FAULTS: dict[str, Make] = {
    CRASH: _lasting(3),
    RESTART: _lasting(1),
    STOP: lambda dice: (dice.choice((0.2, 1.5, 4.0, 60.0)) * dice.random(), 0.0),
    CLOCK: lambda dice: (0.0, dice.choice((-600.0, 600.0, 3.0))),
    AWAY: _lasting(3),
    SILENT: _lasting(5),
    SLOW: _lasting(4, 0.1, 8),
    ROLLBACK: _lasting(4, 0.1, 0.6),
    LOST_ANSWERS: _lasting(4, 0.1, 0.6),
    OVERTAKEN: _lasting(4, 0.1, 0.9),
    FAR: _lasting(6, 0.02, 0.3),
    FLAKY: _lasting(5, 0.05, 0.5),
    DEAF: _lasting(20, 0.3, 1.0),
    DOUBLED: _lasting(20, 0.5, 1.0),
    LATE: _lasting(10, 0.1, 2.0),
    STALL: _lasting(6),
    CUT: _lasting(0),
    HALF_OPEN: _lasting(6),
    SLOW_READER: _lasting(5, 0.1, 2),
    FOREIGN: _lasting(0),
    UNREADABLE: _lasting(0),
}
