"""Rows of groups: lock, add and change them, their members and notices.

The callers own the transaction.
A group is locked by its conversation before its members are read, so that two changes of one group
see each other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, case, delete, func, insert, select, tuple_, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import col

from chat_app.accounts.store import set_avatar
from chat_app.change_log.moves import Move, moves_entry
from chat_app.change_log.unit_of_work import UnitOfWork
from chat_app.core import request_context
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.core.text import fold
from chat_app.friends.relations import Unreachable, has_blocked, unreachable
from chat_app.models import (
    Attachment,
    Conversation,
    Draft,
    DueItem,
    EarlierText,
    File,
    FormerMember,
    Invite,
    Member,
    Message,
    Reaction,
    SavedMessage,
    User,
)
from chat_app.models.conversations import MANAGES
from chat_app.models.tables import DUE_ITEMS, MENTIONS, PUSHED_CONVERSATIONS
from chat_app.realtime.shapes import Notice, Role

RANKS: dict[Role, int] = {"owner": 0, "admin": 1, "member": 2}


class Reach(NamedTuple):
    """A user whom somebody wants to add, and why they may not."""

    user_id: UUID
    refusal: Unreachable | None


async def lock_group(session: AsyncSession, conversation_id: UUID) -> Conversation | None:
    """Lock a conversation that is not deleted and return its row, fresh."""
    found = await session.execute(
        select(Conversation)
        .where(col(Conversation.id) == conversation_id, col(Conversation.deleted_at).is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def write_changes(session: AsyncSession) -> None:
    """Write what was changed in locked rows, for the statements that follow."""
    await session.flush()


async def role_of(session: AsyncSession, group_id: UUID, user_id: UUID) -> Role | None:
    """Return the role of a member, None for somebody else."""
    found: Role | None = await session.scalar(
        select(col(Member.role)).where(
            col(Member.conversation_id) == group_id, col(Member.user_id) == user_id
        )
    )
    return found


async def count_owners(session: AsyncSession, group_id: UUID) -> int:
    """Return the number of owners."""
    found = await session.scalar(
        select(func.count())
        .select_from(Member)
        .where(col(Member.conversation_id) == group_id, col(Member.role) == "owner", MANAGES)
    )
    return found or 0


async def reach_of(
    session: AsyncSession, actor_id: UUID, user_ids: Iterable[UUID]
) -> dict[UUID, Reach]:
    """Return the users with these ids, and whether the actor may write to them."""
    given = JsonRows(session.get_bind().dialect.name, id=Uuid)
    rows = await session.execute(
        select(col(User.id), unreachable(actor_id, User))
        .select_from(given.table)
        .join(User, col(User.id) == given.columns["id"]),
        {"rows": as_parameter([{"id": user_id} for user_id in user_ids])},
    )
    return {row[0]: Reach(row[0], row[1]) for row in rows}


async def members_among(
    session: AsyncSession, group_id: UUID, user_ids: Iterable[UUID]
) -> set[UUID]:
    """Return those of the users who are in the group."""
    given = JsonRows(session.get_bind().dialect.name, id=Uuid)
    rows = await session.scalars(
        select(col(Member.user_id))
        .select_from(given.table)
        .join(
            Member,
            (col(Member.conversation_id) == group_id)
            & (col(Member.user_id) == given.columns["id"]),
        ),
        {"rows": as_parameter([{"id": user_id} for user_id in user_ids])},
    )
    return set(rows)


async def may_join(session: AsyncSession, group_id: UUID, user_id: UUID) -> bool:
    """Return whether somebody may join by themselves: not removed, nor blocked by an owner."""
    removed = await session.scalar(
        select(col(FormerMember.reason)).where(
            col(FormerMember.user_id) == user_id, col(FormerMember.conversation_id) == group_id
        )
    )
    if removed == "removed":
        return False
    blocked = await session.scalar(
        select(col(Member.user_id))
        .where(
            col(Member.conversation_id) == group_id,
            col(Member.role) == "owner",
            MANAGES,
            has_blocked(col(Member.user_id), user_id),
        )
        .limit(1)
    )
    return blocked is None


async def add_members(
    session: AsyncSession,
    group: Conversation,
    user_ids: Sequence[UUID],
    *,
    owner: UUID | None = None,
) -> None:
    """Add members before the notice about them, which is the first they may read.

    With `history` "all" they may read everything; either way what was before is not unread.
    """
    is_restricted = group.history == "joining"
    now = utc_now()
    rows = [
        {
            "conversation_id": group.id,
            "user_id": user_id,
            "opened": True,
            "last_read_seq": group.last_seq,
            "read_seq": group.last_seq,
            "delivered_seq": 0,
            "joined_at": now,
            "role": "owner" if user_id == owner else "member",
            "since_seq": group.last_seq + 1 if is_restricted else 0,
            "since_rev": group.last_rev + 1 if is_restricted else 0,
            "favourite": False,
        }
        for user_id in user_ids
    ]
    await session.execute(insert(Member), rows)
    await session.execute(
        delete(FormerMember).where(
            col(FormerMember.conversation_id) == group.id,
            col(FormerMember.user_id).in_(user_ids),
        )
    )
    group.members_count += len(user_ids)


async def remove_member(
    session: AsyncSession, group: Conversation, user_id: UUID, *, reason: str
) -> None:
    """Delete a membership, and remember why it ended.

    What the devices may show stays noted, until it is withdrawn.
    """
    await session.execute(
        delete(Member).where(
            col(Member.conversation_id) == group.id, col(Member.user_id) == user_id
        )
    )
    await session.execute(
        delete(Draft).where(col(Draft.conversation_id) == group.id, col(Draft.user_id) == user_id)
    )
    group.members_count -= 1
    former = {
        "user_id": user_id,
        "conversation_id": group.id,
        "reason": reason,
        "left_at": utc_now(),
    }
    await session.execute(insert(FormerMember), former)


async def delete_group(session: AsyncSession, group: Conversation) -> list[UUID]:
    """Delete a group: nobody is in it any more. Return the ids of its members.

    Its messages are removed in the background.
    """
    members = await session.scalars(
        select(col(Member.user_id)).where(col(Member.conversation_id) == group.id)
    )
    ids = list(members)
    now = utc_now()
    await session.execute(delete(Member).where(col(Member.conversation_id) == group.id))
    await session.execute(delete(Invite).where(col(Invite.conversation_id) == group.id))
    await session.execute(delete(Draft).where(col(Draft.conversation_id) == group.id))
    # Those who were removed before need not be told of the end, and cannot join it any more.
    await session.execute(delete(FormerMember).where(col(FormerMember.conversation_id) == group.id))
    rows = [
        {"user_id": user_id, "conversation_id": group.id, "reason": "deleted", "left_at": now}
        for user_id in ids
    ]
    if rows:
        await session.execute(insert(FormerMember), rows)
    await set_avatar(session, group, None)
    group.deleted_at = now
    group.members_count = 0
    group.visibility = "private"
    return ids


async def set_role(session: AsyncSession, group_id: UUID, user_id: UUID, role: Role) -> None:
    """Set the role of a member."""
    await session.execute(
        update(Member)
        .where(col(Member.conversation_id) == group_id, col(Member.user_id) == user_id)
        .values(role=role)
    )


async def heir_of(session: AsyncSession, group_id: UUID, user_id: UUID) -> UUID | None:
    """Return who follows a last owner: the admin, else the member, who is there the longest."""
    found: UUID | None = await session.scalar(
        select(col(Member.user_id))
        .where(col(Member.conversation_id) == group_id, col(Member.user_id) != user_id)
        .order_by(
            case((col(Member.role) == "admin", 0), else_=1),
            col(Member.joined_at),
            col(Member.user_id),
        )
        .limit(1)
    )
    return found


async def groups_of(session: AsyncSession, user_id: UUID) -> list[UUID]:
    """Return the groups that a user is in, in the order in which they are locked."""
    found = await session.scalars(
        select(col(Conversation.id))
        .join(Member, col(Member.conversation_id) == col(Conversation.id))
        .where(col(Member.user_id) == user_id, col(Conversation.kind) == "group")
        .order_by(col(Conversation.id))
    )
    return list(found)


async def add_group(session: AsyncSession, group: Conversation) -> None:
    """Insert a group without members."""
    group.title_key = title_key(group.title)
    session.add(group)
    await session.flush()


async def add_notice(uow: UnitOfWork, group: Conversation, notice: Notice) -> None:
    """Append a notice to a locked group, in the order of its messages."""
    session = uow.session
    group.last_seq += 1
    group.last_rev += 1
    now = utc_now()
    group.updated_at = now
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    set_attribute(group, "changed_at", now if is_sqlite else func.clock_timestamp())
    session.add(
        Message(
            id=new_id(),
            conversation_id=group.id,
            seq=group.last_seq,
            rev=group.last_rev,
            client_id=str(new_id()),
            sender_id=notice.actor_id,
            content="",
            created_at=now,
            kind="notice",
            notice=msgspec.json.encode(notice).decode(),
        )
    )
    await session.flush()
    move = Move(group.id, group.last_rev, None, request_context.current())
    uow.add(moves_entry([move], None))


async def set_membership(
    session: AsyncSession, conversation_id: UUID, user_id: UUID, values: dict[str, Any]
) -> bool:
    """Set columns of a membership; return whether there is one."""
    changed = await session.execute(
        update(Member)
        .where(col(Member.conversation_id) == conversation_id, col(Member.user_id) == user_id)
        .values(**values)
        .returning(col(Member.user_id))
    )
    return changed.first() is not None


def title_key(title: str) -> str:
    """Return the key by which a group is found and sorted."""
    return fold(title)[:300]


def remove_former_members(connection: Connection, before: datetime, count: int) -> int:
    """Delete at most `count` former memberships from before a time; return how many.

    Of those that were removed by an admin none: they may not join again.
    """
    old = (
        select(col(FormerMember.user_id), col(FormerMember.conversation_id))
        .where(col(FormerMember.left_at) < before, col(FormerMember.reason) != "removed")
        .limit(count)
    )
    is_old = tuple_(col(FormerMember.user_id), col(FormerMember.conversation_id)).in_(old)
    return connection.execute(delete(FormerMember).where(is_old)).rowcount


def remove_groups(connection: Connection, before: datetime, count: int) -> int:
    """Delete at most `count` messages of groups deleted before a time; return how many.

    A group goes with its last messages.
    """
    gone = select(col(Conversation.id)).where(col(Conversation.deleted_at) < before).limit(1)
    group_id = connection.scalar(gone)
    if group_id is None:
        return 0
    some = select(col(Message.id)).where(col(Message.conversation_id) == group_id).limit(count)
    ids = list(connection.scalars(some))
    if ids:
        has_some = col(Attachment.message_id).in_(ids)
        files = select(col(Attachment.file_id)).where(has_some)
        connection.execute(
            update(File).where(col(File.id).in_(files)).values(released_at=utc_now())
        )
        connection.execute(delete(Attachment).where(has_some))
        for part in (Reaction, EarlierText, SavedMessage, DueItem):
            connection.execute(delete(part).where(col(part.message_id).in_(ids)))
        return connection.execute(delete(Message).where(col(Message.id).in_(ids))).rowcount
    for table in (MENTIONS, DUE_ITEMS, PUSHED_CONVERSATIONS):
        connection.execute(delete(table).where(table.c.conversation_id == group_id))
    return connection.execute(delete(Conversation).where(col(Conversation.id) == group_id)).rowcount
