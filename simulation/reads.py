"""Interpretation of the statements that read on behalf of nodes and devices."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from simulation import parameters
from simulation.results import Rows, pieces_of, rows_of, text_of
from simulation.tables import Row, Transaction

Values = Any
# What the simulated memberships and messages have none of.
_OF_MEMBERS: Row = {
    "muted_until": None,
    "favourite": False,
    "unread_mentions": 0,
    "unread_calls_of_all": 0,
    "since_archived": None,
    "draft": None,
}
_WITHOUT_PARTS: Row = {
    "pinned_at": None,
    "is_changed": False,
    "quote": None,
    "attachments": None,
    "reactions": None,
    "pinned_by": None,
    "forwarded_from": None,
}


def _activity(conversation: Row) -> tuple[Any, ...]:
    return conversation["updated_at"], conversation["id"]


def with_key(transaction: Transaction, message: Row) -> Row:
    """Return a message with what a statement joins to it."""
    conversation = transaction.existing(message["conversation_id"])
    name = transaction.tables.people[message["sender_id"]]
    names = {"sender_username": name, "sender_display_name": name, "sender_avatar": None}
    counts = {"members_count": conversation["members_count"]}
    direct = {"direct_key": conversation["direct_key"]}
    return _WITHOUT_PARTS | message | names | counts | direct


async def present_place(transaction: Transaction, _values: Values) -> Rows:
    """Read where the change log ends."""
    tables = transaction.tables
    return rows_of([{"place": tables.present_place(), "newest": tables.newest() or None}])


async def entries_after(transaction: Transaction, values: Values) -> Rows:
    """Read the entries of the change log after a place."""
    tables = transaction.tables
    now: Row = {
        "place": tables.present_place(),
        "oldest": tables.oldest() or None,
        "newest": tables.newest() or None,
    }
    found = sorted(tables.log_after(values["place"]))[: values["count"]]
    if not found:
        return rows_of([now | {"position": None, "kind": None, "payload": None, "batch": None}])
    return rows_of(now | row._asdict() for row in found)


async def messages_at(transaction: Transaction, values: Values) -> Rows:
    """Read messages as they are at a `rev`."""
    tables = transaction.tables
    found = (tables.by_rev.get((one.id, one.rev)) for one in parameters.cursors(values["rows"]))
    return rows_of(with_key(transaction, tables.messages[one]) for one in found if one is not None)


async def latest_revs(transaction: Transaction, values: Values) -> Rows:
    """Read the last `rev` of conversations."""
    found = (transaction.existing(one.id) for one in parameters.identifiers(values["rows"]))
    return rows_of({"id": one["id"], "last_rev": one["last_rev"]} for one in found)


async def memberships(transaction: Transaction, values: Values) -> Rows:
    """Read the memberships of people."""
    return pieces_of(
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


async def changed_lately(transaction: Transaction, values: Values) -> Rows:
    """Read the conversations that changed lately: all of them."""
    return pieces_of(
        {"user_id": one.user_id, "id": row["id"], "last_rev": row["last_rev"]}
        for one in parameters.users(values["rows"])
        for row, _ in transaction.conversations_of(one.user_id)
    )


async def generation(transaction: Transaction, _values: Values) -> Rows:
    """Read the generation of the database."""
    return rows_of([{"id": transaction.tables.generation}])


async def one(transaction: Transaction, values: Values) -> Rows:
    """Read one conversation."""
    viewer_id, identifier = values["viewer_id"], values["conversation_id"]
    conversation = transaction.conversation(identifier)
    if conversation is None or viewer_id not in transaction.members_of(identifier):
        return Rows()
    return rows_of(_views(transaction, viewer_id, [conversation]))


async def changed(transaction: Transaction, values: Values) -> Rows:
    """Read the conversations that moved since a device's cursors."""
    known = {one.id: one.rev for one in parameters.cursors(values["rows"])}
    found = [
        (row, member)
        for row, member in transaction.conversations_of(values["viewer_id"])
        if (row["last_rev"] > 0 or row["id"] in known) and known.get(row["id"]) != row["last_rev"]
    ]
    found.sort(key=lambda one: _activity(one[0]), reverse=True)
    return pieces_of(
        {
            "id": row["id"],
            "last_rev": row["last_rev"],
            "since_rev": member["since_rev"],
            "place": place,
        }
        for place, (row, member) in enumerate(found, 1)
    )


async def given(transaction: Transaction, values: Values) -> Rows:
    """Read some conversations."""
    ids = {one.id for one in parameters.identifiers(values["rows"])}
    theirs = transaction.conversations_of(values["viewer_id"])
    found = sorted((row for row, _ in theirs if row["id"] in ids), key=_activity, reverse=True)
    return rows_of(_views(transaction, values["viewer_id"], found))


async def changes(transaction: Transaction, values: Values) -> Rows:
    """Read the changes that a device lacks."""
    known = {one.id: one.rev for one in parameters.cursors(values["rows"])}
    return pieces_of(
        with_key(transaction, row)
        for row in transaction.tables.messages.values()
        if row["rev"] > known.get(row["conversation_id"], row["rev"])
        and is_readable(transaction, row, values["viewer_id"], by_rev=True)
    )


async def page(transaction: Transaction, values: Values) -> Rows:
    """Return a page in rising `seq`: the simulated devices load no other."""
    conversation = transaction.conversation(values["conversation_id"])
    if conversation is None or values["viewer_id"] not in transaction.members_of(
        conversation["id"]
    ):
        return Rows()
    later = [
        with_key(transaction, row)
        for row in transaction.tables.messages.values()
        if row["conversation_id"] == conversation["id"]
        and row["seq"] > values["seq"]
        and is_readable(transaction, row, values["viewer_id"])
    ]
    later.sort(key=lambda row: int(row["seq"]))
    found = pieces_of(later[: values["most"]]) or rows_of([{"rows": None}])
    return rows_of(one.columns | {"direct_key": conversation["direct_key"]} for one in found)


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


def is_readable(
    transaction: Transaction, message: Row, user_id: UUID, *, by_rev: bool = False
) -> bool:
    """Return whether a member may read a message."""
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
        if last is not None and not is_readable(transaction, last, viewer_id):
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
                "avatar": None,
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
            "conversation": text_of(own),
            "members": text_of(cards),
            "marks": text_of(marks),
            "last_message": None if last is None else text_of(with_key(transaction, last)),
        }


def _last_of(transaction: Transaction, conversation: Row) -> UUID | None:
    for row in transaction.tables.messages.values():
        if (row["conversation_id"], row["seq"]) == (conversation["id"], conversation["last_seq"]):
            found: UUID = row["id"]
            return found
    return None


async def former(transaction: Transaction, values: Values) -> Rows:
    """Read the groups that somebody is in no more."""
    former = transaction.former_of(values["viewer_id"])
    return rows_of({"conversation_id": one, "reason": reason} for one, reason in former.items())
