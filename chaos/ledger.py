"""The judge of a run: compare what was sent, answered and received with what is stored."""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]
# A node publishes its own messages from memory until it has read of a removal.
LEAK_S = 2.0


class Row(NamedTuple):
    """A message as the database has it."""

    conversation_id: str
    seq: int
    rev: int
    client_id: str
    sender_id: str
    content: str
    created_at: float
    notice: Json | None = None


class Absence(NamedTuple):
    """A time in which somebody was not in a conversation, by the notices of removing and adding."""

    user_id: str
    conversation_id: str
    removed: Row
    added: Row | None


@dataclass(frozen=True)
class Stored:
    """The messages, members and counters of the database."""

    rows: list[Row]
    members: Mapping[str, frozenset[str]]  # of each conversation
    counters: Mapping[str, tuple[int, int]]  # last_seq and last_rev of each

    def absences(self) -> list[Absence]:
        """Return when who was not in which conversation."""
        found: list[Absence] = []
        away: dict[tuple[str, str], Row] = {}
        for row in sorted(self.rows, key=lambda one: (one.conversation_id, one.seq)):
            notice = row.notice or {}
            for user_id in notice.get("user_ids", ()):
                key = user_id, row.conversation_id
                if notice["event"] == "removed":
                    away[key] = row
                elif notice["event"] == "added" and key in away:
                    found.append(Absence(*key, away.pop(key), row))
        return found + [Absence(*key, row, None) for key, row in away.items()]

    def due(self) -> Counter[str]:
        """Count the messages that each user is to get."""
        of_each = Counter(row.conversation_id for row in self.rows)
        counts: Counter[str] = Counter()
        for conversation_id, users in self.members.items():
            counts.update(dict.fromkeys(users, of_each[conversation_id]))
        return counts


class Received(NamedTuple):
    """A message as a device received it, and when."""

    conversation_id: str
    seq: int
    rev: int
    client_id: str
    sender_id: str
    content: str
    at: float

    def is_of(self, row: Row) -> bool:
        """Return whether this is the message of that row, unaltered."""
        return self[:6] == row[:6]


class Sent(NamedTuple):
    """A message before it is sent: its device, its address and its text."""

    device: str
    address: str
    content: str


@dataclass
class Ledger:
    """Everything the devices sent, were answered and received."""

    devices: dict[str, str]  # whose each is
    clock: Callable[[], float] = time.time
    sent: dict[str, Sent] = field(default_factory=dict)
    answers: defaultdict[str, list[tuple[str, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    refused: list[str] = field(default_factory=list)
    # Sends to a group that were refused because the sender was not in it, with their times.
    refused_outside: dict[str, float] = field(default_factory=dict)
    received: dict[str, list[Received]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Create an empty list of messages for every device."""
        self.received = {device: [] for device in self.devices}

    def send(self, client_id: str, sent: Sent) -> None:
        """Record a message before it is sent."""
        self.sent[client_id] = sent

    def answer(self, client_id: str, message: Json) -> None:
        """Record an answer to a sender; every answer to one message has to be the same."""
        self.answers[client_id].append((message["id"], message["seq"]))

    def refuse_outside(self, client_id: str) -> None:
        """Record that a sender was not in the group."""
        self.refused_outside[client_id] = self.clock()

    def receive(self, device: str, message: Json) -> None:
        """Record that a device received a message."""
        fields = {name: _kept_once(message[name]) for name in Received._fields[:-1]}
        self.received[device].append(Received(**fields, at=self.clock()))

    def has_received(self, due: Mapping[str, int]) -> bool:
        """Return whether every device received as many messages as its user is to get."""
        return all(len(self.received[device]) >= due[user] for device, user in self.devices.items())


def _kept_once(value: Any) -> Any:  # noqa: ANN401  # a field of any message
    # Every device of a room receives the same: hundreds of thousands of times the same text.
    return sys.intern(value) if isinstance(value, str) else value


class DeviceFindings(NamedTuple):
    """The counts of one device."""

    device: str
    delivered: int
    lost: int
    doubled: int
    out_of_order: int
    altered: int
    # Messages of a group that the user was not in.
    leaked: int


@dataclass(frozen=True)
class Findings:
    """The judgement. Every count but the first three and the gap has to be 0."""

    sent: int
    acked: int
    stored: int
    unanswered: int
    refused: int
    differing_answers: int
    acked_and_not_stored: int
    stored_twice: int
    stored_and_not_sent: int
    sent_out_of_order: int
    holes: int
    longest_gap_s: float
    devices: list[DeviceFindings]

    @property
    def faults(self) -> dict[str, int]:
        """Return the number of violations of each kind."""
        counts = {
            "without an answer": self.unanswered,
            "refused": self.refused,
            "answered differently": self.differing_answers,
            "acked and not stored": self.acked_and_not_stored,
            "stored twice": self.stored_twice,
            "stored and never sent": self.stored_and_not_sent,
            "stored in another order than sent": self.sent_out_of_order,
            "holes in seq": self.holes,
        }
        for name in DeviceFindings._fields[2:]:
            count = sum(getattr(device, name) for device in self.devices)
            counts[f"{name.replace('_', ' ')} at a device"] = count
        return {name: count for name, count in counts.items() if count}

    @property
    def is_whole(self) -> bool:
        """Return whether nothing was lost, doubled, altered or out of order."""
        return self.sent > 0 and not self.faults


def judge(ledger: Ledger, stored: Stored, leak_s: float = LEAK_S) -> Findings:
    """Compare the ledger with the database.

    A message that is stored later than `leak_s` after somebody's removal must not reach them.
    """
    copies = Counter((row.sender_id, row.client_id) for row in stored.rows)
    by_client_id = {row.client_id: row for row in stored.rows}
    answers = ledger.answers
    absences = stored.absences()
    outside = {
        client_id
        for client_id in ledger.refused_outside
        if _was_outside(ledger, client_id, absences)
    }
    return Findings(
        sent=len(ledger.sent),
        acked=len(answers),
        stored=len(stored.rows),
        unanswered=len(ledger.sent.keys() - answers.keys() - ledger.refused_outside.keys()),
        refused=len(ledger.refused) + len(ledger.refused_outside.keys() - outside),
        differing_answers=sum(len(set(given)) > 1 for given in answers.values()),
        acked_and_not_stored=sum(
            not _is_stored(by_client_id.get(client_id), given)
            for client_id, given in answers.items()
        ),
        stored_twice=sum(count - 1 for count in copies.values()),
        stored_and_not_sent=sum(
            row.notice is None and not _was_sent(ledger, row) for row in stored.rows
        ),
        sent_out_of_order=_falls(
            ((sent.device, sent.address), by_client_id[client_id].seq)
            for client_id, sent in ledger.sent.items()
            # A repeated post of one that was refused is stored after a return to the group.
            if client_id in by_client_id and client_id not in ledger.refused_outside
        ),
        holes=_holes(stored),
        longest_gap_s=_longest_gap_s(ledger, by_client_id),
        devices=[
            _of_device(ledger, stored, device, absences, leak_s)
            for device in sorted(ledger.devices)
        ],
    )


def _is_stored(row: Row | None, given: list[tuple[str, int]]) -> bool:
    return row is not None and row.seq == given[0][1]


def _was_sent(ledger: Ledger, row: Row) -> bool:
    sent = ledger.sent.get(row.client_id)
    return (
        sent is not None
        and sent.content == row.content
        and ledger.devices[sent.device] == row.sender_id
    )


def _holes(stored: Stored) -> int:
    seqs: defaultdict[str, list[int]] = defaultdict(list)
    for row in stored.rows:
        seqs[row.conversation_id].append(row.seq)
    holes = 0
    for conversation_id, (last_seq, last_rev) in stored.counters.items():
        dense = list(range(1, last_seq + 1))
        # Nothing is edited here, so both counters have counted the same messages.
        if sorted(seqs[conversation_id]) != dense or last_rev != last_seq:
            missing = len(set(dense).symmetric_difference(seqs[conversation_id]))
            holes += max(1, missing)
    return holes


def _longest_gap_s(ledger: Ledger, rows: Mapping[str, Row]) -> float:
    gaps = (
        received.at - rows[received.client_id].created_at
        for page in ledger.received.values()
        for received in page
        if received.client_id in rows
    )
    return max(gaps, default=0.0)


def _was_outside(ledger: Ledger, client_id: str, absences: Iterable[Absence]) -> bool:
    """Return whether the sender of a refused message was removed before the refusal."""
    sent = ledger.sent[client_id]
    user, refused_at = ledger.devices[sent.device], ledger.refused_outside[client_id]
    return any(
        one.user_id == user
        and one.conversation_id in sent.address
        and one.removed.created_at <= refused_at
        for one in absences
    )


def _leaks(
    page: Iterable[Received],
    due: Mapping[tuple[str, int], Row],
    absences: Iterable[Absence],
    leak_s: float,
) -> int:
    """Count what somebody received while they were not in its group."""
    return sum(
        received.conversation_id == one.conversation_id
        and received.seq > one.removed.seq
        and (row := due.get((received.conversation_id, received.seq))) is not None
        and row.created_at > one.removed.created_at + leak_s
        and (one.added is None or received.at < one.added.created_at)
        for one in absences
        for received in page
    )


def _of_device(
    ledger: Ledger, stored: Stored, device: str, absences: Iterable[Absence], leak_s: float
) -> DeviceFindings:
    user = ledger.devices[device]
    due = {
        (row.conversation_id, row.seq): row
        for row in stored.rows
        if user in stored.members[row.conversation_id]
    }
    page = ledger.received[device]
    times = Counter((received.conversation_id, received.seq) for received in page)
    return DeviceFindings(
        device=device,
        delivered=len(times),
        lost=len(due.keys() - times.keys()),
        doubled=sum(count - 1 for count in times.values()),
        out_of_order=_falls((received.conversation_id, received.rev) for received in page),
        altered=sum(
            (row := due.get((received.conversation_id, received.seq))) is None
            or not received.is_of(row)
            for received in page
        ),
        leaked=_leaks(page, due, [one for one in absences if one.user_id == user], leak_s),
    )


def _falls(numbers: Iterable[tuple[object, int]]) -> int:
    """Count how often the number of a key is below the one before it."""
    last: dict[object, int] = {}
    falls = 0
    for key, number in numbers:
        falls += number < last.get(key, 0)
        last[key] = number
    return falls
