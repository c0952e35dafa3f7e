"""Rows of invitations: add, find, use and delete them. The callers own the transaction."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.conversations.invites.schemas import InviteRequest, NewInvite
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.core.tokens import fingerprint, new_secret
from chat_app.models import Invite


def valid() -> ColumnElement[bool]:
    """Return whether an invitation may be used now."""
    return (col(Invite.expires_at) > utc_now()) & or_(
        col(Invite.max_uses).is_(None), col(Invite.uses) < col(Invite.max_uses)
    )


def add_invite(
    session: AsyncSession,
    data: InviteRequest,
    *,
    origin: str,
    created_by: UUID | None,
    group_id: UUID | None,
) -> NewInvite:
    """Add an invitation; its token leaves the process once, and is stored as a hash."""
    token = new_secret()
    invite = Invite(
        id=new_id(),
        token_hash=fingerprint(token),
        conversation_id=group_id,
        created_by=created_by,
        expires_at=utc_now() + timedelta(seconds=data.expires_in),
        max_uses=data.max_uses,
    )
    session.add(invite)
    return NewInvite(
        id=invite.id,
        token=token,
        url=f"{origin}/invite/{token}",
        qr="",
        expires_at=invite.expires_at,
        max_uses=invite.max_uses,
    )


async def find_invite(session: AsyncSession, token: str) -> Invite | None:
    """Return the invitation with this token, whatever became of it."""
    found: Invite | None = await session.scalar(
        select(Invite).where(col(Invite.token_hash) == fingerprint(token))
    )
    return found


async def invite_with_id(session: AsyncSession, invite_id: UUID) -> Invite | None:
    """Return an invitation by its id."""
    return await session.get(Invite, invite_id)


async def use_invite(session: AsyncSession, token: str) -> Invite | None:
    """Count a use of an invitation and return it; None where it may not be used.

    Of several at its last use one succeeds.
    """
    used: Invite | None = await session.scalar(
        update(Invite)
        .where(col(Invite.token_hash) == fingerprint(token), valid())
        .values(uses=col(Invite.uses) + 1)
        .returning(Invite)
    )
    return used


async def withdraw_invite(session: AsyncSession, invite_id: UUID) -> None:
    """End an invitation now. Members who accept it once more are still recognised by it."""
    await session.execute(
        update(Invite).where(col(Invite.id) == invite_id).values(expires_at=utc_now())
    )


def remove_invites(connection: Connection, before: datetime, count: int) -> int:
    """Delete at most `count` invitations that were over before a time; return how many."""
    over = select(col(Invite.id)).where(col(Invite.expires_at) < before).limit(count)
    ids = list(connection.scalars(over))
    return connection.execute(delete(Invite).where(col(Invite.id).in_(ids))).rowcount
