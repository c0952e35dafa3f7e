"""Rows of administration: admins, accounts they change, reports, reset links, the audit log.

The callers own the transaction. No statement changes an entry of the audit log.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts.store import is_acting_admin
from chat_app.admin.errors import ReportIsSelf, ReportNotFound
from chat_app.admin.schemas import Action, Actor, BackupFailure
from chat_app.conversations.invites.store import valid
from chat_app.conversations.message_rows import IS_READABLE
from chat_app.core.clock import utc_now
from chat_app.core.errors import NotFound
from chat_app.core.tokens import fingerprint, new_secret
from chat_app.friends.errors import PersonNotFound
from chat_app.friends.relations import has_blocked, share_a_conversation
from chat_app.messages.errors import MessageNotFound
from chat_app.models import (
    AuditEntry,
    BackupRun,
    DueItem,
    Invite,
    Member,
    Message,
    Report,
    ResetLink,
    User,
)

RESET_LIFETIME = timedelta(days=1)
# A node that has not renewed its backup for so long is gone.
BACKUP_RENEWED_S = 5.0
BACKUP_STALE_AFTER = timedelta(seconds=60)
MAX_ADDRESS = 64
RECENT = timedelta(hours=1)


async def require_admin(session: AsyncSession, user_id: UUID) -> User:
    """Return the account of an admin. Raises NotFound for anybody else."""
    account: User | None = await session.scalar(
        select(User).where(col(User.id) == user_id, is_acting_admin())
    )
    if account is None:
        raise NotFound
    return account


def add_entry(
    session: AsyncSession,
    actor: Actor,
    action: Action,
    *,
    actor_name: str = "",
    target: User | None = None,
    detail: str = "",
) -> None:
    """Add an entry to the audit log."""
    session.add(
        AuditEntry(
            actor_id=actor.user_id,
            actor_name=actor_name,
            action=action,
            target_id=target.id if target else None,
            target_name=target.username if target else "",
            address=actor.address[:MAX_ADDRESS],
            detail=detail,
        )
    )


async def has_entry(session: AsyncSession, actor: Actor, action: Action, *, detail: str) -> bool:
    """Return whether the audit log has such an entry of the last hour, from the same address."""
    same = select(col(AuditEntry.id)).where(
        col(AuditEntry.at) > utc_now() - RECENT,
        col(AuditEntry.actor_id) == actor.user_id,
        col(AuditEntry.address) == actor.address[:MAX_ADDRESS],
        col(AuditEntry.action) == action,
        col(AuditEntry.detail) == detail,
    )
    return (await session.execute(same.limit(1))).first() is not None


async def refuse_scheduled(session: AsyncSession, user_id: UUID) -> None:
    """Refuse what an account has scheduled: a disabled one sends nothing."""
    waits = (
        (col(DueItem.user_id) == user_id)
        & (col(DueItem.kind) == "scheduled")
        & (col(DueItem.state) == "waiting")
    )
    await session.execute(
        update(DueItem).where(waits).values(state="refused", code="account_disabled")
    )


async def add_reset_link(session: AsyncSession, user_id: UUID) -> tuple[str, datetime]:
    """Add a reset link of an account in place of earlier ones; return its token and its end."""
    await session.execute(delete(ResetLink).where(col(ResetLink.user_id) == user_id))
    token, expires_at = new_secret(), utc_now() + RESET_LIFETIME
    session.add(ResetLink(token_hash=fingerprint(token), user_id=user_id, expires_at=expires_at))
    return token, expires_at


def _is_valid(token: str) -> ColumnElement[bool]:
    return (col(ResetLink.token_hash) == fingerprint(token)) & (
        col(ResetLink.expires_at) > utc_now()
    )


async def user_of_reset_link(session: AsyncSession, token: str) -> User | None:
    """Return the account that a reset link is for; None where it may not be used."""
    found: User | None = await session.scalar(
        select(User)
        .join(ResetLink, col(ResetLink.user_id) == col(User.id))
        .where(_is_valid(token), col(User.deleted_at).is_(None))
    )
    return found


async def use_reset_link(session: AsyncSession, token: str) -> UUID | None:
    """Delete a reset link and return whose it is; of two at once the second one gets None."""
    found: UUID | None = await session.scalar(
        delete(ResetLink).where(_is_valid(token)).returning(col(ResetLink.user_id))
    )
    return found


async def withdraw_invite(session: AsyncSession, invite_id: UUID) -> bool:
    """End an invitation to register that is valid; return whether it was one."""
    ended = await session.execute(
        update(Invite)
        .where(col(Invite.id) == invite_id, col(Invite.conversation_id).is_(None), valid())
        .values(expires_at=utc_now())
        .returning(col(Invite.id))
    )
    return ended.first() is not None


async def report_message(
    session: AsyncSession, *, reporter_id: UUID, message_id: UUID, reason: str
) -> UUID:
    """Add a report of a message that the reporter may read, with its text.

    Raises MessageNotFound and ReportIsSelf.
    """
    found = await session.execute(
        select(col(Message.sender_id), col(Message.conversation_id), col(Message.content))
        .join(Member, col(Member.conversation_id) == col(Message.conversation_id))
        .where(
            col(Message.id) == message_id,
            col(Message.kind) == "text",
            col(Message.deleted_at).is_(None),
            col(Member.user_id) == reporter_id,
            IS_READABLE,
        )
    )
    message = found.first()
    if message is None:
        raise MessageNotFound
    if message.sender_id == reporter_id:
        raise ReportIsSelf
    report = Report(
        reporter_id=reporter_id,
        user_id=message.sender_id,
        message_id=message_id,
        conversation_id=message.conversation_id,
        content=message.content,
        reason=reason,
    )
    session.add(report)
    return report.id


async def report_user(
    session: AsyncSession, *, reporter_id: UUID, user_id: UUID, reason: str
) -> UUID:
    """Add a report of a person whom the reporter finds, or shares a conversation with.

    A block does not protect from it. Raises PersonNotFound and ReportIsSelf.
    """
    if user_id == reporter_id:
        raise ReportIsSelf
    found = await session.scalar(
        select(col(User.id)).where(
            col(User.id) == user_id,
            col(User.deleted_at).is_(None),
            or_(
                ~has_blocked(col(User.id), reporter_id),
                share_a_conversation(reporter_id, col(User.id)),
            ),
        )
    )
    if found is None:
        raise PersonNotFound
    report = Report(reporter_id=reporter_id, user_id=user_id, reason=reason)
    session.add(report)
    return report.id


async def set_report_state(session: AsyncSession, report_id: UUID, state: str) -> tuple[User, bool]:
    """Set the state of a report; return whom it is about, and whether it had another one.

    Raises ReportNotFound.
    """
    found = await session.execute(
        select(Report, User)
        .join(User, col(User.id) == col(Report.user_id))
        .where(col(Report.id) == report_id)
    )
    row = found.first()
    if row is None:
        raise ReportNotFound
    report, user = row
    changed = report.state != state
    if changed:
        report.state = state
        report.closed_at = None if state == "open" else utc_now()
    return user, changed


async def latest_backup(session: AsyncSession) -> BackupRun | None:
    """Return the latest backup that was begun."""
    run: BackupRun | None = await session.scalar(select(BackupRun))
    return run


def is_running(run: BackupRun | None) -> bool:
    """Return whether a backup is being made."""
    return run is not None and (
        run.state == "running" and run.alive_at > utc_now() - BACKUP_STALE_AFTER
    )


async def begin_backup(session: AsyncSession, name: str) -> BackupRun:
    """Store the row of a backup in place of the latest one's; `lock_admins` first."""
    await session.execute(delete(BackupRun))
    run = BackupRun(name=name)
    session.add(run)
    return run


def renew_backup(connection: Connection) -> None:
    """Store that the backup that runs is still being made."""
    connection.execute(
        update(BackupRun).where(col(BackupRun.state) == "running").values(alive_at=utc_now())
    )


async def finish_backup(session: AsyncSession, name: str, failure: BackupFailure) -> None:
    """Store the end of a backup, unless another one has taken its place."""
    await session.execute(
        update(BackupRun)
        .where(col(BackupRun.name) == name)
        .values(state="failed" if failure else "ready", failure=failure)
    )


def remove_reset_links(connection: Connection, before: datetime, count: int) -> int:
    """Delete at most `count` reset links that were over before a time; return how many."""
    over = select(col(ResetLink.token_hash)).where(col(ResetLink.expires_at) < before).limit(count)
    hashes = list(connection.scalars(over))
    return connection.execute(
        delete(ResetLink).where(col(ResetLink.token_hash).in_(hashes))
    ).rowcount


def remove_reports(connection: Connection, before: datetime, count: int) -> int:
    """Delete at most `count` reports that were closed before a time; return how many."""
    over = select(col(Report.id)).where(col(Report.closed_at) < before).limit(count)
    ids = list(connection.scalars(over))
    return connection.execute(delete(Report).where(col(Report.id).in_(ids))).rowcount


def remove_entries(connection: Connection, before: datetime, count: int) -> int:
    """Delete at most `count` entries of the audit log older than a time; return how many."""
    over = select(col(AuditEntry.id)).where(col(AuditEntry.at) < before).limit(count)
    ids = list(connection.scalars(over))
    return connection.execute(delete(AuditEntry).where(col(AuditEntry.id).in_(ids))).rowcount
