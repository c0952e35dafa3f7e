"""Modelled rows of groups: what `chat_app.conversations.groups.store` does, over modelled tables.

The use cases above it are the chat's own.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from unittest import mock
from uuid import UUID

import msgspec

from chat_app.change_log.moves import Move, moves_entry
from chat_app.conversations.groups import store
from chat_app.conversations.groups.store import Reach
from chat_app.core import request_context
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models import Conversation as Group
from chat_app.realtime.shapes import Notice, Role
from simulation.database import Session
from simulation.statements import NEW_MEMBER
from simulation.tables import Row, Transaction


def modelled_groups() -> Any:  # noqa: ANN401  # a patch
    """Return the patch that lets the use cases of groups work on the modelled tables."""
    return mock.patch.multiple(
        store,
        lock_group=_lock_group,
        write_changes=_write_changes,
        role_of=_role_of,
        count_owners=_count_owners,
        reach_of=_reach_of,
        members_among=_members_among,
        add_members=_add_members,
        remove_member=_remove_member,
        delete_group=_delete_group,
        add_notice=_add_notice,
    )


async def _lock_group(session: Session, conversation_id: UUID) -> Group | None:
    transaction = await session.begin_statement()
    if transaction.conversation(conversation_id) is None:
        return None
    transaction.tables.number(transaction)
    await transaction.tables.lock(transaction, conversation_id)
    row = transaction.existing(conversation_id)
    if row["deleted_at"] is not None:
        return None
    return Group(**{name: row[name] for name in Group.model_fields if name in row})


async def _write_changes(session: Session) -> None:
    await session.begin_statement()


async def _role_of(session: Session, group_id: UUID, user_id: UUID) -> Role | None:
    member = (await _members(session, group_id)).get(user_id)
    role: Role | None = None if member is None else member["role"]
    return role


async def _count_owners(session: Session, group_id: UUID) -> int:
    members = await _members(session, group_id)
    return sum(member["role"] == "owner" for member in members.values())


async def _reach_of(
    session: Session, _actor_id: UUID, user_ids: Iterable[UUID]
) -> dict[UUID, Reach]:
    await session.begin_statement()
    return {user_id: Reach(user_id, None) for user_id in user_ids}


async def _members_among(session: Session, group_id: UUID, user_ids: Collection[UUID]) -> set[UUID]:
    return {one for one in await _members(session, group_id) if one in user_ids}


async def _add_members(
    session: Session, group: Group, user_ids: Sequence[UUID], *, owner: UUID | None = None
) -> None:
    transaction = await session.begin_statement()
    is_restricted = group.history == "joining"
    for user_id in user_ids:
        values = {
            "last_read_seq": group.last_seq,
            "read_seq": group.last_seq,
            "role": "owner" if user_id == owner else "member",
            "since_seq": group.last_seq + 1 if is_restricted else 0,
            "since_rev": group.last_rev + 1 if is_restricted else 0,
        }
        transaction.set_member(group.id, user_id, **NEW_MEMBER | values)
    group.members_count += len(user_ids)
    _write(transaction, group)


async def _remove_member(session: Session, group: Group, user_id: UUID, *, reason: str) -> None:
    transaction = await session.begin_statement()
    transaction.remove_member(group.id, user_id, reason)
    group.members_count -= 1
    _write(transaction, group)


async def _delete_group(session: Session, group: Group) -> list[UUID]:
    transaction = await session.begin_statement()
    members = list(transaction.members_of(group.id))
    for user_id in members:
        transaction.remove_member(group.id, user_id, "deleted")
    group.members_count = 0
    group.deleted_at = utc_now()
    _write(transaction, group)
    return members


async def _add_notice(uow: Any, group: Group, notice: Notice) -> None:  # noqa: ANN401  # over a modelled session
    transaction = await uow.session.begin_statement()
    group.last_seq += 1
    group.last_rev += 1
    group.updated_at = group.changed_at = now = utc_now()
    _write(transaction, group)
    identifier = new_id()
    transaction.set_message(
        identifier,
        id=identifier,
        conversation_id=group.id,
        seq=group.last_seq,
        rev=group.last_rev,
        client_id=str(new_id()),
        sender_id=notice.actor_id,
        content="",
        mentions=None,
        mentions_all=False,
        created_at=now,
        edited_at=None,
        deleted_at=None,
        kind="notice",
        notice=msgspec.json.encode(notice).decode(),
    )
    move = Move(group.id, group.last_rev, None, request_context.current())
    uow.add(moves_entry([move], None))


async def _members(session: Session, group_id: UUID) -> dict[UUID, Row]:
    return (await session.begin_statement()).members_of(group_id)


def _write(transaction: Transaction, group: Group) -> None:
    row = transaction.existing(group.id)
    changes = {name: getattr(group, name) for name in Group.model_fields if name in row}
    transaction.set_conversation(group.id, **changes)
