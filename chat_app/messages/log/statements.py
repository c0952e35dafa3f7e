"""Statements of the message log: batches of sends and changes, and what other nodes load of them.

They are composed once: composing them anew costs more than running them. All take the parameter
`rows`, except `direct`; those that write a time take `at`.
"""

import functools
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import Insert
from sqlmodel import col

from chat_app.change_log.statements import append_entry
from chat_app.conversations.queries import IS_READABLE, MESSAGE_COLUMNS, SENDER
from chat_app.core.joint_writes import JointWrites
from chat_app.core.json_rows import JsonRows
from chat_app.friends.relations import unreachable
from chat_app.models import Member, User
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MENTIONS, MESSAGES, USERS

_peer, _person = aliased(Member), aliased(User)


def moment(dialect: str) -> ColumnElement[datetime]:
    """Return the time of a write: the database's where it is a server, else the parameter `at`."""
    if dialect == "sqlite":
        return bindparam("at", type_=MESSAGES.c.created_at.type)
    return func.clock_timestamp()


class SendStatements:
    """The statements of a batch of sends, for one kind of database."""

    def __init__(self, dialect: str) -> None:
        keys = JsonRows(dialect, sender_id=Uuid, client_id=Text)
        # The messages that earlier sends with the same `client_id` stored.
        self.earlier = (
            select(*MESSAGE_COLUMNS, CONVERSATIONS.c.direct_key)
            .select_from(keys.table)
            .join(
                MESSAGES,
                (MESSAGES.c.sender_id == keys.columns["sender_id"])
                & (MESSAGES.c.client_id == keys.columns["client_id"]),
            )
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
            .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        )
        # Takes `keys`.
        self.direct = select(CONVERSATIONS.c.direct_key, CONVERSATIONS.c.id).where(
            CONVERSATIONS.c.direct_key.in_(bindparam("keys", expanding=True))
        )
        pairs = JsonRows(dialect, sender_id=Uuid, receiver_id=Uuid)
        self.receivers = (
            select(
                pairs.columns["sender_id"].label("sender_id"),
                col(_person.id).label("receiver_id"),
                unreachable(pairs.columns["sender_id"], _person).label("refusal"),
            )
            .select_from(pairs.table)
            .join(_person, col(_person.id) == pairs.columns["receiver_id"])
        )
        wanted = JsonRows(dialect, number=Integer, id=Uuid, user_id=Uuid)
        refusal = (
            select(unreachable(wanted.columns["user_id"], _person))
            .join_from(_peer, _person, col(_person.id) == col(_peer.user_id))
            .where(
                col(_peer.conversation_id) == CONVERSATIONS.c.id,
                col(_peer.user_id) != wanted.columns["user_id"],
            )
            .correlate(CONVERSATIONS, wanted.table)
            .scalar_subquery()
        )
        self.targets = (
            select(
                wanted.columns["number"].label("number"),
                CONVERSATIONS.c.direct_key,
                CONVERSATIONS.c.last_seq,
                CONVERSATIONS.c.last_rev,
                CONVERSATIONS.c.posting,
                CONVERSATIONS.c.members_count,
                MEMBERS.c.role,
                col(SENDER.username).label("sender_username"),
                col(SENDER.display_name).label("sender_display_name"),
                # Only a direct conversation has a peer. A group's members are not read: in a join
                # a database might read all of them to find none.
                case((CONVERSATIONS.c.direct_key.is_not(None), refusal)).label("refusal"),
            )
            .select_from(wanted.table)
            .join(CONVERSATIONS, CONVERSATIONS.c.id == wanted.columns["id"])
            .join(
                MEMBERS,
                (MEMBERS.c.conversation_id == wanted.columns["id"])
                & (MEMBERS.c.user_id == wanted.columns["user_id"]),
            )
            .join(SENDER, col(SENDER.id) == wanted.columns["user_id"])
            # In one order on every node, or two batches could wait for each other.
            .order_by(CONVERSATIONS.c.id)
            .with_for_update(of=CONVERSATIONS)
        )
        moved = JsonRows(dialect, "moved", id=Uuid, seq=BigInteger, rev=BigInteger)
        bump = (
            update(CONVERSATIONS)
            .where(CONVERSATIONS.c.id == moved.columns["id"])
            .values(
                last_seq=moved.columns["seq"],
                last_rev=moved.columns["rev"],
                updated_at=bindparam("at"),
                changed_at=moment(dialect),
            )
        )
        fresh = JsonRows(
            dialect,
            "fresh",
            id=Uuid,
            conversation_id=Uuid,
            seq=BigInteger,
            rev=BigInteger,
            client_id=Text,
            sender_id=Uuid,
            content=Text,
            mentions=Text,
            mentions_all=Boolean,
        )
        at = bindparam("at", type_=MESSAGES.c.created_at.type)
        add = insert(MESSAGES).from_select(
            [*fresh.columns, "created_at"],
            select(*fresh.columns.values(), at).select_from(fresh.table),
            include_defaults=False,
        )
        # Sending implies reading.
        marks = JsonRows(dialect, "marks", id=Uuid, reader=Uuid, seq=BigInteger)
        read = (
            update(MEMBERS)
            .where(
                MEMBERS.c.conversation_id == marks.columns["id"],
                MEMBERS.c.user_id == marks.columns["reader"],
            )
            .values(last_read_seq=marks.columns["seq"], read_seq=marks.columns["seq"])
        )
        # Takes `moved`, `fresh`, `marks`, `at` and the log entry.
        self.write = JointWrites(dialect, bump, add, read, append_entry(dialect))
        self.mention = add_mentions(dialect)


@functools.cache
def find_mentioned(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the members of conversations with the given usernames, by their keys."""
    names = JsonRows(dialect, id=Uuid, username_key=Text)
    return (
        select(
            names.columns["id"].label("id"),
            names.columns["username_key"].label("username_key"),
            MEMBERS.c.user_id,
        )
        .select_from(names.table)
        .join(USERS, USERS.c.username_key == names.columns["username_key"])
        .join(
            MEMBERS,
            (MEMBERS.c.conversation_id == names.columns["id"]) & (MEMBERS.c.user_id == USERS.c.id),
        )
    )


def add_mentions(dialect: str) -> Insert:
    """Insert mentions; takes `rows`."""
    rows = JsonRows(dialect, user_id=Uuid, conversation_id=Uuid, seq=BigInteger)
    return insert(MENTIONS).from_select(
        [*rows.columns], select(*rows.columns.values()).select_from(rows.table)
    )


# An edit is a send: not to a deleted user, nor across a block, nor to one who takes messages from
# friends only.
_EDIT_REFUSAL = case(
    (
        CONVERSATIONS.c.direct_key.is_not(None),
        select(unreachable(MESSAGES.c.sender_id, _person))
        .join_from(_peer, _person, col(_person.id) == col(_peer.user_id))
        .where(
            col(_peer.conversation_id) == CONVERSATIONS.c.id,
            col(_peer.user_id) != MESSAGES.c.sender_id,
        )
        .correlate(CONVERSATIONS, MESSAGES)
        .scalar_subquery(),
    )
)


class ChangeStatements:
    """The statements of a run of changes, for one kind of database."""

    def __init__(self, dialect: str) -> None:
        wanted = JsonRows(dialect, id=Uuid, user_id=Uuid)
        self.targets = (
            select(
                CONVERSATIONS.c.id,
                CONVERSATIONS.c.last_rev,
                CONVERSATIONS.c.posting,
                CONVERSATIONS.c.members_count,
                MESSAGES.c.id.label("message_id"),
                MEMBERS.c.user_id,
                MEMBERS.c.role,
            )
            .select_from(wanted.table)
            .join(MESSAGES, MESSAGES.c.id == wanted.columns["id"])
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
            .join(
                MEMBERS,
                (MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
                & (MEMBERS.c.user_id == wanted.columns["user_id"])
                & IS_READABLE,
            )
            # In one order on every node, as for sends.
            .order_by(CONVERSATIONS.c.id, MEMBERS.c.user_id)
            .with_for_update(of=[CONVERSATIONS, MEMBERS])
        )
        locked = JsonRows(dialect, id=Uuid)
        self.messages = (
            select(*MESSAGE_COLUMNS, CONVERSATIONS.c.direct_key, _EDIT_REFUSAL.label("refusal"))
            .select_from(locked.table)
            .join(MESSAGES, MESSAGES.c.id == locked.columns["id"])
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
            .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        )
        new = JsonRows(
            dialect,
            "changed",
            id=Uuid,
            rev=BigInteger,
            content=Text,
            is_edited=Integer,
            is_deleted=Integer,
            mentions=Text,
            mentions_all=Boolean,
        )
        at = bindparam("at", type_=MESSAGES.c.created_at.type)
        change = (
            update(MESSAGES)
            .where(MESSAGES.c.id == new.columns["id"])
            .values(
                rev=new.columns["rev"],
                content=new.columns["content"],
                mentions=new.columns["mentions"],
                mentions_all=new.columns["mentions_all"],
                edited_at=case((new.columns["is_edited"] == 1, at), else_=MESSAGES.c.edited_at),
                deleted_at=case((new.columns["is_deleted"] == 1, at), else_=MESSAGES.c.deleted_at),
            )
        )
        moved = JsonRows(dialect, "moved", id=Uuid, rev=BigInteger)
        # `updated_at` stays: a change of an old message moves no conversation up the lists.
        count = (
            update(CONVERSATIONS)
            .where(CONVERSATIONS.c.id == moved.columns["id"])
            .values(last_rev=moved.columns["rev"], changed_at=moment(dialect))
        )
        # Takes `changed`, `moved`, `at` and the log entry.
        self.write = JointWrites(dialect, change, count, append_entry(dialect))
        self.mention = add_mentions(dialect)
        gone = JsonRows(dialect, id=Uuid, seq=BigInteger)
        is_of_changed = tuple_(MENTIONS.c.conversation_id, MENTIONS.c.seq).in_(
            select(gone.columns["id"], gone.columns["seq"]).select_from(gone.table)
        )
        self.unmention = delete(MENTIONS).where(is_of_changed)


@functools.cache
def messages_at(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the messages whose `rev` is the given one in the conversation `id`."""
    given = JsonRows(dialect, id=Uuid, rev=BigInteger)
    return (
        select(*MESSAGE_COLUMNS, CONVERSATIONS.c.direct_key, CONVERSATIONS.c.members_count)
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["id"])
        .join(
            MESSAGES,
            (MESSAGES.c.conversation_id == given.columns["id"])
            & (MESSAGES.c.rev == given.columns["rev"]),
        )
        .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
    )


send_statements = functools.cache(SendStatements)
change_statements = functools.cache(ChangeStatements)
