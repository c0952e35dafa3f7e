"""Reads of admins: accounts, invitations to register, reports, figures, the audit log.

Each raises NotFound for anybody else, as for what does not exist.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.names import MAX_PART_LENGTH
from chat_app.accounts.store import is_acting_admin
from chat_app.admin import schemas
from chat_app.admin.store import require_admin
from chat_app.conversations.invites.store import valid
from chat_app.conversations.message_rows import person_of
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.settings import Settings
from chat_app.core.text import fold, has_control, has_lone_surrogate
from chat_app.friends.errors import PersonNotFound
from chat_app.models import (
    AuditEntry,
    AuthSession,
    Invite,
    NamePart,
    Report,
    StorageUse,
    User,
)
from chat_app.realtime.shapes import Person, avatar_url
from chat_app.stats import read_stats

DAY = timedelta(days=1)
MAX_QUERY_LENGTH = 64
# Beyond every text that begins with the wanted one.
BEYOND = "\U0010ffff"


async def list_users(
    session: AsyncSession, *, viewer_id: UUID, text: str = "", after: UUID | None, limit: int
) -> schemas.ManagedUsers:
    """Return accounts, the newest first, those with `text` in a name. Raises Invalid."""
    wanted = _wanted(text)
    await require_admin(session, viewer_id)
    page = _users().order_by(col(User.id).desc()).limit(limit + 1)
    if wanted:
        named = select(col(NamePart.user_id)).where(
            col(NamePart.part) >= wanted, col(NamePart.part) < wanted + BEYOND
        )
        page = page.where(col(User.id).in_(named))
    if after is not None:
        page = page.where(col(User.id) < after)
    rows = list(await session.execute(page))
    items = [_managed(row) for row in rows[:limit]]
    return schemas.ManagedUsers(items=items, next_after=_next(items, rows, limit))


async def managed_user(session: AsyncSession, *, user_id: UUID) -> schemas.ManagedUser:
    """Return an account as admins see it. Raises PersonNotFound."""
    row = (await session.execute(_users().where(col(User.id) == user_id))).first()
    if row is None:
        raise PersonNotFound
    return _managed(row)


async def list_invites(session: AsyncSession, *, viewer_id: UUID) -> schemas.RegistrationInvites:
    """Return the invitations to register that may be used, the newest first."""
    await require_admin(session, viewer_id)
    rows: Iterable[Any] = await session.execute(
        select(Invite, User)
        .outerjoin(User, col(User.id) == col(Invite.created_by))
        .where(col(Invite.conversation_id).is_(None), valid())
        .order_by(col(Invite.created_at).desc(), col(Invite.id).desc())
    )
    return schemas.RegistrationInvites(
        items=[
            schemas.RegistrationInvite(
                id=invite.id,
                created_by=None if user is None else _person(user),
                created_at=invite.created_at,
                expires_at=invite.expires_at,
                uses=invite.uses,
                max_uses=invite.max_uses,
            )
            for invite, user in rows
        ]
    )


async def list_reports(
    session: AsyncSession,
    *,
    viewer_id: UUID,
    before: UUID | None,
    limit: int,
) -> schemas.Reports:
    """Return reports, the newest first."""
    await require_admin(session, viewer_id)
    reporter, about = aliased(User), aliased(User)
    page = (
        select(Report, reporter, about)
        .join(reporter, col(reporter.id) == col(Report.reporter_id))
        .join(about, col(about.id) == col(Report.user_id))
        .order_by(col(Report.id).desc())
        .limit(limit + 1)
    )
    if before is not None:
        page = page.where(col(Report.id) < before)
    rows = list(await session.execute(page))
    items = [_report(*row) for row in rows[:limit]]
    return schemas.Reports(items=items, next_before=_next(items, rows, limit))


async def audit_log(
    session: AsyncSession, *, viewer_id: UUID, before: UUID | None, limit: int
) -> schemas.AuditLog:
    """Return entries of the audit log, the newest first."""
    await require_admin(session, viewer_id)
    page = select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(limit + 1)
    if before is not None:
        page = page.where(col(AuditEntry.id) < before)
    rows = list(await session.scalars(page))
    items = [
        schemas.AuditEntry(
            id=row.id,
            at=row.at,
            actor=_party(row.actor_id, row.actor_name),
            action=row.action,  # type: ignore[arg-type]  # the column has no others
            target=_party(row.target_id, row.target_name),
            address=row.address,
            detail=row.detail,
        )
        for row in rows[:limit]
    ]
    return schemas.AuditLog(items=items, next_before=_next(items, rows, limit))


async def figures(database: Database, settings: Settings, *, viewer_id: UUID) -> schemas.Figures:
    """Return the size and the use of the chat."""
    async with database.reading() as session:
        await require_admin(session, viewer_id)
        yesterday = utc_now() - DAY
        disabled = select(func.count()).where(col(User.disabled), col(User.deleted_at).is_(None))
        admins = select(func.count()).where(is_acting_admin())
        active = select(func.count(col(AuthSession.user_id).distinct())).where(
            col(AuthSession.last_used_at) >= yesterday
        )
        reports = select(func.count()).where(col(Report.state) == "open")
        files = select(func.coalesce(func.sum(col(StorageUse.bytes)), 0))
        numbers = [
            int(await session.scalar(one) or 0)
            for one in (disabled, admins, active, reports, files)
        ]
    stats = await read_stats(database)
    return schemas.Figures(
        people=stats.people.number,
        people_disabled=numbers[0],
        people_last_day=numbers[2],
        admins=numbers[1],
        conversations=stats.conversations.number,
        messages=stats.messages.number,
        messages_last_day=stats.messages_last_day,
        open_reports=numbers[3],
        database_bytes=stats.size_bytes,
        files_bytes=numbers[4],
        registration=settings.registration,
    )


async def bytes_to_back_up(database: Database) -> int:
    """Return the size of the database and the files. Raises Unavailable."""
    async with database.reading() as session:
        files = await session.scalar(select(func.coalesce(func.sum(col(StorageUse.bytes)), 0)))
    return (await read_stats(database)).size_bytes + int(files or 0)


async def is_admin(session: AsyncSession, user_id: UUID) -> bool:
    """Return whether somebody is an admin."""
    return bool(
        await session.scalar(select(exists().where(col(User.id) == user_id, is_acting_admin())))
    )


def _users() -> Select[*tuple[Any, ...]]:
    theirs = col(AuthSession.user_id) == col(User.id)
    is_live = col(AuthSession.ended_at).is_(None) & (col(AuthSession.expires_at) > utc_now())
    sessions = select(func.count()).select_from(AuthSession).where(theirs, is_live)
    storage = select(col(StorageUse.bytes)).where(col(StorageUse.user_id) == col(User.id))
    return select(
        User,
        sessions.correlate(User).scalar_subquery().label("sessions"),
        func.coalesce(storage.correlate(User).scalar_subquery(), 0).label("storage_bytes"),
    ).where(col(User.deleted_at).is_(None))


def _managed(row: Row[Any]) -> schemas.ManagedUser:
    account: User = row[0]
    return schemas.ManagedUser(
        id=account.id,
        username=account.username,
        display_name=account.display_name,
        avatar_url=avatar_url(account.avatar),
        created_at=account.created_at,
        last_seen_at=account.last_seen_at,
        admin=account.admin,
        disabled=account.disabled,
        sessions=row.sessions,
        storage_bytes=row.storage_bytes,
    )


def _report(report: Report, reporter: User, about: User) -> schemas.Report:
    return schemas.Report(
        id=report.id,
        reporter=_person(reporter),
        user=_person(about),
        message_id=report.message_id,
        conversation_id=report.conversation_id,
        content=report.content,
        reason=report.reason,
        state=report.state,  # type: ignore[arg-type]  # the column has no others
        created_at=report.created_at,
    )


def _person(user: User) -> Person:
    return person_of(user.id, user.username, user.display_name, user.avatar)


def _party(user_id: UUID | None, username: str) -> schemas.Party | None:
    return None if user_id is None else schemas.Party(id=user_id, username=username)


def _next(items: list[Any], rows: list[Any], limit: int) -> UUID | None:
    return items[-1].id if len(rows) > limit else None


def _wanted(text: str) -> str:
    """Return the folded text to look for; empty for everybody. Raises Invalid."""
    if len(text) > MAX_QUERY_LENGTH or has_control(text) or has_lone_surrogate(text):
        words = f"Write a part of a name, up to {MAX_QUERY_LENGTH} characters."
        raise Invalid({"q": words}, words)
    return fold(text.strip()).removeprefix("@")[:MAX_PART_LENGTH]
