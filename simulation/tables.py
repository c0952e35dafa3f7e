"""Modelled tables: rows, transactions over them, row locks, snapshots and the change log.

Each statement reads what is committed when it runs, and its transaction's own writes (READ
COMMITTED). Rows of conversations are locked until the end of the transaction. Transactions get
their ids early, and become visible when they are committed, in any order.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from chat_app.core.database import ANSWER_S
from chat_app.core.errors import Overtaken, Unavailable
from simulation.clock import VirtualLoop

Row = dict[str, Any]


class LogRow(NamedTuple):
    """A row of the change log."""

    position: int
    transaction_id: int
    kind: str
    payload: bytes
    batch: UUID | None
    written_at: datetime
    committed_at: float = 0.0


class Membership(NamedTuple):
    """A time during which somebody was in a conversation, by its revs: until `end_rev`."""

    joined_at: float
    first_rev: int
    since_seq: int
    left_at: float = float("inf")
    end_rev: float = float("inf")


class Version(NamedTuple):
    """A message as one commit left it; `conversation_id` and `rev` are in it."""

    at: float
    process: str
    message: Row


class Tables:
    """The committed rows, and the transactions under way."""

    def __init__(self, loop: VirtualLoop, dialect: str, people: dict[UUID, str]) -> None:
        self.loop = loop
        self.dialect = dialect
        self.people = people
        self.generation = UUID(int=1)
        self.conversations: dict[UUID, Row] = {}
        self.direct_ids: dict[str, UUID] = {}
        self.members: defaultdict[UUID, dict[UUID, Row]] = defaultdict(dict)
        # Of each user, why they are in some conversations no more.
        self.former: defaultdict[UUID, dict[UUID, str]] = defaultdict(dict)
        self.messages: dict[UUID, Row] = {}
        self.by_client_id: dict[tuple[UUID, str], UUID] = {}
        self.by_rev: dict[tuple[UUID, int], UUID] = {}
        self.log: list[LogRow] = []
        # Every change that was ever committed, for the checker.
        self.versions: dict[tuple[UUID, int], Version] = {}
        # When those revs were committed that a later one of the same transaction replaced.
        self.replaced: dict[tuple[UUID, int], float] = {}
        # When each user was in each conversation.
        self.memberships: defaultdict[tuple[UUID, UUID], list[Membership]] = defaultdict(list)
        # The revs that two transactions gave.
        self.clashes: list[tuple[UUID, int]] = []
        self.running: dict[int, Transaction] = {}
        self._locks: dict[object, Transaction] = {}
        self._next_id = 100
        self._next_position = 1

    def begin(self, process: str) -> "Transaction":
        """Return a new transaction."""
        return Transaction(self, process)

    def number(self, transaction: "Transaction") -> int:
        """Give a transaction its id, with its first write."""
        if not transaction.id:
            transaction.id = self._next_id
            self._next_id += 1
            self.running[transaction.id] = transaction
        return transaction.id

    def next_position(self) -> int:
        """Return the next position of the log; a rollback leaves a hole."""
        self._next_position += 1
        return self._next_position - 1

    async def lock(self, transaction: "Transaction", key: object) -> None:
        """Wait for a row. Raises Overtaken where two transactions would wait for each other."""
        while (holder := self._locks.get(key)) is not None and holder is not transaction:
            await self.wait_for(transaction, holder)
        self._locks[key] = transaction
        transaction.locks.add(key)

    async def wait_for(self, transaction: "Transaction", holder: "Transaction") -> None:
        """Wait for the end of another transaction. Raises Overtaken and Unavailable."""
        waits_for: Transaction | None = holder
        while waits_for is not None:
            if waits_for is transaction:
                raise Overtaken
            waits_for = waits_for.waits_for
        transaction.waits_for = holder
        try:
            async with asyncio.timeout(ANSWER_S):
                await holder.ended.wait()
        except TimeoutError:
            raise Unavailable from None
        finally:
            transaction.waits_for = None

    def end(self, transaction: "Transaction") -> None:
        """Release what a transaction holds."""
        self.running.pop(transaction.id, None)
        if transaction.on_end is not None:
            transaction.on_end()
            transaction.on_end = None
        for key in transaction.locks:
            if self._locks.get(key) is transaction:
                del self._locks[key]
        transaction.ended.set()

    def disconnect(self, process: str, after_s: float) -> None:
        """Roll back what a process has begun and will not commit: its connections are gone."""
        for one in list(self.running.values()):
            if one.process != process:
                continue
            if self.dialect == "sqlite":
                # Its locks are those of the process.
                one.roll_back()
            elif not one.is_committing:
                self.loop.call_later(after_s, one.roll_back, context=Context())

    def snapshot(self) -> str:
        """Return the present snapshot, as PostgreSQL writes it."""
        running = sorted(self.running)
        oldest = running[0] if running else self._next_id
        return f"{oldest}:{self._next_id}:{','.join(map(str, running))}"

    def present_place(self) -> int | str:
        """Return the place behind everything that is committed."""
        return self.newest() if self.dialect == "sqlite" else self.snapshot()

    def newest(self) -> int:
        """Return the newest position of the log."""
        return max((row.position for row in self.log), default=0)

    def oldest(self) -> int:
        """Return the oldest position of the log."""
        return min((row.position for row in self.log), default=0)

    def log_after(self, place: int | str) -> Iterator[LogRow]:
        """Yield what the place does not include."""
        if isinstance(place, int):
            yield from (row for row in self.log if row.position > place)
        elif place != self.snapshot():
            lowest, next_id, running = place.split(":")
            unseen = {int(one) for one in running.split(",") if one}
            for row in self.log:
                number = row.transaction_id
                if number >= int(lowest) and (number >= int(next_id) or number in unseen):
                    yield row


class Transaction:
    """The writes of one transaction, until it is committed or rolled back."""

    def __init__(self, tables: Tables, process: str) -> None:
        self.tables = tables
        self.process = process
        self.id = 0
        self.is_committing = False
        self.locks: set[object] = set()
        self.waits_for: Transaction | None = None
        self.ended = asyncio.Event()
        self.on_end: Callable[[], None] | None = None
        self.conversations: dict[UUID, Row] = {}
        # None for a member who is removed.
        self.members: dict[tuple[UUID, UUID], Row | None] = {}
        self.former: dict[tuple[UUID, UUID], str | None] = {}
        self.messages: dict[UUID, Row] = {}
        self.log: list[LogRow] = []

    def conversation(self, identifier: UUID) -> Row | None:
        """Return a conversation."""
        return self.conversations.get(identifier) or self.tables.conversations.get(identifier)

    def existing(self, identifier: UUID) -> Row:
        """Return a conversation that is there."""
        return self.conversations.get(identifier) or self.tables.conversations[identifier]

    def direct_id(self, key: str) -> UUID | None:
        """Return the direct conversation of a pair."""
        for row in self.conversations.values():
            if row["direct_key"] == key:
                found: UUID = row["id"]
                return found
        return self.tables.direct_ids.get(key)

    def members_of(self, conversation_id: UUID) -> dict[UUID, Row]:
        """Return the members of a conversation by user."""
        rows = dict(self.tables.members.get(conversation_id, {}))
        for (one, user_id), changes in self.members.items():
            if one != conversation_id:
                continue
            if changes is None:
                rows.pop(user_id, None)
            else:
                rows[user_id] = rows.get(user_id, {}) | changes
        return rows

    def former_of(self, user_id: UUID) -> dict[UUID, str]:
        """Return the conversations that a user is in no more, with the reasons."""
        found: dict[UUID, str | None] = {**self.tables.former.get(user_id, {})}
        found |= {one: why for (user, one), why in self.former.items() if user == user_id}
        return {one: why for one, why in found.items() if why is not None}

    def conversations_of(self, user_id: UUID) -> Iterator[tuple[Row, Row]]:
        """Yield the conversations of a user, each with the user's row as a member."""
        for identifier in {**self.tables.conversations, **self.conversations}:
            conversation = self.conversation(identifier)
            member = self.members_of(identifier).get(user_id)
            if conversation is not None and member is not None:
                yield conversation, member

    def message(self, identifier: UUID) -> Row | None:
        """Return a message."""
        return self.messages.get(identifier) or self.tables.messages.get(identifier)

    def sent(self, sender_id: UUID, client_id: str) -> Row | None:
        """Return the message of a `client_id`."""
        for row in self.messages.values():
            if (row["sender_id"], row["client_id"]) == (sender_id, client_id):
                return row
        found = self.tables.by_client_id.get((sender_id, client_id))
        return None if found is None else self.tables.messages[found]

    def set_conversation(self, identifier: UUID, /, **values: object) -> None:
        """Change or add a conversation; its row is locked, or new."""
        self.tables.number(self)
        self.conversations[identifier] = (self.conversation(identifier) or {}) | values

    def set_member(self, conversation_id: UUID, user_id: UUID, /, **values: object) -> None:
        """Change or add a member."""
        self.tables.number(self)
        key = conversation_id, user_id
        self.members[key] = (self.members.get(key) or {}) | values
        self.former[user_id, conversation_id] = None

    def remove_member(self, conversation_id: UUID, user_id: UUID, reason: str) -> None:
        """Remove a member; the conversation is locked."""
        self.tables.number(self)
        self.members[conversation_id, user_id] = None
        self.former[user_id, conversation_id] = reason

    def set_message(self, identifier: UUID, /, **values: object) -> None:
        """Change or add a message; its conversation is locked."""
        self.tables.number(self)
        self.messages[identifier] = (self.message(identifier) or {}) | values

    async def claim(self, column: str, key: object) -> None:
        """Insert a unique key; wait for another who inserts it. Raises IntegrityError."""
        await self.tables.lock(self, (column, key))
        stored = self.tables.direct_ids if column == "direct_key" else self.tables.by_client_id
        if key in stored:
            raise IntegrityError("INSERT", None, Exception(f"{column} {key} is there"))

    def append(self, kind: str, payload: bytes, batch: UUID | None, at: datetime) -> None:
        """Append an entry to the change log."""
        number, position = self.tables.number(self), self.tables.next_position()
        self.log.append(LogRow(position, number, kind, payload, batch, at))

    def commit(self) -> None:
        """Make the writes visible to all, at once."""
        tables, now = self.tables, self.tables.loop.time()
        stored = {(row["conversation_id"], row["rev"]) for row in self.messages.values()}
        for identifier, row in self.conversations.items():
            before = tables.conversations.get(identifier, {}).get("last_rev", 0)
            revs = ((identifier, rev) for rev in range(before + 1, row["last_rev"] + 1))
            tables.replaced.update({one: now for one in revs if one not in stored})
        tables.clashes += [one for one in stored if one in tables.versions]
        self._move_members(now)
        tables.conversations.update(self.conversations)
        for identifier, row in self.conversations.items():
            if row["direct_key"] is not None:
                tables.direct_ids[row["direct_key"]] = identifier
        for identifier, row in self.messages.items():
            if (old := tables.messages.get(identifier)) is not None:
                tables.by_rev.pop((row["conversation_id"], old["rev"]), None)
            tables.messages[identifier] = row
            tables.by_rev[row["conversation_id"], row["rev"]] = identifier
            tables.by_client_id[row["sender_id"], row["client_id"]] = identifier
            tables.versions[row["conversation_id"], row["rev"]] = Version(now, self.process, row)
        tables.log.extend(row._replace(committed_at=now) for row in self.log)
        tables.end(self)

    def roll_back(self) -> None:
        """Drop the writes."""
        self.tables.end(self)

    def _move_members(self, now: float) -> None:
        """Store who is in which conversation, and from which `rev` on."""
        tables = self.tables
        for (conversation_id, user_id), changes in self.members.items():
            rows, known = (
                tables.members[conversation_id],
                user_id in tables.members[conversation_id],
            )
            rev = tables.conversations.get(conversation_id, {}).get("last_rev", 0) + 1
            times = tables.memberships[conversation_id, user_id]
            if changes is None:
                if known:
                    del rows[user_id]
                    times[-1] = times[-1]._replace(left_at=now, end_rev=rev)
                continue
            rows[user_id] = rows.get(user_id, {}) | changes
            if not known:
                times.append(Membership(now, rev, changes.get("since_seq", 0)))
        for (user_id, conversation_id), reason in self.former.items():
            if reason is None:
                tables.former[user_id].pop(conversation_id, None)
            else:
                tables.former[user_id][conversation_id] = reason


def lock_order(keys: Iterable[UUID]) -> list[UUID]:
    """Return the ids in the order in which statements lock them."""
    return sorted(set(keys))
