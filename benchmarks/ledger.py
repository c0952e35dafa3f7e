"""What must hold whatever the speed: nothing lost, stored or acked twice, `seq` without holes."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import func, select
from sqlmodel import col

from chat_app.core.database import Database
from chat_app.models import Conversation, Message


class Violation(Exception):  # the worst result a run can have
    """The server has broken a promise."""


class Ledger:
    """What each device has seen (its own acks included), against what was acked."""

    def __init__(self) -> None:
        self.acked: dict[str, set[int]] = defaultdict(set)
        self.doubled = 0
        self._seen: dict[tuple[int, str], set[int]] = defaultdict(set)

    def ack(self, device: int, conversation_id: str, seq: int) -> None:
        """Note an ack; its sender has seen the message."""
        if seq in self.acked[conversation_id]:
            raise Violation(f"two acks for message {seq} of {conversation_id}")
        self.acked[conversation_id].add(seq)
        self.see(device, conversation_id, seq)

    def see(self, device: int, conversation_id: str, seq: int) -> bool:
        """Note that a device was told of a message, and return whether it is news.

        What a device hears twice it drops, as clients do: that is promised to no one, but costs.
        """
        seen = self._seen[device, conversation_id]
        if seq in seen:
            self.doubled += 1
            return False
        seen.add(seq)
        return True

    def missing(self, members: dict[str, Iterable[int]]) -> int:
        """Count the messages that devices should have seen and have not."""
        return sum(
            len(self.acked[conversation_id] - self._seen[device, conversation_id])
            for conversation_id, devices in members.items()
            for device in devices
        )

    async def compare(self, database: Database) -> None:
        """Raise Violation unless the database holds exactly what was acked, and no holes."""
        stored = await _stored(database)
        for conversation_id, seqs in self.acked.items():
            if not seqs <= stored[conversation_id]:
                raise Violation(f"acked and not stored in {conversation_id}")
        for conversation_id, seqs in stored.items():
            if seqs != set(range(1, len(seqs) + 1)):
                raise Violation(f"holes in seq of {conversation_id}")


async def _stored(database: Database) -> dict[str, set[int]]:
    async with database.reading() as session:
        rows = await session.execute(select(col(Message.conversation_id), col(Message.seq)))
        stored: dict[str, set[int]] = defaultdict(set)
        for conversation_id, seq in rows:
            if seq in stored[str(conversation_id)]:
                raise Violation(f"message {seq} of {conversation_id} is stored twice")
            stored[str(conversation_id)].add(seq)
        counters = await session.execute(select(col(Conversation.id), col(Conversation.last_seq)))
        for conversation_id, last_seq in counters:
            if last_seq != len(stored[str(conversation_id)]):
                raise Violation(f"last_seq of {conversation_id} is wrong")
        doubles = await session.execute(
            select(func.count())
            .select_from(Message)
            .group_by(col(Message.sender_id), col(Message.client_id))
            .having(func.count() > 1)
        )
        if doubles.first() is not None:
            raise Violation("one client_id is stored twice")
    return stored
