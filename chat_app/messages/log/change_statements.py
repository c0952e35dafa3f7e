"""The statements of a run of changes, composed once. All take `rows`, writes `at`, too."""

import functools

from sqlalchemy import BigInteger, Integer, Text, Uuid, and_, bindparam, case, exists, or_, select
from sqlalchemy import update as update_of
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.core.json_rows import JsonRows
from chat_app.friends.relations import blocked_between
from chat_app.messages.log.statements import moment
from chat_app.models import Member, User
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MESSAGES


class ChangeStatements:
    """The statements for one kind of database."""

    def __init__(self, dialect: str) -> None:
        asked = JsonRows(dialect, id=Uuid, user_id=Uuid)
        self.targets = (
            select(
                CONVERSATIONS.c.id,
                CONVERSATIONS.c.last_rev,
                MESSAGES.c.id.label("message_id"),
                MEMBERS.c.user_id,
            )
            .select_from(asked.table)
            .join(MESSAGES, MESSAGES.c.id == asked.columns["id"])
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
            .join(
                MEMBERS,
                (MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
                & (MEMBERS.c.user_id == asked.columns["user_id"]),
            )
            # In one order on every node, as for sends.
            .order_by(CONVERSATIONS.c.id)
            .with_for_update(of=CONVERSATIONS)
        )
        wanted = JsonRows(dialect, id=Uuid)
        self.messages = (
            select(MESSAGES, CONVERSATIONS.c.direct_key, _CANNOT_EDIT.label("cannot_edit"))
            .select_from(wanted.table)
            .join(MESSAGES, MESSAGES.c.id == wanted.columns["id"])
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        )
        new = JsonRows(
            dialect, id=Uuid, rev=BigInteger, content=Text, is_edited=Integer, is_deleted=Integer
        )
        at = bindparam("at", type_=MESSAGES.c.created_at.type)
        self.change = (
            update_of(MESSAGES)
            .where(MESSAGES.c.id == new.columns["id"])
            .values(
                rev=new.columns["rev"],
                content=new.columns["content"],
                edited_at=case((new.columns["is_edited"] == 1, at), else_=MESSAGES.c.edited_at),
                deleted_at=case((new.columns["is_deleted"] == 1, at), else_=MESSAGES.c.deleted_at),
            )
        )
        moved = JsonRows(dialect, id=Uuid, rev=BigInteger)
        # `updated_at` stays: a change of an old message moves no conversation up the lists.
        self.count = (
            update_of(CONVERSATIONS)
            .where(CONVERSATIONS.c.id == moved.columns["id"])
            .values(last_rev=moved.columns["rev"], changed_at=moment(dialect))
        )


_peer, _person = aliased(Member), aliased(User)
# Editing is writing: not to somebody who has left, nor across a block.
_CANNOT_EDIT = and_(
    CONVERSATIONS.c.direct_key.is_not(None),
    exists(
        select(1)
        .join_from(_peer, _person, col(_person.id) == col(_peer.user_id))
        .where(
            col(_peer.conversation_id) == CONVERSATIONS.c.id,
            col(_peer.user_id) != MESSAGES.c.sender_id,
            or_(
                col(_person.deleted_at).is_not(None),
                blocked_between(MESSAGES.c.sender_id, col(_peer.user_id)),
            ),
        )
        .correlate(CONVERSATIONS, MESSAGES)
    ),
)

change_statements = functools.cache(ChangeStatements)
