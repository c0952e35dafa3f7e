"""Every question about messages, on behalf of a member: permission is in each query."""

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Row, Select, Uuid, bindparam, select

from chat_app.conversations.direct import direct_key, receivers_of
from chat_app.conversations.errors import ConversationNotFound
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.json_rows import as_json
from chat_app.friends.cards import user_card
from chat_app.messages.schemas import Message, MessagePage
from chat_app.messages.statements import CONVERSATIONS, MEMBERS, MESSAGES
from chat_app.realtime.online import Online

LIMIT = 50
END = 2**63 - 1

AnyRow = Row[*tuple[Any, ...]]


class _Row(msgspec.Struct):
    """What the messages of a page do not have in common."""

    id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    content: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None


_decode = msgspec.json.Decoder(list[_Row]).decode


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
        {"viewer_id": viewer_id, "direct_key": direct_key(viewer_id, user_id)},
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
    question = _question(dialect, is_direct="direct_key" in which, rising=rising)
    answers = await database.ask(question, {**which, "place": place, "most": limit + 1})
    if not answers:
        return None
    [answer] = answers
    items = _messages(answer, _decode(answer.rows or "[]"))
    shown = items[:limit] if rising else items[-limit:]
    return MessagePage(items=shown, has_more=len(items) > limit)


@functools.cache
def _question(dialect: str, *, is_direct: bool, rising: bool) -> Select[*tuple[Any, ...]]:
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
        select(*(column for column in MESSAGES.c if column is not MESSAGES.c.conversation_id))
        .where(
            MESSAGES.c.conversation_id == conversation_id, seq > place if rising else seq < place
        )
        .order_by(seq.asc() if rising else seq.desc())
        .limit(bindparam("most", type_=BigInteger))
        .subquery("page")
    )
    rows = select(as_json(dialect, page)).scalar_subquery()
    return (
        select(CONVERSATIONS.c.id, CONVERSATIONS.c.direct_key, rows.label("rows"))
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .where(is_it, MEMBERS.c.user_id == bindparam("viewer_id", type_=Uuid))
    )


def _messages(conversation: AnyRow, rows: Iterable[_Row]) -> list[Message]:
    receivers = receivers_of(conversation.direct_key)
    return [
        Message(
            id=row.id,
            conversation_id=conversation.id,
            seq=row.seq,
            rev=row.rev,
            client_id=row.client_id,
            sender_id=row.sender_id,
            receiver_id=receivers.get(row.sender_id),
            content=row.content,
            created_at=row.created_at,
            edited_at=row.edited_at,
            deleted_at=row.deleted_at,
        )
        for row in sorted(rows, key=attrgetter("seq"))
    ]
