"""Reads about groups on behalf of a user: members, open groups, and who has read a message."""

import functools
import re
from enum import Enum, auto
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.names import MAX_PART_LENGTH, Place
from chat_app.conversations.errors import BadCursor, ConversationNotFound
from chat_app.conversations.groups.errors import MemberNotFound, NotAGroup
from chat_app.conversations.groups.schemas import (
    Channel,
    ChannelPage,
    GroupMember,
    MemberPage,
    Reader,
    ReceiptPage,
)
from chat_app.conversations.message_rows import person_of
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.text import fold, has_control, has_lone_surrogate
from chat_app.friends.cards import VIEWER, card_columns, with_cards, with_relations
from chat_app.friends.queries import BEYOND, MAX_QUERY_LENGTH
from chat_app.friends.relations import MAX_GROUP_SIZE
from chat_app.models import Conversation, FormerMember, Member, NamePart, User
from chat_app.models.conversations import IS_OPEN
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MESSAGES
from chat_app.realtime.events import RemovalReason
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import avatar_url

# A name in UTF-8, as hexadecimal digits, and an id; of a member, after the rank of the role.
NAME_CURSOR = re.compile(r"((?:[0-9a-f]{2}){0,1200})-([0-9a-f]{32})")
MEMBER_CURSOR = re.compile(rf"[0-2]-{NAME_CURSOR.pattern}")

_rank = case((col(Member.role) == "owner", 0), (col(Member.role) == "admin", 1), else_=2)
_own = aliased(Member)


async def list_members(
    database: Database,
    *,
    viewer_id: UUID,
    conversation_id: UUID,
    online: Online,
    text: str = "",
    after: str | None = None,
    limit: int = 50,
) -> MemberPage:
    """Return members of a group: owners, then admins, then the others by name.

    `text` is a part of a name. Raises ConversationNotFound, NotAGroup, and BadCursor or Invalid.
    """
    values: dict[str, Any] = {
        "viewer_id": viewer_id,
        "conversation_id": conversation_id,
        "wanted": _wanted(text),
        "most": limit + 1,
    }
    if after is not None:
        if MEMBER_CURSOR.fullmatch(after) is None:
            raise BadCursor("after")
        part, user_id = _name_place(after[2:])
        values |= {"after_rank": int(after[0]), "after_part": part, "after_id": user_id}
    group = await database.fetch_all(
        _group(), {k: values[k] for k in ("viewer_id", "conversation_id")}
    )
    if not group:
        raise ConversationNotFound
    if group[0].kind != "group":
        raise NotAGroup
    wanted: str = values["wanted"]
    values["beyond"] = wanted + BEYOND
    search = _search_for(wanted)
    rows = await database.fetch_all(
        _members(database.dialect, first=after is None, search=search), values
    )
    items = [
        GroupMember(user=card, role=row.role, joined_at=row.joined_at)
        async for row, card in with_cards(rows[:limit], online)
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    next_after = None if last is None else f"{last.rank}-{_name_cursor(last.part, last.id)}"
    return MemberPage(items=items, total=group[0].members_count, next_after=next_after)


async def get_member(
    session: AsyncSession, *, viewer_id: UUID, group: Conversation, user_id: UUID, online: Online
) -> GroupMember:
    """Return a member of a group that the viewer is in. Raises MemberNotFound."""
    is_small = literal(group.members_count <= MAX_GROUP_SIZE)
    statement = with_relations(
        select(col(Member.role), col(Member.joined_at), *card_columns(is_small))
        .select_from(Member)
        .join(User, col(User.id) == col(Member.user_id))
        .where(col(Member.conversation_id) == group.id, col(Member.user_id) == user_id)
    )
    rows = await session.execute(statement, {"viewer_id": viewer_id})
    async for row, card in with_cards(rows, online):
        return GroupMember(user=card, role=row.role, joined_at=row.joined_at)
    raise MemberNotFound


async def list_channels(
    database: Database,
    *,
    viewer_id: UUID,
    text: str = "",
    after: str | None = None,
    limit: int = 50,
) -> ChannelPage:
    """Return open groups by their titles, those with `text` in it. Raises BadCursor and Invalid."""
    wanted = _wanted(text)
    values: dict[str, Any] = {"viewer_id": viewer_id, "wanted": wanted, "most": limit + 1}
    if after is not None:
        key, identifier = _name_place(after)
        values |= {"after_key": key, "after_id": identifier}
    statement = _channels(database.dialect, first=after is None, searches=bool(wanted))
    rows = await database.fetch_all(statement, values)
    items = [
        Channel(
            id=row.id,
            title=row.title,
            avatar_url=avatar_url(row.avatar),
            description=row.description,
            members_count=row.members_count,
            joined=bool(row.joined),
        )
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    next_after = None if last is None else _name_cursor(last.title_key, last.id)
    return ChannelPage(items=items, next_after=next_after)


async def former_groups(database: Database, *, viewer_id: UUID) -> dict[UUID, RemovalReason]:
    """Return the groups that the viewer is in no more, with the reason."""
    rows = await database.fetch_all(_former(), {"viewer_id": viewer_id})
    return {row.conversation_id: row.reason for row in rows}


async def message_receipts(
    database: Database,
    *,
    viewer_id: UUID,
    message_id: UUID,
    after: str | None = None,
    limit: int = 50,
) -> ReceiptPage | None:
    """Return who has read a message that the viewer has sent, None for any other message.

    Raises BadCursor.
    """
    given = {"viewer_id": viewer_id, "message_id": message_id}
    counts = await database.fetch_all(_receipt_counts(), given)
    if not counts:
        return None
    values: dict[str, Any] = {**given, "most": limit + 1}
    if after is not None:
        part, user_id = _name_place(after)
        values |= {"after_part": part, "after_id": user_id}
    rows = await database.fetch_all(_readers(first=after is None), values)
    items = [
        Reader(user=person_of(row.id, row.username, row.display_name, row.avatar))
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return ReceiptPage(
        read=items,
        read_count=counts[0].read_count,
        delivered_count=counts[0].delivered_count,
        next_after=None if last is None else _name_cursor(last.part, last.id),
    )


def _wanted(text: str) -> str:
    """Return the folded text to look for; empty for everything."""
    if not text:
        return ""
    if not text.strip() or len(text) > MAX_QUERY_LENGTH or has_control(text):
        words = f"Write a part of a name, up to {MAX_QUERY_LENGTH} characters."
        raise Invalid({"q": words}, words)
    if has_lone_surrogate(text):
        return "\U0010ffff"  # in no name
    return fold(text).removeprefix("@")[:MAX_PART_LENGTH] or "\U0010ffff"


@functools.cache
def _group() -> Select[*tuple[Any, ...]]:
    return (
        select(col(Conversation.kind), col(Conversation.members_count))
        .join(Member, col(Member.conversation_id) == col(Conversation.id))
        .where(
            col(Conversation.id) == bindparam("conversation_id", type_=CONVERSATIONS.c.id.type),
            col(Member.user_id) == VIEWER,
        )
    )


@functools.cache
def _former() -> Select[*tuple[Any, ...]]:
    return select(col(FormerMember.conversation_id), col(FormerMember.reason)).where(
        col(FormerMember.user_id) == VIEWER
    )


def _contains(dialect: str, text: ColumnElement[str] | Any) -> ColumnElement[bool]:  # noqa: ANN401  # a column of a model
    position = func.instr if dialect == "sqlite" else func.strpos
    return position(text, bindparam("wanted", type_=String), type_=Integer) > 0


# The folded display name of a user, by which lists of people are sorted; in the words of the index.
_part = func.coalesce(col(NamePart.part), "")
_IS_BEGINNING = col(NamePart.place) == literal_column(str(int(Place.DISPLAY_NAME)))
_of_user = and_(col(NamePart.user_id) == col(User.id), _IS_BEGINNING)
_found = aliased(NamePart)
# Whose names contain the text `wanted`.
_NAMED = select(col(_found.user_id)).where(
    col(_found.place).in_([literal_column(str(int(place))) for place in Place]),
    col(_found.part) >= bindparam("wanted", type_=String),
    col(_found.part) < bindparam("beyond", type_=String),
)


class _Search(Enum):
    NONE = auto()
    # A letter is in most names of the whole chat: those of the members are read instead.
    LETTER = auto()
    # By the index of name parts, as people are searched.
    TEXT = auto()


def _search_for(wanted: str) -> _Search:
    if not wanted:
        return _Search.NONE
    return _Search.LETTER if len(wanted) == 1 else _Search.TEXT


@functools.cache
def _members(dialect: str, *, first: bool, search: _Search) -> Select[*tuple[Any, ...]]:
    """Select a page of members with their cards, for a viewer who is in the group."""
    conversation_id = bindparam("conversation_id", type_=CONVERSATIONS.c.id.type)
    of_group = (
        select(
            _rank.label("rank"),
            _part.label("part"),
            col(Member.user_id).label("user_id"),
            col(Member.role).label("role"),
            col(Member.joined_at).label("joined_at"),
        )
        .select_from(Member)
        .outerjoin(NamePart, and_(col(NamePart.user_id) == col(Member.user_id), _IS_BEGINNING))
        .where(
            col(Member.conversation_id) == conversation_id,
            exists(
                select(1).where(
                    col(_own.conversation_id) == conversation_id, col(_own.user_id) == VIEWER
                )
            ),
        )
    )
    if search is _Search.LETTER:
        of_group = of_group.join(User, col(User.id) == col(Member.user_id)).where(
            or_(_contains(dialect, _part), _contains(dialect, col(User.username_key)))
        )
    elif search is _Search.TEXT:
        of_group = of_group.where(col(Member.user_id).in_(_NAMED))
    found = of_group.subquery("of_group")
    page = select(found)
    order = (found.c.rank, found.c.part, found.c.user_id)
    if not first:
        page = page.where(
            tuple_(*order)
            > tuple_(
                bindparam("after_rank", type_=Integer),
                bindparam("after_part", type_=String),
                bindparam("after_id", type_=CONVERSATIONS.c.id.type),
            )
        )
    few = page.order_by(*order).limit(bindparam("most", type_=Integer)).subquery("few")
    # Only members of small groups see each other's presence there.
    is_small = exists(
        select(1).where(
            CONVERSATIONS.c.id == conversation_id,
            CONVERSATIONS.c.members_count <= MAX_GROUP_SIZE,
        )
    )
    cards = with_relations(
        select(few.c.rank, few.c.part, few.c.role, few.c.joined_at, *card_columns(is_small))
        .select_from(few)
        .join(User, col(User.id) == few.c.user_id)
    )
    return cards.order_by(few.c.rank, few.c.part, few.c.user_id)


@functools.cache
def _channels(dialect: str, *, first: bool, searches: bool) -> Select[*tuple[Any, ...]]:
    """Select a page of open groups."""
    key, identifier = CONVERSATIONS.c.title_key, CONVERSATIONS.c.id
    joined = exists(
        select(1).where(col(_own.conversation_id) == identifier, col(_own.user_id) == VIEWER)
    )
    page = select(
        identifier,
        key,
        CONVERSATIONS.c.title,
        CONVERSATIONS.c.avatar,
        CONVERSATIONS.c.description,
        CONVERSATIONS.c.members_count,
        joined.label("joined"),
    ).where(IS_OPEN)
    if searches:
        page = page.where(_contains(dialect, key))
    if not first:
        page = page.where(
            tuple_(key, identifier)
            > tuple_(
                bindparam("after_key", type_=String),
                bindparam("after_id", type_=CONVERSATIONS.c.id.type),
            )
        )
    return page.order_by(key, identifier).limit(bindparam("most", type_=Integer))


def _of_own_message(*columns: ColumnElement[Any] | Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401  # columns of models
    """Select of the other members of the conversation of an own message."""
    return (
        select(*columns)
        .select_from(MESSAGES)
        .join(
            _own,
            and_(
                col(_own.conversation_id) == MESSAGES.c.conversation_id,
                col(_own.user_id) == VIEWER,
                MESSAGES.c.seq >= col(_own.since_seq),
            ),
        )
        .outerjoin(
            MEMBERS,
            and_(
                MEMBERS.c.conversation_id == MESSAGES.c.conversation_id,
                MEMBERS.c.user_id != VIEWER,
                MEMBERS.c.since_seq <= MESSAGES.c.seq,
            ),
        )
        .where(
            MESSAGES.c.id == bindparam("message_id", type_=MESSAGES.c.id.type),
            MESSAGES.c.sender_id == VIEWER,
            MESSAGES.c.kind == "text",
        )
    )


_HAS_READ = MEMBERS.c.read_seq >= MESSAGES.c.seq
_HAS_IT = or_(_HAS_READ, MEMBERS.c.delivered_seq >= MESSAGES.c.seq)


@functools.cache
def _receipt_counts() -> Select[*tuple[Any, ...]]:
    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0, type_=BigInteger)

    return _of_own_message(
        count(_HAS_READ).label("read_count"), count(_HAS_IT).label("delivered_count")
    ).group_by(MESSAGES.c.id)


@functools.cache
def _readers(*, first: bool) -> Select[*tuple[Any, ...]]:
    readers = (
        _of_own_message(
            col(User.id),
            col(User.username),
            col(User.display_name),
            col(User.avatar),
            _part.label("part"),
        )
        .join(User, col(User.id) == MEMBERS.c.user_id)
        .outerjoin(NamePart, _of_user)
        .where(_HAS_READ)
        .subquery("readers")
    )
    page = select(readers)
    if not first:
        after = tuple_(readers.c.part, readers.c.id) > tuple_(
            bindparam("after_part", type_=String),
            bindparam("after_id", type_=CONVERSATIONS.c.id.type),
        )
        page = page.where(after)
    return page.order_by(readers.c.part, readers.c.id).limit(bindparam("most", type_=Integer))


def _name_cursor(part: str, identifier: UUID) -> str:
    return f"{part.encode().hex()}-{identifier.hex}"


def _name_place(text: str) -> tuple[str, UUID]:
    """Return the name and the id of a cursor. Raises BadCursor."""
    match = NAME_CURSOR.fullmatch(text)
    if match is None:
        raise BadCursor("after")
    # No name holds what PostgreSQL does not take.
    name = bytes.fromhex(match[1]).decode(errors="replace").replace("\x00", "")
    return name, UUID(match[2])
