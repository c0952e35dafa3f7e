"""Moves: the entry of a batch in the change log, which names the changes it made."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import msgspec

from chat_app.change_log.store import MESSAGES, NewEntry
from chat_app.realtime.shapes import Message


class Move(NamedTuple):
    """A change of a conversation; `direct_key` names the two people of a direct one."""

    conversation_id: UUID
    rev: int
    direct_key: str | None


_decoder = msgspec.msgpack.Decoder(list[Move])


def moves_entry(messages: Iterable[tuple[Message, str | None]], batch: UUID) -> NewEntry:
    """Return the log entry of the messages of a batch, with the `direct_key` of each."""
    moves = [Move(message.conversation_id, message.rev, key) for message, key in messages]
    return NewEntry(MESSAGES, msgspec.msgpack.encode(moves), batch)


def moves_of(payload: bytes) -> list[Move]:
    """Return what `moves_entry` encoded. Raises msgspec.DecodeError."""
    return _decoder.decode(payload)
