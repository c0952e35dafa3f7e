"""Rows of push: the subscriptions of sessions, and which conversations were pushed to whom."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts.schemas import Identity
from chat_app.conversations.message_rows import message_of
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.json_rows import as_large_parameter, as_parameter, decode_pieces
from chat_app.core.tokens import fingerprint
from chat_app.models import PushSubscription
from chat_app.push.schemas import SubscriptionRequest
from chat_app.push.statements import (
    ANY_SUBSCRIPTION,
    mark_pushed,
    marks,
    present_message,
    pushed_members,
    readers,
    receivers,
    set_visible,
    take_pushed,
)
from chat_app.realtime.shapes import Message

# Nobody has as many devices; beyond it the oldest go.
MOST_OF_USER = 20


class Place(NamedTuple):
    """A conversation as one of its members has it."""

    user_id: UUID
    conversation_id: UUID


class PlaceMark(NamedTuple):
    """How far a member has read; `is_pushed` where their devices may show the conversation."""

    place: Place
    last_read_seq: int
    is_read: bool
    is_pushed: bool


class Device(msgspec.Struct, gc=False):
    """A subscription of a member, with their unread messages of a conversation."""

    conversation_id: UUID
    subscription_id: UUID
    user_id: UUID
    endpoint: str
    p256dh: str
    auth: str
    visible_until: datetime | None
    unread: int
    is_pushed: bool | int


class Receiver(Device, gc=False):
    """A subscription that may get messages of a sender, and what decides about it."""

    title: str
    sender_id: UUID
    last_read_seq: int
    since_seq: int
    muted_until: datetime | None
    push_preview: bool | int
    quiet_hours: str | None


class _PlaceRow(msgspec.Struct, gc=False):
    user_id: UUID
    conversation_id: UUID


_decode_devices = msgspec.json.Decoder(list[Device]).decode
_decode_receivers = msgspec.json.Decoder(list[Receiver]).decode
_decode_places = msgspec.json.Decoder(list[_PlaceRow]).decode


async def put(
    session: AsyncSession, identity: Identity, data: SubscriptionRequest
) -> tuple[UUID, bool]:
    """Store a subscription of a session; return its id, and whether it is new.

    It is taken from any other session: another person has signed in in the browser since. Raises
    IntegrityError where another transaction stores the same.
    """
    endpoint_hash = fingerprint(data.endpoint)
    found = await session.scalar(
        select(PushSubscription)
        .where(col(PushSubscription.endpoint_hash) == endpoint_hash)
        .with_for_update()
    )
    if found is not None and found.session_id == identity.session_id:
        found.p256dh, found.auth = data.keys.p256dh, data.keys.auth
        return found.id, False
    if found is not None:
        await session.delete(found)
        await session.flush()
    made = PushSubscription(
        session_id=identity.session_id,
        user_id=identity.user_id,
        endpoint=data.endpoint,
        endpoint_hash=endpoint_hash,
        p256dh=data.keys.p256dh,
        auth=data.keys.auth,
    )
    session.add(made)
    await session.flush()
    await _remove_oldest(session, identity.user_id)
    return made.id, True


async def _remove_oldest(session: AsyncSession, user_id: UUID) -> None:
    oldest = (
        select(col(PushSubscription.id))
        .where(col(PushSubscription.user_id) == user_id)
        .order_by(col(PushSubscription.created_at).desc(), col(PushSubscription.id).desc())
        .offset(MOST_OF_USER)
    )
    ids = list(await session.scalars(oldest))
    if ids:
        await session.execute(delete(PushSubscription).where(col(PushSubscription.id).in_(ids)))


async def remove(session: AsyncSession, *, user_id: UUID, subscription_id: UUID) -> bool:
    """Delete a subscription of a user; return whether there was one."""
    gone = await session.execute(
        delete(PushSubscription)
        .where(
            col(PushSubscription.id) == subscription_id, col(PushSubscription.user_id) == user_id
        )
        .returning(col(PushSubscription.id))
    )
    return gone.first() is not None


async def remove_of_session(session: AsyncSession, session_id: UUID) -> None:
    """Delete the subscriptions of a session."""
    await session.execute(
        delete(PushSubscription).where(col(PushSubscription.session_id) == session_id)
    )


async def remove_dead(database: Database, subscription_id: UUID, endpoint: str) -> None:
    """Delete a subscription that its push service does not know any more."""
    async with database.writing() as session:
        await session.execute(
            delete(PushSubscription).where(
                col(PushSubscription.id) == subscription_id,
                col(PushSubscription.endpoint) == endpoint,
            )
        )


async def is_any(database: Database) -> bool:
    """Return whether any device has a subscription."""
    return bool(await database.fetch_all(ANY_SUBSCRIPTION, {}))


async def receivers_of(
    database: Database,
    senders: Iterable[tuple[UUID, UUID]],
    *,
    subscription_id: UUID | None = None,
) -> list[Receiver]:
    """Return the subscriptions, or one, that get messages, by conversations and senders."""
    rows = [{"id": identifier, "sender_id": sender} for identifier, sender in senders]
    values = {"rows": as_parameter(rows), "now": utc_now(), "subscription_id": subscription_id}
    statement = receivers(database.dialect, is_one=subscription_id is not None)
    pieces = await database.fetch_all(statement, values)
    return [row async for rows in decode_pieces(pieces, _decode_receivers) for row in rows]


async def message_now(database: Database, message_id: UUID) -> Message | None:
    """Return a message as it is by now, None for one that was deleted."""
    rows = await database.fetch_all(present_message(database.dialect), {"message_id": message_id})
    return message_of(rows[0], rows[0].direct_key) if rows else None


async def readers_of(database: Database, places: Iterable[Place]) -> list[Device]:
    """Return the subscriptions of members, with their unread messages."""
    values = {"rows": _as_parameter(places), "now": utc_now()}
    pieces = await database.fetch_all(readers(database.dialect), values)
    return [row async for rows in decode_pieces(pieces, _decode_devices) for row in rows]


async def read_through(database: Database, conversation_ids: Iterable[UUID]) -> list[Place]:
    """Return those to whom a conversation was pushed, and who have nothing unread there."""
    given = as_parameter([{"id": identifier} for identifier in conversation_ids])
    pieces = await database.fetch_all(pushed_members(database.dialect), {"rows": given})
    return [
        Place(row.user_id, row.conversation_id)
        async for some in decode_pieces(pieces, _decode_places)
        for row in some
    ]


async def mark(database: Database, places: Collection[Place]) -> None:
    """Record that conversations are pushed to members."""
    rows = await as_large_parameter(one._asdict() for one in places)

    def work(connection: Connection) -> None:
        connection.execute(mark_pushed(connection.dialect.name), {"rows": rows})

    await database.transact(work)


async def marks_of(database: Database, places: Iterable[Place]) -> list[PlaceMark]:
    """Return how far members have read, and whether their devices may show a conversation."""
    values = {"rows": _as_parameter(places)}
    return [
        PlaceMark(
            Place(row.user_id, row.conversation_id),
            row.last_read_seq or 0,
            is_read=row.unread <= 0,
            is_pushed=bool(row.is_pushed),
        )
        for row in await database.fetch_all(marks(database.dialect), values)
    ]


async def take(database: Database, places: Iterable[Place]) -> set[Place]:
    """Delete the records that conversations are pushed to members; return those there were."""

    def work(connection: Connection) -> set[Place]:
        statement = take_pushed(connection.dialect.name)
        found = connection.execute(statement, {"rows": _as_parameter(places)})
        return {Place(row.user_id, row.conversation_id) for row in found}

    return await database.transact(work)


async def show(
    database: Database, session_ids: Collection[UUID], *, until: datetime | None
) -> None:
    """Set until when tabs of sessions are visible; None for none."""
    rows = as_parameter([{"id": identifier} for identifier in session_ids])

    def work(connection: Connection) -> None:
        statement = set_visible(connection.dialect.name)
        connection.execute(statement, {"rows": rows, "until": until})

    await database.transact(work)


def _as_parameter(places: Iterable[Place]) -> str:
    return as_parameter([one._asdict() for one in places])
