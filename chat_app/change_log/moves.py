"""Moves: the entry of a batch in the change log, which names the changes it made."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from chat_app.change_log.store import MESSAGES, REACTIONS, NewEntry
from chat_app.core.request_context import NONE, RequestContext
from chat_app.realtime.shapes import Message


class Move(NamedTuple):
    """A change of a conversation, and the request or frame that it comes from.

    `direct_key` names the two people of a direct conversation.
    """

    conversation_id: UUID
    rev: int
    direct_key: str | None
    context: RequestContext = NONE


class Reacted(NamedTuple):
    """A reaction that was added or taken back; then `total` members have reacted with it."""

    conversation_id: UUID
    rev: int
    direct_key: str | None
    message_id: UUID
    seq: int
    emoji: str
    user_id: UUID
    added: bool
    total: int
    context: RequestContext = NONE


_decoder = msgspec.msgpack.Decoder(list[Move])
_reactions_decoder = msgspec.msgpack.Decoder(list[Reacted])


def move_of(message: Message, direct_key: str | None, context: RequestContext) -> Move:
    """Return the move of a message that was stored or changed."""
    return Move(message.conversation_id, message.rev, direct_key, context)


def moves_entry(moves: Sequence[Move], batch: UUID | None) -> NewEntry:
    """Return the log entry of a batch; None where the log writer has not stored it."""
    return NewEntry(MESSAGES, msgspec.msgpack.encode(moves), batch)


def moves_of(payload: bytes) -> list[Move]:
    """Return what `moves_entry` encoded. Raises msgspec.DecodeError."""
    return _decoder.decode(payload)


def reactions_entry(reactions: Sequence[Reacted], batch: UUID) -> NewEntry:
    """Return the log entry of a batch of reactions."""
    return NewEntry(REACTIONS, msgspec.msgpack.encode(reactions), batch)


def reactions_of(payload: bytes) -> list[Reacted]:
    """Return what `reactions_entry` encoded. Raises msgspec.DecodeError."""
    return _reactions_decoder.decode(payload)
