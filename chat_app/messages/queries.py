"""Every statement about messages, on behalf of a member: permission is in each query."""

import functools
from collections.abc import Mapping
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, Uuid, bindparam, select

from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.views import message_of
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.ids import pair_key
from chat_app.friends.queries import user_card
from chat_app.messages.json_page import as_text, read
from chat_app.messages.schemas import MessagePage
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MESSAGES
from chat_app.realtime.online import Online

LIMIT = 50
END = 2**63 - 1


async def history(
    database: Database,
    *,
    viewer_id: UUID,
    conversation_id: UUID,
    before: int | None = None,
    after: int | None = None,
    limit: int = LIMIT,
) -> MessagePage:
    """Return a page of a conversation: before or after a `seq`, or the newest.

    Raises ConversationNotFound, or Invalid when both ends are given.
    """
    page = await _page(
        database,
        {"viewer_id": viewer_id, "conversation_id": conversation_id},
        before=before,
        after=after,
        limit=limit,
    )
    if page is None:
        raise ConversationNotFound
    return page


async def direct_history(
    database: Database,
    *,
    viewer_id: UUID,
    user_id: UUID,
    online: Online,
    before: int | None = None,
    after: int | None = None,
    limit: int = LIMIT,
) -> MessagePage:
    """Return a page of the direct conversation with a user; empty when nothing was written.

    Raises NotFound for somebody who never was there.
    """
    page = await _page(
        database,
        {"viewer_id": viewer_id, "direct_key": pair_key(viewer_id, user_id)},
        before=before,
        after=after,
        limit=limit,
    )
    if page is None:
        async with database.reading() as session:
            await user_card(session, viewer_id=viewer_id, user_id=user_id, online=online)
        return MessagePage(items=[], has_more=False)
    return page


async def _page(
    database: Database,
    which: Mapping[str, UUID | str],
    *,
    before: int | None,
    after: int | None,
    limit: int,
) -> MessagePage | None:
    """Return a page; None where the viewer is no member."""
    if before is not None and after is not None:
        raise Invalid({"after": "Give either before or after."})
    rising = after is not None
    place = after if after is not None else END if before is None else before
    dialect = database.engine.dialect.name
    statement = _statement(dialect, is_direct="direct_key" in which, rising=rising)
    answers = await database.fetch_all(statement, {**which, "place": place, "most": limit + 1})
    if not answers:
        return None
    [answer] = answers
    rows = sorted(read(answer.rows), key=attrgetter("seq"))
    items = [message_of(row, answer.direct_key) for row in rows]
    shown = items[:limit] if rising else items[-limit:]
    return MessagePage(items=shown, has_more=len(items) > limit)


@functools.cache
def _statement(dialect: str, *, is_direct: bool, rising: bool) -> Select[*tuple[Any, ...]]:
    """Compose the only statement of a page, whose only row is there for members."""
    conversation_id: ColumnElement[UUID]
    if is_direct:
        is_it = CONVERSATIONS.c.direct_key == bindparam("direct_key")
        conversation_id = select(CONVERSATIONS.c.id).where(is_it).scalar_subquery()
    else:
        conversation_id = bindparam("conversation_id", type_=Uuid)
        is_it = CONVERSATIONS.c.id == conversation_id
    seq = MESSAGES.c.seq
    place = bindparam("place", type_=BigInteger)
    page = (
        select(MESSAGES)
        .where(
            MESSAGES.c.conversation_id == conversation_id, seq > place if rising else seq < place
        )
        .order_by(seq.asc() if rising else seq.desc())
        .limit(bindparam("most", type_=BigInteger))
        .subquery("page")
    )
    return (
        select(CONVERSATIONS.c.direct_key, as_text(dialect, page).label("rows"))
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .where(is_it, MEMBERS.c.user_id == bindparam("viewer_id", type_=Uuid))
    )
