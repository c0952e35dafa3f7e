"""Interpretation of the statements of delivery: what each does to the modelled tables.

The chat composes them once, so they are recognised by identity; the few others by what they insert
or select. An unknown statement is an error: teach it here.
"""

import functools
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.sql.dml import Insert, Update

from chat_app.change_log.statements import entries_after, present_place
from chat_app.conversations import queries as conversation_queries
from chat_app.conversations.statements import (
    changed_lately,
    find_members,
    memberships,
    store_deliveries,
)
from chat_app.core.clock import utc_now
from chat_app.messages import queries as message_queries
from chat_app.messages.due import queries as due_queries
from chat_app.messages.log.changes.statements import change_statements
from chat_app.messages.log.statements import latest_revs, messages_at, send_statements
from chat_app.models.tables import CONVERSATIONS, MEMBERS
from simulation import parameters
from simulation.tables import Row, Transaction, lock_order

Values = Any
Handler = Callable[[Transaction, Values], Awaitable["Rows"]]


class Found:
    """A row of a result: its columns are attributes."""

    __slots__ = ("columns",)

    def __init__(self, columns: Row) -> None:
        self.columns = columns

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # any column
        try:
            return self.columns[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, place: int) -> Any:  # noqa: ANN401  # any column
        return next(itertools.islice(self.columns.values(), place, None))


class Rows(list[Found]):
    """The result of a statement."""

    def all(self) -> "Rows":
        """Return all rows."""
        return self

    def first(self) -> Found | None:
        """Return the first row, None where there is none."""
        return self[0] if self else None


def handler_of(dialect: str, statement: Any) -> Handler:  # noqa: ANN401  # any statement
    """Return what interprets a statement."""
    found = _handlers(dialect).get(id(statement))
    if found is not None:
        return found
    if isinstance(statement, Insert) and statement.table.name in _INSERTS:
        return _INSERTS[statement.table.name]
    if isinstance(statement, Insert | Update):
        return _write
    columns = tuple(statement.selected_columns.keys())
    return _SELECTS[columns]


@functools.cache
def _handlers(dialect: str) -> dict[int, Handler]:
    sends, changes = send_statements(dialect), change_statements(dialect)
    known = {
        sends.earlier: _earlier,
        sends.direct: _direct,
        sends.receivers: _receivers,
        sends.targets: _send_targets,
        changes.targets: _change_targets,
        changes.messages: _locked_messages,
        changes.keep_texts: _none,
        **dict.fromkeys(changes.forget, _none),
        present_place(dialect): _present_place,
        entries_after(dialect): _entries_after,
        messages_at(dialect): _messages_at,
        due_queries._due_reminders(dialect): _none,  # noqa: SLF001  # the same
        latest_revs(dialect): _latest_revs,
        memberships(dialect): _memberships,
        changed_lately(dialect): _changed_lately,
        store_deliveries(dialect): _store_deliveries,
        find_members(dialect): _find_members,
        conversation_queries._one(dialect): _one,  # noqa: SLF001  # recognised by identity
        message_queries._given(dialect): _given,  # noqa: SLF001  # the same
        message_queries._changed(dialect): _changed,  # noqa: SLF001  # the same
        message_queries._changes(dialect): _changes,  # noqa: SLF001  # the same
    }
    return {id(statement): handler for statement, handler in known.items()}


# What the simulated conversations and memberships are, unless somebody says something else.
OF_GROUPS: Row = {
    "description": "",
    "visibility": "private",
    "history": "all",
    "posting": "everyone",
    "deleted_at": None,
}
NEW_MEMBER: Row = {
    "last_read_seq": 0,
    "read_seq": 0,
    "delivered_seq": 0,
    "role": "member",
    "since_seq": 0,
    "since_rev": 0,
}
_OF_MEMBERS: Row = {
    "muted_until": None,
    "favourite": False,
    "unread_mentions": 0,
    "unread_calls_of_all": 0,
    "since_archived": None,
    "draft": None,
}
# What the simulated messages have none of.
_WITHOUT_PARTS: Row = {
    "pinned_at": None,
    "is_changed": False,
    "quote": None,
    "reactions": None,
    "pinned_by": None,
    "forwarded_from": None,
}
_json = msgspec.json.Encoder()


def _rows(found: Iterable[Row]) -> Rows:
    return Rows(map(Found, found))


def _text(value: object) -> str:
    return _json.encode(value).decode()


def _pieces(found: Iterable[Row]) -> Rows:
    """Return rows as one JSON array, or nothing: a list this short is one piece."""
    rows = list(found)
    return _rows([{"rows": _text(rows)}]) if rows else Rows()


def _activity(conversation: Row) -> tuple[Any, ...]:
    return conversation["updated_at"], conversation["id"]


def _with_key(transaction: Transaction, message: Row) -> Row:
    conversation = transaction.existing(message["conversation_id"])
    name = transaction.tables.people[message["sender_id"]]
    names = {"sender_username": name, "sender_display_name": name}
    counts = {"members_count": conversation["members_count"]}
    direct = {"direct_key": conversation["direct_key"]}
    return _WITHOUT_PARTS | message | names | counts | direct


async def _earlier(transaction: Transaction, values: Values) -> Rows:
    found = (
        transaction.sent(one.sender_id, one.client_id) for one in parameters.keys(values["rows"])
    )
    return _rows(_with_key(transaction, one) for one in found if one is not None)


async def _direct(transaction: Transaction, values: Values) -> Rows:
    found = ((key, transaction.direct_id(key)) for key in values["keys"])
    return _rows({"direct_key": key, "id": one} for key, one in found if one is not None)


async def _receivers(transaction: Transaction, values: Values) -> Rows:
    return _rows(
        {"sender_id": one.sender_id, "receiver_id": one.receiver_id, "refusal": None}
        for one in parameters.pairs(values["rows"])
        if one.receiver_id in transaction.tables.people
    )


async def _lock(transaction: Transaction, identifiers: Iterable[UUID]) -> None:
    transaction.tables.number(transaction)
    for identifier in lock_order(identifiers):
        if transaction.conversation(identifier) is not None:
            await transaction.tables.lock(transaction, identifier)


async def _send_targets(transaction: Transaction, values: Values) -> Rows:
    wanted = parameters.targets(values["rows"])
    # As of the begin of the statement: PostgreSQL reads only the locked rows again.
    members = {one.number: transaction.members_of(one.id).get(one.user_id) for one in wanted}
    await _lock(transaction, (one.id for one in wanted))
    found = []
    for one in wanted:
        conversation, member = transaction.conversation(one.id), members[one.number]
        if conversation is not None and member is not None:
            name = transaction.tables.people[one.user_id]
            target = {
                "number": one.number,
                "refusal": None,
                "role": member["role"],
                "sender_username": name,
                "sender_display_name": name,
            }
            found.append(conversation | target)
    return _rows(found)


async def _find_members(transaction: Transaction, values: Values) -> Rows:
    return _rows(
        {"number": one.number}
        for one in parameters.targets(values["rows"])
        if one.user_id in transaction.members_of(one.id)
    )


async def _write(transaction: Transaction, values: Values) -> Rows:
    """Interpret one or several writes of the log writer, by their parameters."""
    if "moved" in values:
        _bump(transaction, values)
    if "fresh" in values:
        await _add(transaction, values)
    for one in parameters.marks(values.get("marks", "[]")):
        if one.reader in transaction.members_of(one.id):
            transaction.set_member(one.id, one.reader, last_read_seq=one.seq, read_seq=one.seq)
    if "changed" in values:
        _change(transaction, values)
    if "entry_kind" in values:
        transaction.append(
            values["entry_kind"],
            values["entry_payload"],
            values["entry_batch"],
            values["appended_at"],
        )
    return Rows()


def _bump(transaction: Transaction, values: Values) -> None:
    for one in parameters.bumps(values["moved"]):
        # A change of an old message leaves the end, and the time of the last message.
        sent = {} if one.seq is None else {"last_seq": one.seq, "updated_at": values["at"]}
        transaction.set_conversation(one.id, last_rev=one.rev, changed_at=utc_now(), **sent)


async def _add(transaction: Transaction, values: Values) -> None:
    for one in parameters.fresh(values["fresh"]):
        await transaction.claim("client_id", (one.sender_id, one.client_id))
        row = {name: getattr(one, name) for name in one.__struct_fields__}
        transaction.set_message(
            one.id,
            **row,
            created_at=values["at"],
            edited_at=None,
            deleted_at=None,
            kind="text",
            notice=None,
        )


def _change(transaction: Transaction, values: Values) -> None:
    for one in parameters.changed_rows(values["changed"]):
        changes: Row = {"rev": one.rev, "content": one.content}
        if one.is_edited:
            changes["edited_at"] = values["at"]
        if one.is_deleted:
            changes["deleted_at"] = values["at"]
        transaction.set_message(one.id, **changes)


async def _change_targets(transaction: Transaction, values: Values) -> Rows:
    found = []
    for one in parameters.members(values["rows"]):
        message = transaction.message(one.id)
        if message and _is_readable(transaction, message, one.user_id):
            found.append((message, one.user_id))
    await _lock(transaction, (message["conversation_id"] for message, _ in found))
    rows = []
    for message, user_id in found:
        conversation = transaction.existing(message["conversation_id"])
        # Locked as well, and so read again.
        member = transaction.members_of(conversation["id"]).get(user_id)
        if member is None:
            continue
        rows.append(
            {
                "id": conversation["id"],
                "last_rev": conversation["last_rev"],
                "posting": conversation["posting"],
                "members_count": conversation["members_count"],
                "direct_key": conversation["direct_key"],
                "message_id": message["id"],
                "user_id": user_id,
                "role": member["role"],
                "username": transaction.tables.people[user_id],
                "display_name": transaction.tables.people[user_id],
                "refusal": None,
            }
        )
    return _rows(rows)


async def _locked_messages(transaction: Transaction, values: Values) -> Rows:
    found = (transaction.message(one.id) for one in parameters.identifiers(values["rows"]))
    return _rows(_with_key(transaction, one) for one in found if one is not None)


async def _add_conversation(transaction: Transaction, values: Values) -> Rows:
    if values["direct_key"] is not None:
        await transaction.claim("direct_key", values["direct_key"])
    await transaction.tables.lock(transaction, values["id"])
    transaction.set_conversation(values["id"], **OF_GROUPS, **values)
    return Rows()


async def _add_members(transaction: Transaction, values: Values) -> Rows:
    for one in values:
        transaction.set_member(one["conversation_id"], one["user_id"], **NEW_MEMBER | one)
    return Rows()


async def _present_place(transaction: Transaction, _values: Values) -> Rows:
    tables = transaction.tables
    return _rows([{"place": tables.present_place(), "newest": tables.newest() or None}])


async def _entries_after(transaction: Transaction, values: Values) -> Rows:
    tables = transaction.tables
    now: Row = {
        "place": tables.present_place(),
        "oldest": tables.oldest() or None,
        "newest": tables.newest() or None,
    }
    found = sorted(tables.log_after(values["place"]))[: values["count"]]
    if not found:
        return _rows([now | {"position": None, "kind": None, "payload": None, "batch": None}])
    return _rows(now | row._asdict() for row in found)


async def _messages_at(transaction: Transaction, values: Values) -> Rows:
    tables = transaction.tables
    found = (tables.by_rev.get((one.id, one.rev)) for one in parameters.cursors(values["rows"]))
    return _rows(_with_key(transaction, tables.messages[one]) for one in found if one is not None)


async def _none(_transaction: Transaction, _values: Values) -> Rows:
    """Do nothing: a simulation has no earlier texts and reactions, and nothing is due in it."""
    return Rows()


async def _latest_revs(transaction: Transaction, values: Values) -> Rows:
    found = (transaction.existing(one.id) for one in parameters.identifiers(values["rows"]))
    return _rows({"id": one["id"], "last_rev": one["last_rev"]} for one in found)


async def _memberships(transaction: Transaction, values: Values) -> Rows:
    return _pieces(
        {
            "user_id": one.user_id,
            "id": conversation["id"],
            "kind": conversation["kind"],
            "since_seq": member["since_seq"],
            "unread": _unread(transaction, conversation, member, one.user_id),
        }
        for one in parameters.users(values["rows"])
        for conversation, member in transaction.conversations_of(one.user_id)
        if conversation["kind"] == "group" or conversation["last_seq"] > member["last_read_seq"]
    )


async def _changed_lately(transaction: Transaction, values: Values) -> Rows:
    return _pieces(
        {"user_id": one.user_id, "id": row["id"], "last_rev": row["last_rev"]}
        for one in parameters.users(values["rows"])
        for row, _ in transaction.conversations_of(one.user_id)
    )


async def _generation(transaction: Transaction, _values: Values) -> Rows:
    return _rows([{"id": transaction.tables.generation}])


async def _store_deliveries(transaction: Transaction, values: Values) -> Rows:
    wanted = parameters.receipts(values["rows"])
    await _lock(transaction, (one.id for one in wanted))
    found = []
    for one in wanted:
        member = transaction.members_of(one.id).get(one.user_id)
        if member and max(member["delivered_seq"], member["read_seq"]) < one.seq:
            transaction.set_member(one.id, one.user_id, delivered_seq=one.seq)
            found.append({"conversation_id": one.id, "user_id": one.user_id})
    return _rows(found)


async def _one(transaction: Transaction, values: Values) -> Rows:
    viewer_id, identifier = values["viewer_id"], values["conversation_id"]
    conversation = transaction.conversation(identifier)
    if conversation is None or viewer_id not in transaction.members_of(identifier):
        return Rows()
    return _rows(_views(transaction, viewer_id, [conversation]))


async def _changed(transaction: Transaction, values: Values) -> Rows:
    known = {one.id: one.rev for one in parameters.cursors(values["rows"])}
    found = [
        (row, member)
        for row, member in transaction.conversations_of(values["viewer_id"])
        if (row["last_rev"] > 0 or row["id"] in known) and known.get(row["id"]) != row["last_rev"]
    ]
    found.sort(key=lambda one: _activity(one[0]), reverse=True)
    return _pieces(
        {
            "id": row["id"],
            "last_rev": row["last_rev"],
            "since_rev": member["since_rev"],
            "place": place,
        }
        for place, (row, member) in enumerate(found, 1)
    )


async def _given(transaction: Transaction, values: Values) -> Rows:
    ids = {one.id for one in parameters.identifiers(values["rows"])}
    theirs = transaction.conversations_of(values["viewer_id"])
    found = sorted((row for row, _ in theirs if row["id"] in ids), key=_activity, reverse=True)
    return _rows(_views(transaction, values["viewer_id"], found))


async def _changes(transaction: Transaction, values: Values) -> Rows:
    known = {one.id: one.rev for one in parameters.cursors(values["rows"])}
    return _pieces(
        _with_key(transaction, row)
        for row in transaction.tables.messages.values()
        if row["rev"] > known.get(row["conversation_id"], row["rev"])
        and _is_readable(transaction, row, values["viewer_id"], by_rev=True)
    )


async def _page(transaction: Transaction, values: Values) -> Rows:
    """Return a page in rising `seq`: the simulated devices load no other."""
    conversation = transaction.conversation(values["conversation_id"])
    if conversation is None or values["viewer_id"] not in transaction.members_of(
        conversation["id"]
    ):
        return Rows()
    later = [
        _with_key(transaction, row)
        for row in transaction.tables.messages.values()
        if row["conversation_id"] == conversation["id"]
        and row["seq"] > values["seq"]
        and _is_readable(transaction, row, values["viewer_id"])
    ]
    later.sort(key=lambda row: int(row["seq"]))
    found = _pieces(later[: values["most"]]) or _rows([{"rows": None}])
    return _rows(one.columns | {"direct_key": conversation["direct_key"]} for one in found)


def _unread(transaction: Transaction, conversation: Row, member: Row, user_id: UUID) -> int:
    mark, last = int(member["last_read_seq"]), int(conversation["last_seq"])
    left_out: int = sum(
        row["conversation_id"] == conversation["id"]
        and row["seq"] > mark
        and (
            row["sender_id"] == user_id or row["deleted_at"] is not None or row["kind"] == "notice"
        )
        for row in transaction.tables.messages.values()
    )
    return last - mark - left_out


def _is_readable(
    transaction: Transaction, message: Row, user_id: UUID, *, by_rev: bool = False
) -> bool:
    member = transaction.members_of(message["conversation_id"]).get(user_id)
    if member is None or (by_rev and message["rev"] < member["since_rev"]):
        return False
    return bool(message["seq"] >= member["since_seq"])


def _views(
    transaction: Transaction, viewer_id: UUID, conversations: Sequence[Row]
) -> Iterator[Row]:
    for conversation in conversations:
        members = transaction.members_of(conversation["id"])
        last_id = _last_of(transaction, conversation)
        last = transaction.message(last_id) if last_id else None
        if last is not None and not _is_readable(transaction, last, viewer_id):
            last = None
        own = {
            **conversation,
            **_OF_MEMBERS,
            "role": members[viewer_id]["role"],
            "since_seq": members[viewer_id]["since_seq"],
            "own_mark": members[viewer_id]["last_read_seq"],
            "unread": _unread(transaction, conversation, members[viewer_id], viewer_id),
        }
        cards = [
            {
                "wrote": 0,
                "id": user_id,
                "username": transaction.tables.people[user_id],
                "display_name": transaction.tables.people[user_id],
                "status_text": "",
                "deleted_at": None,
                "last_seen_at": None,
                "friendship": "none",
                "shows_presence": False,
            }
            for user_id in members
        ]
        marks = [
            {
                "user_id": user_id,
                "delivered_seq": member["delivered_seq"],
                "read_seq": member["read_seq"],
            }
            for user_id, member in members.items()
        ]
        yield {
            "conversation": _text(own),
            "members": _text(cards),
            "marks": _text(marks),
            "last_message": None if last is None else _text(_with_key(transaction, last)),
        }


def _last_of(transaction: Transaction, conversation: Row) -> UUID | None:
    for row in transaction.tables.messages.values():
        if (row["conversation_id"], row["seq"]) == (conversation["id"], conversation["last_seq"]):
            found: UUID = row["id"]
            return found
    return None


async def _former(transaction: Transaction, values: Values) -> Rows:
    former = transaction.former_of(values["viewer_id"])
    return _rows({"conversation_id": one, "reason": reason} for one, reason in former.items())


_INSERTS: dict[str, Handler] = {
    CONVERSATIONS.name: _add_conversation,
    MEMBERS.name: _add_members,
}
_SELECTS: dict[tuple[str, ...], Handler] = {
    ("id",): _generation,
    ("conversation_id", "reason"): _former,
    ("rows", "direct_key"): _page,
}
