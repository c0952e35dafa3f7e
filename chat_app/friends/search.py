"""Finding people by their names."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    SQLColumnExpression,
    and_,
    bindparam,
    case,
    exists,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.names import MAX_PART_LENGTH, Place
from chat_app.accounts.schemas import UserCard
from chat_app.core.errors import Invalid
from chat_app.core.text import fold, has_control, has_lone_surrogate
from chat_app.friends.cards import CARDS, IS_BLOCKED, VIEWER, VISIBLE, cards_of
from chat_app.models import NamePart, User
from chat_app.realtime.online import Online

QUERY_LONGEST = 64
# No part goes on with this: names hold no noncharacters.
LAST = "\U0010ffff"

_part, _better = aliased(NamePart), aliased(NamePart)


def _begins_so(part: SQLColumnExpression[str]) -> ColumnElement[bool]:
    return and_(part >= bindparam("wanted"), part < bindparam("beyond"))


# Somebody whose name holds the text more than once is found where it fits best. As a CASE, since
# PostgreSQL would turn a bare NOT EXISTS into a join, and might read every part for it.
_is_best = case(
    (
        exists(
            select(1)
            .select_from(_better)
            .where(
                col(_better.user_id) == col(_part.user_id),
                _begins_so(col(_better.part)),
                or_(
                    col(_better.place) < col(_part.place),
                    and_(
                        col(_better.place) == col(_part.place),
                        col(_better.part) < col(_part.part),
                    ),
                ),
            )
        ),
        False,
    ),
    else_=True,
)
HITS = (
    CARDS.join(_part, col(_part.user_id) == col(User.id))
    .where(
        col(_part.place) == bindparam("place"),
        _begins_so(col(_part.part)),
        _is_best,
        VISIBLE,
        ~IS_BLOCKED,
        col(User.id) != VIEWER,
    )
    .order_by(col(_part.part), col(_part.user_id))
    .limit(bindparam("most"))
)


async def search_users(
    session: AsyncSession, *, viewer_id: UUID, text: str, online: Online, limit: int = 20
) -> list[UserCard]:
    """Return people whose username or display name contains `text`, best match first.

    Case, accents and compatibility forms do not count, every other character is literal. The
    exact username comes first, then beginnings of either name, then of words, then the rest.
    Raises Invalid for a text that is blank, too long or holds control characters.
    """
    if not text.strip() or len(text) > QUERY_LONGEST or has_control(text):
        words = f"Write a part of a name, up to {QUERY_LONGEST} characters."
        raise Invalid({"q": words}, words)
    wanted = "" if has_lone_surrogate(text) else fold(text)[:MAX_PART_LENGTH]
    if not wanted:
        return []
    asked = {"viewer_id": viewer_id, "wanted": wanted, "beyond": wanted + LAST}
    rows: list[Row[*tuple[Any, ...]]] = []
    # One place after the other: the later ones are asked only while there is room.
    for place in Place:
        most = limit - len(rows)
        if most > 0:
            rows += await session.execute(HITS, {**asked, "place": place, "most": most})
    return await cards_of(rows, online)
