"""Interpretation of the statements of delivery: what each does to the modelled tables.

The chat composes them once, so they are recognised by identity; the few others by what they insert
or select. An unknown statement is an error: teach it here.
"""

import functools
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

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
from simulation import parameters, reads
from simulation.reads import is_readable, with_key
from simulation.results import Rows, rows_of
from simulation.tables import Row, Transaction, lock_order

Values = Any
Handler = Callable[[Transaction, Values], Awaitable[Rows]]


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
        present_place(dialect): reads.present_place,
        entries_after(dialect): reads.entries_after,
        messages_at(dialect): reads.messages_at,
        due_queries._due_reminders(dialect): _none,  # noqa: SLF001  # the same
        latest_revs(dialect): reads.latest_revs,
        memberships(dialect): reads.memberships,
        changed_lately(dialect): reads.changed_lately,
        store_deliveries(dialect): _store_deliveries,
        find_members(dialect): _find_members,
        conversation_queries._one(dialect): reads.one,  # noqa: SLF001  # recognised by identity
        message_queries._given(dialect): reads.given,  # noqa: SLF001  # the same
        message_queries._changed(dialect): reads.changed,  # noqa: SLF001  # the same
        message_queries._changes(dialect): reads.changes,  # noqa: SLF001  # the same
    }
    return {id(statement): handler for statement, handler in known.items()}


# What the simulated conversations and memberships are, unless somebody says something else.
OF_GROUPS: Row = {
    "description": "",
    "avatar": None,
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


async def _earlier(transaction: Transaction, values: Values) -> Rows:
    found = (
        transaction.sent(one.sender_id, one.client_id) for one in parameters.keys(values["rows"])
    )
    return rows_of(with_key(transaction, one) for one in found if one is not None)


async def _direct(transaction: Transaction, values: Values) -> Rows:
    found = ((key, transaction.direct_id(key)) for key in values["keys"])
    return rows_of({"direct_key": key, "id": one} for key, one in found if one is not None)


async def _receivers(transaction: Transaction, values: Values) -> Rows:
    return rows_of(
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
                "sender_avatar": None,
            }
            found.append(conversation | target)
    return rows_of(found)


async def _find_members(transaction: Transaction, values: Values) -> Rows:
    return rows_of(
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
        if message and is_readable(transaction, message, one.user_id):
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
                "avatar": None,
                "refusal": None,
            }
        )
    return rows_of(rows)


async def _locked_messages(transaction: Transaction, values: Values) -> Rows:
    found = (transaction.message(one.id) for one in parameters.identifiers(values["rows"]))
    return rows_of(with_key(transaction, one) for one in found if one is not None)


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


async def _store_deliveries(transaction: Transaction, values: Values) -> Rows:
    wanted = parameters.receipts(values["rows"])
    await _lock(transaction, (one.id for one in wanted))
    found = []
    for one in wanted:
        member = transaction.members_of(one.id).get(one.user_id)
        if member and max(member["delivered_seq"], member["read_seq"]) < one.seq:
            transaction.set_member(one.id, one.user_id, delivered_seq=one.seq)
            found.append({"conversation_id": one.id, "user_id": one.user_id})
    return rows_of(found)


async def _none(_transaction: Transaction, _values: Values) -> Rows:
    """Do nothing: a simulation has no earlier texts and reactions, and nothing is due in it."""
    return Rows()


_INSERTS: dict[str, Handler] = {
    CONVERSATIONS.name: _add_conversation,
    MEMBERS.name: _add_members,
}
_SELECTS: dict[tuple[str, ...], Handler] = {
    ("id",): reads.generation,
    ("conversation_id", "reason"): reads.former,
    ("rows", "direct_key"): reads.page,
}
