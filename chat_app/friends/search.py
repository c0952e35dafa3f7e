"""Finding people by their names."""

from uuid import UUID

from sqlalchemy import case
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts.schemas import UserCard
from chat_app.core.errors import Invalid
from chat_app.core.text import fold, has_control
from chat_app.friends.cards import CARDS, IS_BLOCKED, VISIBLE, cards_of
from chat_app.models import User
from chat_app.realtime.online import Online


async def search_users(
    session: AsyncSession, *, viewer_id: UUID, text: str, online: Online, limit: int = 20
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
    searched = col(User.search_text)
    literal = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rank = case(
        (col(User.username_key) == wanted, 0),
        (searched.like(f"{literal}%", escape="\\"), 1),
        (searched.like(f"%\n{literal}%", escape="\\"), 1),
        (searched.like(f"% {literal}%", escape="\\"), 2),
        else_=3,
    )
    rows = await session.execute(
        CARDS.where(
            VISIBLE,
            ~IS_BLOCKED,
            searched.like(f"%{literal}%", escape="\\"),
            col(User.id) != viewer_id,
        )
        .order_by(rank, col(User.username_key))
        .limit(limit),
        {"viewer_id": viewer_id},
    )
    return await cards_of(rows, online)
