"""Session rows: opening, recognising and ending them. A session is one sign-in on one device."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts.errors import InvalidRefreshToken
from chat_app.accounts.schemas import Device, Ended, Identity
from chat_app.core.clock import ago, utc_now
from chat_app.core.ids import new_id
from chat_app.core.tokens import fingerprint, new_secret
from chat_app.models import AuthSession, RefreshToken, User
from chat_app.realtime.events import EndReason

# Two tabs may race with one token; a later reuse means that it was stolen.
REUSE_GRACE = timedelta(seconds=30)
TOUCH_EVERY = timedelta(minutes=1)


def open_session(
    session: AsyncSession, *, user_id: UUID, device: Device, lifetime: timedelta
) -> tuple[UUID, str]:
    """Add a session row; return its id and the secret that goes into the cookie."""
    secret = new_secret()
    row = AuthSession(
        id=new_id(),
        user_id=user_id,
        cookie_hash=fingerprint(secret),
        user_agent=device.user_agent[:300],
        address=device.address[:64],
        expires_at=utc_now() + lifetime,
    )
    session.add(row)
    return row.id, secret


async def add_refresh_token(session: AsyncSession, *, session_id: UUID) -> str:
    """Add and return a fresh refresh token of the session."""
    secret = new_secret()
    await session.flush()
    session.add(RefreshToken(token_hash=fingerprint(secret), session_id=session_id))
    return secret


async def spend_refresh_token(session: AsyncSession, token: str) -> tuple[Identity, bool]:
    """Spend a token; return whose it is, and whether it was stolen (spent long ago).

    Raises InvalidRefreshToken for an unknown one or one of an ended session.
    """
    now = utc_now()
    found = (
        await session.execute(
            live_sessions()
            .add_columns(col(RefreshToken.spent_at))
            .join(RefreshToken, col(RefreshToken.session_id) == col(AuthSession.id))
            .where(col(RefreshToken.token_hash) == fingerprint(token))
            .with_for_update(of=RefreshToken)
        )
    ).first()
    if found is None:
        raise InvalidRefreshToken
    identity = Identity(found.user_id, found.id)
    if found.spent_at is not None:
        return identity, now - found.spent_at > REUSE_GRACE
    await session.execute(
        update(RefreshToken)
        .where(col(RefreshToken.token_hash) == fingerprint(token))
        .values(spent_at=now)
    )
    return identity, False


async def forget_old_tokens(session: AsyncSession, *, session_id: UUID, age: timedelta) -> None:
    """Drop the session's tokens that were spent longer ago than a session can live."""
    await session.execute(
        delete(RefreshToken).where(
            col(RefreshToken.session_id) == session_id,
            col(RefreshToken.spent_at) < utc_now() - age,
        )
    )


async def end_session(session: AsyncSession, *, user_id: UUID, session_id: UUID) -> Ended:
    """Mark a session as ended by its user, if it is one of theirs, and alive."""
    return await _end(session, user_id, col(AuthSession.id) == session_id, "signed_out")


async def end_other_sessions(
    session: AsyncSession, identity: Identity, *, reason: EndReason
) -> Ended:
    """Mark all sessions of a user but this one as ended."""
    others = col(AuthSession.id) != identity.session_id
    return await _end(session, identity.user_id, others, reason)


async def end_sessions(session: AsyncSession, *, user_id: UUID, reason: EndReason) -> Ended:
    """Mark all sessions of a user as ended."""
    return await _end(session, user_id, true(), reason)


async def end_some_sessions(session: AsyncSession, *, at_most: int) -> Ended:
    """Mark as ended what still opens something, of anybody."""
    some = live_sessions().limit(at_most).with_only_columns(col(AuthSession.id))
    return await _mark(session, col(AuthSession.id).in_(some), "signed_out")


async def forget_sessions(session: AsyncSession, *, user_id: UUID) -> Ended:
    """End all sessions of a user who leaves, with what they remember of devices."""
    ended = await end_sessions(session, user_id=user_id, reason="account_deleted")
    theirs = col(AuthSession.user_id) == user_id
    await session.execute(update(AuthSession).where(theirs).values(user_agent="", address=""))
    await session.execute(
        delete(RefreshToken).where(
            col(RefreshToken.session_id).in_(select(col(AuthSession.id)).where(theirs))
        )
    )
    return ended


async def _end(
    session: AsyncSession, user_id: UUID, which: ColumnElement[bool], reason: EndReason
) -> Ended:
    alive = col(AuthSession.ended_at).is_(None)
    theirs = col(AuthSession.user_id) == user_id
    return await _mark(session, and_(theirs, alive, which), reason)


async def _mark(session: AsyncSession, which: ColumnElement[bool], reason: EndReason) -> Ended:
    now = ago(session.get_bind().dialect.name, timedelta(0))
    ended = await session.execute(
        update(AuthSession)
        .where(which)
        .values(ended_at=now, ended_reason=reason)
        .returning(col(AuthSession.id))
    )
    return Ended(list(ended.scalars()), reason)


def live_sessions() -> Select[UUID, UUID, datetime]:
    """Select id, user_id and last_used_at of the sessions that still open something."""
    return (
        select(col(AuthSession.id), col(AuthSession.user_id), col(AuthSession.last_used_at))
        .join(User, col(User.id) == col(AuthSession.user_id))
        .where(
            col(AuthSession.ended_at).is_(None),
            col(AuthSession.expires_at) > utc_now(),
            col(User.deleted_at).is_(None),
        )
    )
