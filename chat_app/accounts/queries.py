"""Every question about accounts, on behalf of someone."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts.schemas import OwnUser, UserCard
from chat_app.core.errors import Invalid, NotFound
from chat_app.core.text import fold, has_control
from chat_app.models import User as Account

DELETED_NAME = "Deleted user"
CARD = (
    col(Account.id),
    col(Account.username),
    col(Account.display_name),
    col(Account.status_text),
    col(Account.deleted_at),
)


def card_of(row: Row[*tuple[Any, ...]]) -> UserCard:
    """Make a card of a row that selected CARD."""
    gone = row.deleted_at is not None
    return UserCard(
        id=row.id,
        username="" if gone else row.username,
        display_name=DELETED_NAME if gone else row.display_name,
        avatar_url=None,
        status_text="" if gone else row.status_text,
        online=None,
        last_seen_at=None,
        friendship="none",
    )


async def own_user(session: AsyncSession, *, user_id: UUID) -> OwnUser:
    """Return a person as they see themselves. Raises NotFound when the account is gone."""
    account = await session.get(Account, user_id)
    if account is None or account.deleted_at is not None:
        raise NotFound
    return own_user_of(account)


def own_user_of(account: Account) -> OwnUser:
    """Make the private view of an account."""
    return OwnUser(
        id=account.id,
        username=account.username,
        display_name=account.display_name,
        avatar_url=None,
        bio=account.bio,
        status_text=account.status_text,
        created_at=account.created_at,
        accept_messages_from="friends" if account.accept_messages_from == "friends" else "everyone",
        share_presence=account.share_presence,
        sound=account.sound,
    )


async def user_card(session: AsyncSession, *, viewer_id: UUID, user_id: UUID) -> UserCard:
    """Return a person as `viewer_id` may see them. Raises NotFound."""
    cards = await user_cards(session, viewer_id=viewer_id, user_ids=[user_id])
    found = cards.get(user_id)
    if found is None or (found.display_name == DELETED_NAME and not found.username):
        raise NotFound
    return found


async def user_cards(
    session: AsyncSession, *, viewer_id: UUID, user_ids: Iterable[UUID]
) -> dict[UUID, UserCard]:
    """Return the cards of many people by id, deleted ones under a common name."""
    del viewer_id  # what a viewer may see of others begins to differ with friends and blocks
    rows = await session.execute(select(*CARD).where(col(Account.id).in_(list(user_ids))))
    return {row.id: card_of(row) for row in rows}


async def search_users(
    session: AsyncSession, *, viewer_id: UUID, text: str, limit: int = 20
) -> list[UserCard]:
    """Return people whose username or display name contains `text`, best match first.

    Case, accents and compatibility forms do not count; `%` and `_` are literal. Exact
    usernames come first, then beginnings of either name, then beginnings of words.
    Raises Invalid for a blank text or one with control characters.
    """
    if not text.strip() or has_control(text):
        raise Invalid({"q": "Write a part of a name."})
    wanted = fold(text.strip())
    if not wanted:
        return []
    searched = col(Account.search_text)
    literal = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rank = case(
        (col(Account.username_key) == wanted, 0),
        (searched.like(f"{literal}%", escape="\\"), 1),
        (searched.like(f"%\n{literal}%", escape="\\"), 1),
        (searched.like(f"% {literal}%", escape="\\"), 2),
        else_=3,
    )
    rows = await session.execute(
        select(*CARD)
        .where(
            searched.like(f"%{literal}%", escape="\\"),
            col(Account.id) != viewer_id,
            col(Account.deleted_at).is_(None),
        )
        .order_by(rank, col(Account.username_key))
        .limit(limit)
    )
    return [card_of(row) for row in rows]
