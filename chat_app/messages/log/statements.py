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
    SmallInteger,
    Text,
    Uuid,
    bindparam,
    case,
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
from chat_app.conversations.message_rows import (
    IS_READABLE,
    SENDER,
    message_columns,
    quote_columns,
)
from chat_app.core.joint_writes import JointWrites
from chat_app.core.json_rows import JsonRows, for_each
from chat_app.friends.relations import unreachable
from chat_app.models import Member, User
from chat_app.models.tables import (
    ATTACHMENTS,
    CONVERSATIONS,
    FILES,
    MEMBERS,
    MENTIONS,
    MESSAGES,
    USERS,
)

_peer, _person = aliased(Member), aliased(User)


def moment(dialect: str) -> ColumnElement[datetime]:
    """Return the time of a write: the database's where it is a server, else the parameter `at`."""
    if dialect == "sqlite":
        return bindparam("at", type_=MESSAGES.c.created_at.type)
    return func.clock_timestamp()


def refusal_of(wanted: JsonRows) -> ColumnElement[str | None]:
    """Return why the user of a row may not write to the other person of a direct conversation.

    Only such a conversation has a peer. A group's members are not read: in a join a database might
    read all of them to find none.
    """
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
    return case((CONVERSATIONS.c.direct_key.is_not(None), refusal))


class SendStatements:
    """The statements of a batch of sends, for one kind of database."""

    def __init__(self, dialect: str) -> None:
        keys = JsonRows(dialect, sender_id=Uuid, client_id=Text)
        # The messages that earlier sends with the same `client_id` stored.
        self.earlier = for_each(
            keys,
            select(*message_columns(dialect), CONVERSATIONS.c.direct_key)
            .select_from(MESSAGES)
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
            .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
            .where(
                MESSAGES.c.sender_id == keys.columns["sender_id"],
                MESSAGES.c.client_id == keys.columns["client_id"],
            ),
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
                col(SENDER.avatar).label("sender_avatar"),
                refusal_of(wanted).label("refusal"),
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
            reply_to=Uuid,
            forwarded_from=Uuid,
            has_files=Boolean,
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
        # Of the messages that are replied to or forwarded, those that the sender may read.
        asked = JsonRows(dialect, number=Integer, id=Uuid, user_id=Uuid)
        author = USERS.alias("author")
        first_author = USERS.alias("first_author")
        self.originals = (
            select(
                asked.columns["number"].label("number"),
                MESSAGES.c.conversation_id,
                MESSAGES.c.content.label("text"),
                MESSAGES.c.kind,
                MESSAGES.c.has_files,
                first_author.c.id.label("author_id"),
                first_author.c.username.label("author_username"),
                first_author.c.display_name.label("author_display_name"),
                first_author.c.avatar.label("author_avatar"),
                *(column.label(name) for name, column in quote_columns(MESSAGES, author).items()),
            )
            .select_from(asked.table)
            .join(MESSAGES, MESSAGES.c.id == asked.columns["id"])
            .join(
                MEMBERS,
                (MEMBERS.c.conversation_id == MESSAGES.c.conversation_id)
                & (MEMBERS.c.user_id == asked.columns["user_id"])
                & IS_READABLE,
            )
            .join(author, author.c.id == MESSAGES.c.sender_id)
            .join(
                first_author,
                first_author.c.id == func.coalesce(MESSAGES.c.forwarded_from, MESSAGES.c.sender_id),
            )
        )
        # Takes `moved`, `fresh`, `marks`, `at` and the log entry.
        self.write = JointWrites(dialect, bump, add, read, append_entry(dialect))
        # The same where messages of the batch have files; takes `attached`, too.
        attached = JsonRows(
            dialect,
            "attached",
            message_id=Uuid,
            position=SmallInteger,
            file_id=Uuid,
            conversation_id=Uuid,
            seq=BigInteger,
            kind=Text,
        )
        attach = insert(ATTACHMENTS).from_select(
            [*attached.columns], select(*attached.columns.values()).select_from(attached.table)
        )
        self.write_with_files = JointWrites(dialect, bump, add, read, attach, append_entry(dialect))
        self.mention = add_mentions(dialect)


class FileStatements:
    """The statements about the files of a batch of sends."""

    def __init__(self, dialect: str) -> None:
        wanted = JsonRows(dialect, id=Uuid, user_id=Uuid)
        is_wanted = tuple_(FILES.c.id, FILES.c.owner_id).in_(
            select(*wanted.columns.values()).select_from(wanted.table)
        )
        # Own ones that are ready: from now on they are sent.
        self.claim = (
            update(FILES)
            .where(is_wanted, FILES.c.state == "ready")
            .values(state="sent")
            .returning(FILES)
        )
        given = JsonRows(dialect, id=Uuid)
        is_given = FILES.c.id.in_(select(given.columns["id"]).select_from(given.table))
        self.unclaim = update(FILES).where(is_given).values(state="ready")
        # Their message may be deleted at this moment.
        self.claim_forwarded = (
            update(FILES)
            .where(is_given, FILES.c.state == "sent")
            .values(released_at=None)
            .returning(FILES)
        )
        of_messages = ATTACHMENTS.c.message_id.in_(
            select(given.columns["id"]).select_from(given.table)
        )
        self.of_messages = (
            select(ATTACHMENTS.c.message_id, ATTACHMENTS.c.file_id)
            .where(of_messages)
            .order_by(ATTACHMENTS.c.message_id, ATTACHMENTS.c.position)
        )


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


@functools.cache
def messages_at(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the messages whose `rev` is the given one in the conversation `id`."""
    given = JsonRows(dialect, id=Uuid, rev=BigInteger)
    found = (
        select(*message_columns(dialect), CONVERSATIONS.c.direct_key, CONVERSATIONS.c.members_count)
        .select_from(MESSAGES)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        .where(
            MESSAGES.c.conversation_id == given.columns["id"],
            MESSAGES.c.rev == given.columns["rev"],
        )
    )
    return for_each(given, found)


@functools.cache
def latest_revs(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the ends of the given conversations."""
    given = JsonRows(dialect, id=Uuid)
    return (
        select(CONVERSATIONS.c.id, CONVERSATIONS.c.last_rev)
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["id"])
    )


send_statements = functools.cache(SendStatements)
file_statements = functools.cache(FileStatements)
