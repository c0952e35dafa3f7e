"""The statements of a batch, composed once: composing them anew costs more than running them."""

import functools
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    Uuid,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.core.json_rows import JsonRows
from chat_app.friends.relations import unreachable
from chat_app.models import Member, User
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MESSAGES

_peer, _person = aliased(Member), aliased(User)


def moment(dialect: str) -> ColumnElement[datetime]:
    """Return the time of a write: the database's where it is a server, else the parameter `at`."""
    if dialect == "sqlite":
        return bindparam("at", type_=MESSAGES.c.created_at.type)
    return func.clock_timestamp()


class Statements:
    """The statements for one kind of database. All take `rows`; what writes a time takes `at`."""

    def __init__(self, dialect: str) -> None:
        keys = JsonRows(dialect, sender_id=Uuid, client_id=Text)
        self.earlier = (
            select(MESSAGES, CONVERSATIONS.c.direct_key)
            .select_from(keys.table)
            .join(
                MESSAGES,
                (MESSAGES.c.sender_id == keys.columns["sender_id"])
                & (MESSAGES.c.client_id == keys.columns["client_id"]),
            )
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
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
                # Only a direct conversation has a peer. Of a group nobody is looked at: where it is
                # joined, a database may read all of its members to find none.
                case((CONVERSATIONS.c.direct_key.is_not(None), refusal)).label("refusal"),
            )
            .select_from(wanted.table)
            .join(CONVERSATIONS, CONVERSATIONS.c.id == wanted.columns["id"])
            .join(
                MEMBERS,
                (MEMBERS.c.conversation_id == wanted.columns["id"])
                & (MEMBERS.c.user_id == wanted.columns["user_id"]),
            )
            # In one order on every node, or two batches could wait for each other.
            .order_by(CONVERSATIONS.c.id)
            .with_for_update(of=CONVERSATIONS)
        )
        moved = JsonRows(dialect, id=Uuid, seq=BigInteger, rev=BigInteger)
        self.bump = (
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
            id=Uuid,
            conversation_id=Uuid,
            seq=BigInteger,
            rev=BigInteger,
            client_id=Text,
            sender_id=Uuid,
            content=Text,
        )
        at = bindparam("at", type_=MESSAGES.c.created_at.type)
        self.add = insert(MESSAGES).from_select(
            [*fresh.columns, "created_at"],
            select(*fresh.columns.values(), at).select_from(fresh.table),
            include_defaults=False,
        )
        # Sending implies reading.
        marks = JsonRows(dialect, id=Uuid, reader=Uuid, seq=BigInteger)
        self.read = (
            update(MEMBERS)
            .where(
                MEMBERS.c.conversation_id == marks.columns["id"],
                MEMBERS.c.user_id == marks.columns["reader"],
            )
            .values(last_read_seq=marks.columns["seq"], read_seq=marks.columns["seq"])
        )


statements = functools.cache(Statements)
