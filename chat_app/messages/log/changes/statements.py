"""Statements of the log writer about changes of messages, for one kind of database.

All take the parameter `rows`, but those that write together.
"""

import functools
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Executable,
    Integer,
    Text,
    Uuid,
    bindparam,
    case,
    delete,
    func,
    insert,
    null,
    select,
    tuple_,
    update,
)
from sqlmodel import col

from chat_app.change_log.statements import append_entry
from chat_app.conversations.message_rows import IS_READABLE, SENDER, message_columns
from chat_app.core.joint_writes import JointWrites
from chat_app.core.json_rows import JsonRows, for_each
from chat_app.messages.log.statements import add_mentions, moment, refusal_of
from chat_app.models.tables import (
    ATTACHMENTS,
    CONVERSATIONS,
    EARLIER_TEXTS,
    FILES,
    MEMBERS,
    MENTIONS,
    MESSAGES,
    REACTIONS,
    SAVED_MESSAGES,
    USERS,
)

# What becomes of a pin.
KEEP, PIN, UNPIN = 0, 1, 2


class ChangeStatements:
    """The statements of a run of edits, deletions and pins, or of reactions."""

    def __init__(self, dialect: str) -> None:
        wanted = JsonRows(dialect, id=Uuid, user_id=Uuid)
        # A change is a send: not to a deleted user, nor across a block, nor to one who takes
        # messages from friends only.
        self.targets = (
            select(
                CONVERSATIONS.c.id,
                CONVERSATIONS.c.direct_key,
                CONVERSATIONS.c.last_rev,
                CONVERSATIONS.c.posting,
                CONVERSATIONS.c.members_count,
                MESSAGES.c.id.label("message_id"),
                MEMBERS.c.user_id,
                MEMBERS.c.role,
                USERS.c.username,
                USERS.c.display_name,
                USERS.c.avatar,
                refusal_of(wanted).label("refusal"),
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
            .join(USERS, USERS.c.id == wanted.columns["user_id"])
            # In one order on every node, as for sends.
            .order_by(CONVERSATIONS.c.id, MEMBERS.c.user_id)
            .with_for_update(of=[CONVERSATIONS, MEMBERS])
        )
        locked = JsonRows(dialect, id=Uuid)
        self.messages = for_each(
            locked,
            select(*message_columns(dialect), CONVERSATIONS.c.direct_key)
            .select_from(MESSAGES)
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
            .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
            .where(MESSAGES.c.id == locked.columns["id"]),
        )
        self.write = _write_changes(dialect)
        self.mention = add_mentions(dialect)
        gone = JsonRows(dialect, id=Uuid, seq=BigInteger)
        is_of_changed = tuple_(MENTIONS.c.conversation_id, MENTIONS.c.seq).in_(
            select(gone.columns["id"], gone.columns["seq"]).select_from(gone.table)
        )
        self.unmention = delete(MENTIONS).where(is_of_changed)
        self.keep_texts = _keep_texts(dialect)
        self.forget = _forget(dialect)
        # Their files go, unless another message has them.
        freed = JsonRows(dialect, id=Uuid)
        freed_ids = select(freed.columns["id"]).select_from(freed.table)
        is_freed = ATTACHMENTS.c.message_id.in_(freed_ids)
        self.release = (
            update(FILES)
            .where(FILES.c.id.in_(select(ATTACHMENTS.c.file_id).where(is_freed)))
            .values(released_at=bindparam("at", type_=FILES.c.released_at.type))
        )
        self.detach = delete(ATTACHMENTS).where(is_freed)
        pinning = JsonRows(dialect, id=Uuid)
        self.pins = (
            select(CONVERSATIONS.c.id, func.count(MESSAGES.c.id).label("pins"))
            .select_from(pinning.table)
            .join(CONVERSATIONS, CONVERSATIONS.c.id == pinning.columns["id"])
            .join(
                MESSAGES,
                (MESSAGES.c.conversation_id == CONVERSATIONS.c.id)
                & MESSAGES.c.pinned_at.is_not(None),
            )
            .group_by(CONVERSATIONS.c.id)
        )


class ReactionStatements:
    """The statements of a run of reactions, beside those that lock their messages."""

    def __init__(self, dialect: str) -> None:
        asked = JsonRows(dialect, id=Uuid, user_id=Uuid)
        self.present = (
            select(REACTIONS.c.message_id, REACTIONS.c.user_id, REACTIONS.c.emoji)
            .select_from(asked.table)
            .join(
                REACTIONS,
                (REACTIONS.c.message_id == asked.columns["id"])
                & (REACTIONS.c.user_id == asked.columns["user_id"]),
            )
        )
        changed = JsonRows(dialect, "changed", id=Uuid, rev=BigInteger, has_reactions=Integer)
        count = (
            update(MESSAGES)
            .where(MESSAGES.c.id == changed.columns["id"])
            .values(
                rev=changed.columns["rev"],
                has_reactions=changed.columns["has_reactions"] == 1,
                is_changed=True,
            )
        )
        # Takes `changed`, `moved`, `at` and the log entry.
        self.write = JointWrites(dialect, count, _count_moves(dialect), append_entry(dialect))
        taken = JsonRows(dialect, message_id=Uuid, emoji=Text, user_id=Uuid)
        self.take_back = delete(REACTIONS).where(
            tuple_(REACTIONS.c.message_id, REACTIONS.c.emoji, REACTIONS.c.user_id).in_(
                select(*taken.columns.values()).select_from(taken.table)
            )
        )
        new = JsonRows(dialect, message_id=Uuid, emoji=Text, user_id=Uuid, rev=BigInteger)
        self.add = insert(REACTIONS).from_select(
            [*new.columns, "created_at"],
            select(
                *new.columns.values(), bindparam("at", type_=REACTIONS.c.created_at.type)
            ).select_from(new.table),
            include_defaults=False,
        )


def _write_changes(dialect: str) -> JointWrites:
    """Return the writes that take `changed`, `moved`, `at` and the log entry."""
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
        pin=Integer,
        pinner=Uuid,
    )
    at = bindparam("at", type_=MESSAGES.c.created_at.type)
    pin = new.columns["pin"]
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
            pinned_at=case((pin == PIN, at), (pin == UNPIN, null()), else_=MESSAGES.c.pinned_at),
            pinned_by=case(
                (pin == PIN, new.columns["pinner"]),
                (pin == UNPIN, null()),
                else_=MESSAGES.c.pinned_by,
            ),
            has_reactions=case(
                (new.columns["is_deleted"] == 1, False), else_=MESSAGES.c.has_reactions
            ),
            has_files=case((new.columns["is_deleted"] == 1, False), else_=MESSAGES.c.has_files),
            is_changed=True,
        )
    )
    return JointWrites(dialect, change, _count_moves(dialect), append_entry(dialect))


def _count_moves(dialect: str) -> Any:  # noqa: ANN401  # an update, whose types name its columns
    """Return the update of the conversations of changed messages.

    `updated_at` stays: a change of an old message moves no conversation up the lists.
    """
    moved = JsonRows(dialect, "moved", id=Uuid, rev=BigInteger)
    return (
        update(CONVERSATIONS)
        .where(CONVERSATIONS.c.id == moved.columns["id"])
        .values(last_rev=moved.columns["rev"], changed_at=moment(dialect))
    )


def _keep_texts(dialect: str) -> Executable:
    """Return what keeps the texts before edits; run it before they are written.

    Those of an edit before in the same run were written `at` that time.
    """
    texts = JsonRows(dialect, id=Uuid, rev=BigInteger, content=Text, is_of_run=Integer)
    at = bindparam("at", type_=MESSAGES.c.created_at.type)
    written_at = func.coalesce(MESSAGES.c.edited_at, MESSAGES.c.created_at)
    return insert(EARLIER_TEXTS).from_select(
        ["message_id", "rev", "content", "written_at"],
        select(
            MESSAGES.c.id,
            texts.columns["rev"],
            texts.columns["content"],
            case((texts.columns["is_of_run"] == 1, at), else_=written_at),
        )
        .select_from(texts.table)
        .join(MESSAGES, MESSAGES.c.id == texts.columns["id"]),
        include_defaults=False,
    )


def _forget(dialect: str) -> list[Executable]:
    """Return what removes all that belongs to deleted messages."""
    gone = JsonRows(dialect, id=Uuid)
    ids = select(gone.columns["id"]).select_from(gone.table)
    return [
        delete(table).where(table.c.message_id.in_(ids))
        for table in (REACTIONS, EARLIER_TEXTS, SAVED_MESSAGES)
    ]


change_statements = functools.cache(ChangeStatements)
reaction_statements = functools.cache(ReactionStatements)
