"""History of a run: what was sent, answered and received, for the checker and for the reader."""

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID


class Sent(NamedTuple):
    """A message that a device sends until it is answered; one of the two addresses."""

    at: float
    device: str
    sender_id: UUID
    content: str
    conversation_id: UUID | None
    receiver_id: UUID | None


class Change(NamedTuple):
    """A message in one state, as somebody received it."""

    message_id: UUID
    conversation_id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    content: str
    is_deleted: bool


class Answer(NamedTuple):
    """An answer that a message was stored; `client_id` is empty for an edit and a deletion."""

    at: float
    device: str
    client_id: str
    change: Change


class Refusal(NamedTuple):
    """An answer that a message was not stored."""

    at: float
    device: str
    client_id: str
    code: str
    is_retryable: bool


class Received(NamedTuple):
    """A change at a device: `how` is live, replay, ack or page."""

    at: float
    device: str
    connection: int
    process: str
    how: str
    change: Change


class Seen(NamedTuple):
    """A conversation that a device received the view of, or whose removal it received.

    `place` is the number of changes that all devices had received before.
    """

    at: float
    device: str
    connection: int
    how: str
    conversation_id: UUID
    is_removed: bool
    place: int


class Told(NamedTuple):
    """A line of the story."""

    at: float
    who: str
    text: str


@dataclass
class History:
    """Everything that people and devices did and received."""

    owners: dict[str, UUID] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    # The conversations that each device has at the end.
    kept: dict[str, set[UUID]] = field(default_factory=dict)
    # A request that ended too late, or failed in a way that the chat has no word for.
    trouble: list[str] = field(default_factory=list)
    story: list[Told] = field(default_factory=list)
