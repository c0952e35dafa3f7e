"""Promises that hold at any speed: nothing lost, stored or acked twice, `seq` without holes."""

from collections import defaultdict

from sqlalchemy import func, select
from sqlmodel import col

from chat_app.core.database import Database
from chat_app.models import Conversation, Message


class Violation(Exception):  # the worst result a run can have
    """The server has broken a promise."""


class Ledger:
    """The messages each device has received (its own acks included), against those acked."""

    def __init__(self) -> None:
        self.acked: dict[str, set[int]] = defaultdict(set)
        self.doubled = 0
        self._seen: dict[tuple[int, str], set[int]] = defaultdict(set)

    def ack(self, device: int, conversation_id: str, seq: int) -> None:
        """Record an ack, and the message as received by its sender."""
        if seq in self.acked[conversation_id]:
            raise Violation(f"two acks for message {seq} of {conversation_id}")
        self.acked[conversation_id].add(seq)
        self.see(device, conversation_id, seq)

    def see(self, device: int, conversation_id: str, seq: int) -> bool:
        """Record that a device received a message, and return whether it is new.

        A device drops what it receives twice, as clients do: that is allowed, but costs.
        """
        seen = self._seen[device, conversation_id]
        if seq in seen:
            self.doubled += 1
            return False
        seen.add(seq)
        return True

    async def compare(self, database: Database) -> None:
        """Raise Violation unless the database holds what was acked, once and without holes."""
        seq = col(Message.seq)
        counted = (
            select(col(Conversation.id), col(Conversation.last_seq), func.count(seq))
            .add_columns(func.count(seq.distinct()), func.coalesce(func.max(seq), 0))
            .outerjoin(Message, col(Message.conversation_id) == col(Conversation.id))
            .group_by(col(Conversation.id))
        )
        doubles = (
            select(func.count())
            .select_from(Message)
            .group_by(col(Message.sender_id), col(Message.client_id))
            .having(func.count() > 1)
        )
        stored = {}
        async with database.reading() as session:
            for conversation_id, last_seq, *counts in await session.execute(counted):
                # As many different numbers as the last one: there is no gap.
                if set(counts) != {last_seq}:
                    raise Violation(f"{conversation_id} ends at {last_seq} and holds {counts}")
                stored[str(conversation_id)] = last_seq
            if (await session.execute(doubles)).first() is not None:
                raise Violation("one client_id is stored twice")
        for conversation_id, seqs in self.acked.items():
            if max(seqs) > stored.get(conversation_id, 0):
                raise Violation(f"acked and not stored in {conversation_id}")
