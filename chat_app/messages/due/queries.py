"""Reads about due items on behalf of their user."""

import functools
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlmodel import col

from chat_app.conversations.message_rows import (
    IS_READABLE,
    SENDER,
    message_columns,
    message_of,
)
from chat_app.core.database import Database
from chat_app.friends.cards import VIEWER
from chat_app.messages.schemas import Reminder, Reminders, ScheduledMessages
from chat_app.models import DueItem
from chat_app.models.tables import CONVERSATIONS, DUE_ITEMS, MEMBERS, MESSAGES
from chat_app.realtime.events import Envelope, ReminderDue, make_envelope
from chat_app.realtime.shapes import Scheduled


async def list_scheduled(database: Database, *, viewer_id: UUID) -> ScheduledMessages:
    """Return what the viewer has scheduled and is not sent, the next one first."""
    rows = await database.fetch_all(_scheduled(), {"viewer_id": viewer_id})
    return ScheduledMessages(items=[scheduled_of(row) for row in rows])


async def list_reminders(database: Database, *, viewer_id: UUID) -> Reminders:
    """Return the reminders of the viewer of messages that they may read, the next one first."""
    rows = await database.fetch_all(_reminders(database.dialect), {"viewer_id": viewer_id})
    return Reminders(
        items=[
            Reminder(message=message_of(row, row.direct_key), at=row.due_at, due=row.state == "due")
            for row in rows
        ]
    )


async def due_reminders(database: Database, *, viewer_id: UUID) -> list[Envelope]:
    """Return the events of the reminders that are due and no device has had."""
    rows = await database.fetch_all(_due_reminders(database.dialect), {"viewer_id": viewer_id})
    return [
        make_envelope(
            ReminderDue(message=message_of(row, row.direct_key)),
            had=row.item_id.hex,
        )
        for row in rows
    ]


def scheduled_of(item: Any) -> Scheduled:  # noqa: ANN401  # a row of either kind
    """Return the view of a scheduled message."""
    return Scheduled(
        id=item.id,
        receiver_id=item.receiver_id,
        conversation_id=item.conversation_id,
        content=item.content,
        reply_to=item.reply_to,
        client_id=item.client_id,
        send_at=item.due_at,
        state=item.state,
        code=item.code,
    )


@functools.cache
def _scheduled() -> Select[*tuple[Any, ...]]:
    return (
        select(*DUE_ITEMS.columns)
        .where(
            DUE_ITEMS.c.user_id == VIEWER,
            DUE_ITEMS.c.kind == "scheduled",
            DUE_ITEMS.c.state != "sent",
        )
        .order_by(DUE_ITEMS.c.due_at, DUE_ITEMS.c.id)
    )


@functools.cache
def _reminders(dialect: str) -> Select[*tuple[Any, ...]]:
    return (
        select(
            col(DueItem.id).label("item_id"),
            col(DueItem.due_at),
            col(DueItem.state),
            CONVERSATIONS.c.direct_key,
            *message_columns(dialect, viewer_id=VIEWER),
        )
        .select_from(DueItem)
        .join(MESSAGES, MESSAGES.c.id == col(DueItem.message_id))
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        .join(
            MEMBERS,
            (MEMBERS.c.conversation_id == MESSAGES.c.conversation_id)
            & (MEMBERS.c.user_id == VIEWER),
        )
        .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        .where(
            col(DueItem.user_id) == VIEWER,
            col(DueItem.kind) == "reminder",
            IS_READABLE,
            MESSAGES.c.deleted_at.is_(None),
        )
        .order_by(col(DueItem.due_at), col(DueItem.id))
    )


@functools.cache
def _due_reminders(dialect: str) -> Select[*tuple[Any, ...]]:
    return _reminders(dialect).where(col(DueItem.state) == "due")
