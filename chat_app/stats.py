"""Statistics of a chat: people, conversations, messages, size; estimated where counting is slow."""

from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.ids import first_id_since
from chat_app.models import Conversation, Message, User

# Counting so many rows takes some milliseconds; larger tables are estimated.
EXACT_UP_TO = 100_000
DAY = timedelta(days=1)


class Count(NamedTuple):
    """A number of rows, exact or the database's estimate."""

    number: int
    is_exact: bool = True


class Stats(NamedTuple):
    """The statistics. Deleted messages keep their place and are counted."""

    people: Count
    conversations: Count
    messages: Count
    messages_last_day: int
    size_bytes: int


async def read_stats(database: Database) -> Stats:
    """Query the statistics. Raises Unavailable."""
    async with database.reading() as session:
        people = await _estimate(session, User.__tablename__)
        conversations = await _estimate(session, Conversation.__tablename__)
        are_few = conversations.number <= EXACT_UP_TO
        yesterday = first_id_since(utc_now() - DAY)
        return Stats(
            people=await _exact_if_few(
                session, people, select(func.count()).where(col(User.deleted_at).is_(None))
            ),
            conversations=await _exact_if_few(
                session, conversations, select(func.count()).select_from(Conversation)
            ),
            # `seq` has no holes: a conversation's last one is its number of messages.
            messages=await _exact_if_few(
                session,
                conversations if are_few else await _estimate(session, Message.__tablename__),
                select(func.coalesce(func.sum(Conversation.last_seq), 0)),
            ),
            # Ids grow with time, so their index finds the newest.
            messages_last_day=await _number(
                session, select(func.count()).where(col(Message.id) >= yesterday)
            ),
            size_bytes=await _size(session, database),
        )


async def _exact_if_few(session: AsyncSession, estimate: Count, exact: Select[int]) -> Count:
    if estimate.number > EXACT_UP_TO:
        return estimate
    return Count(await _number(session, exact))


async def _estimate(session: AsyncSession, table: object) -> Count:
    """Return the highest row number of an SQLite table, or PostgreSQL's estimate."""
    if session.get_bind().dialect.name == "sqlite":
        statement = select(func.coalesce(func.max(text("rowid")), 0)).select_from(text(f"{table}"))
    else:
        known = text("reltuples::bigint FROM pg_class WHERE oid = to_regclass(:name)")
        statement = select(known).params(name=table)
    return Count(await _number(session, statement), is_exact=False)


async def _number(session: AsyncSession, statement: Select[int]) -> int:
    return int((await session.execute(statement)).scalar_one())


async def _size(session: AsyncSession, database: Database) -> int:
    if not database.is_sqlite:
        return await _number(session, select(func.pg_database_size(func.current_database())))
    file = str(database.engine.url.database)
    files = (Path(file), Path(f"{file}-wal"))
    return sum(one.stat().st_size for one in files if one.exists())
