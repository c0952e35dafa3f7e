"""Reads about accounts: one's own profile and open sessions."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts.quiet_hours import hours_of
from chat_app.accounts.schemas import Identity, OpenSession, OwnUser
from chat_app.accounts.store import live_sessions
from chat_app.core.errors import NotFound
from chat_app.core.languages import language_of
from chat_app.models import AuthSession
from chat_app.models import User as Account
from chat_app.realtime.shapes import Person, avatar_url

# Nobody has as many devices; a script that signs in all the time must not make the list endless.
MAX_SESSIONS = 100


async def own_user(session: AsyncSession, *, user_id: UUID) -> OwnUser:
    """Return a person as they see themselves. Raises NotFound when the account is gone."""
    account = await session.get(Account, user_id)
    if account is None or account.deleted_at is not None:
        raise NotFound
    return own_user_of(account)


async def people_by_id(session: AsyncSession, *, user_ids: Collection[UUID]) -> dict[UUID, Person]:
    """Return those people whose accounts are not deleted."""
    shown = (Account.id, Account.username, Account.display_name, Account.avatar)
    rows = await session.execute(
        select(*map(col, shown)).where(
            col(Account.id).in_(user_ids), col(Account.deleted_at).is_(None)
        )
    )
    return {
        row.id: Person(
            id=row.id,
            username=row.username,
            display_name=row.display_name,
            avatar_url=avatar_url(row.avatar),
        )
        for row in rows
    }


async def open_sessions(session: AsyncSession, *, viewer: Identity) -> list[OpenSession]:
    """Return the viewer's live sessions, the latest used first."""
    rows = await session.execute(
        live_sessions()
        .add_columns(
            col(AuthSession.user_agent), col(AuthSession.address), col(AuthSession.created_at)
        )
        .where(col(AuthSession.user_id) == viewer.user_id)
        .order_by(col(AuthSession.last_used_at).desc(), col(AuthSession.id).desc())
        .limit(MAX_SESSIONS)
    )
    return [
        OpenSession(
            id=row.id,
            user_agent=row.user_agent,
            address=row.address,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            current=row.id == viewer.session_id,
        )
        for row in rows
    ]


def own_user_of(account: Account | Row[Any]) -> OwnUser:
    """Make the private view of an account, or of a plain row with its columns."""
    return OwnUser(
        id=account.id,
        username=account.username,
        display_name=account.display_name,
        avatar_url=avatar_url(account.avatar),
        bio=account.bio,
        status_text=account.status_text,
        created_at=account.created_at,
        accept_messages_from="friends" if account.accept_messages_from == "friends" else "everyone",
        share_presence=account.share_presence,
        sound=account.sound,
        admin=account.admin,
        push_preview=account.push_preview,
        quiet_hours=hours_of(account.quiet_hours),
        locale=language_of(account.locale),
    )
