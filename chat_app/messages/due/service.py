"""Use cases of scheduled messages and reminders."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from chat_app.change_log.unit_of_work import UnitOfWork, unit_of_work
from chat_app.conversations.errors import ConversationNotFound, ReceiverIsSelf
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.ids import new_id
from chat_app.core.rate_limit import RateLimits, token_bucket
from chat_app.core.settings import Settings
from chat_app.friends.errors import PersonNotFound
from chat_app.messages.due import store
from chat_app.messages.due.queries import scheduled_of
from chat_app.messages.errors import (
    AlreadySent,
    IdempotencyConflict,
    MessageNotFound,
    ReplyNotFound,
    ScheduledNotFound,
    TooManyScheduled,
)
from chat_app.messages.parts.queries import readable_message
from chat_app.messages.schemas import Reminder, ScheduledChange, ScheduleRequest
from chat_app.models import DueItem
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import (
    ReminderUpdated,
    ScheduledState,
    ScheduledUpdated,
    make_envelope,
    user_topic,
)
from chat_app.realtime.shapes import Scheduled

MAX_SCHEDULED = 100
LONGEST = timedelta(days=365)


class DueItems:
    """The use cases of due items; `on_changed` is called when the next one may be another."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        limits: RateLimits,
        settings: Settings,
        on_changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._broker = broker
        self._limits = limits
        self._on_changed = on_changed
        self._limit = token_bucket(
            "schedule", settings.limit_message_burst, settings.limit_messages_per_second
        )

    async def schedule(self, *, actor_id: UUID, data: ScheduleRequest) -> tuple[Scheduled, bool]:
        """Schedule a message; return it, and whether its `client_id` was scheduled before.

        Its address and what it replies to must be there now; whether it may be sent is seen at its
        time. Raises Invalid for a time that is not between now and in a year, IdempotencyConflict,
        ReceiverIsSelf, PersonNotFound, ConversationNotFound, ReplyNotFound, TooManyScheduled,
        RateLimited and Unavailable.
        """
        await self._limits.take(self._limit, actor_id.hex)
        _check_time("send_at", data.send_at)
        try:
            return await self._schedule(actor_id, data)
        except IntegrityError:
            # The same was scheduled at the same moment.
            return await self._schedule(actor_id, data)

    async def change(self, *, actor_id: UUID, item_id: UUID, data: ScheduledChange) -> Scheduled:
        """Change the text or time of a scheduled message; a refused one waits again.

        Raises ScheduledNotFound, AlreadySent, Invalid, RateLimited and Unavailable.
        """
        await self._limits.take(self._limit, actor_id.hex)
        given = data.given()
        if "send_at" in given:
            _check_time("send_at", data.send_at)
        async with unit_of_work(self._database, self._broker) as uow:
            item = await self._unsent(uow, actor_id, item_id)
            if "content" in given:
                item.content = data.content
            if "send_at" in given:
                item.due_at = data.send_at
            item.state, item.code, item.claimed_until = "waiting", None, None
            await store.write(uow.session, item)
            _publish(uow, item, "waiting")
            changed = scheduled_of(item)
        self._on_changed()
        return changed

    async def cancel(self, *, actor_id: UUID, item_id: UUID) -> None:
        """Delete a scheduled message. Raises ScheduledNotFound, AlreadySent and RateLimited."""
        await self._limits.take(self._limit, actor_id.hex)
        async with unit_of_work(self._database, self._broker) as uow:
            item = await self._unsent(uow, actor_id, item_id)
            _publish(uow, item, "deleted")
            await store.remove(uow.session, item)

    async def remind(self, *, actor_id: UUID, message_id: UUID, at: datetime) -> Reminder:
        """Remind the actor of a message at a time; it takes the place of an earlier reminder.

        Raises Invalid for a time that is over or further than a year, MessageNotFound, RateLimited
        and Unavailable.
        """
        await self._limits.take(self._limit, actor_id.hex)
        _check_time("at", at)
        message = await readable_message(self._database, viewer_id=actor_id, message_id=message_id)
        if message.deleted_at is not None or message.kind == "notice":
            raise MessageNotFound
        try:
            await self._set_reminder(actor_id, message_id, at)
        except IntegrityError:
            # Another device of theirs did so at the same moment.
            await self._set_reminder(actor_id, message_id, at)
        self._on_changed()
        return Reminder(message=message, at=at, due=False)

    async def forget(self, *, actor_id: UUID, message_id: UUID) -> None:
        """Delete a reminder; where there is none, nothing changes. Raises RateLimited."""
        await self._limits.take(self._limit, actor_id.hex)
        async with unit_of_work(self._database, self._broker) as uow:
            item = await store.lock_reminder(uow.session, user_id=actor_id, message_id=message_id)
            if item is not None:
                await store.remove(uow.session, item)
            # Where there is none, a device may still show the notice of one that was due.
            _publish_reminder(uow, actor_id, message_id, None)

    async def dismiss(self, *, actor_id: UUID, message_id: UUID) -> None:
        """Withdraw the notice of a due reminder from all devices of the actor.

        A reminder that was set meanwhile stays. Raises RateLimited and Unavailable.
        """
        await self._limits.take(self._limit, actor_id.hex)
        async with unit_of_work(self._database, self._broker) as uow:
            item = await store.lock_reminder(uow.session, user_id=actor_id, message_id=message_id)
            if item is not None and item.state == "due":
                await store.remove(uow.session, item)
                item = None
            at = None if item is None else item.due_at
            _publish_reminder(uow, actor_id, message_id, at)

    async def _schedule(self, actor_id: UUID, data: ScheduleRequest) -> tuple[Scheduled, bool]:
        async with unit_of_work(self._database, self._broker) as uow:
            present = await store.scheduled_by(
                uow.session, user_id=actor_id, client_id=data.client_id
            )
            if present is not None:
                if not _is_same(present, data):
                    raise IdempotencyConflict
                return scheduled_of(present), True
            if await store.count_scheduled(uow.session, user_id=actor_id) >= MAX_SCHEDULED:
                raise TooManyScheduled
            item = DueItem(
                id=new_id(),
                kind="scheduled",
                user_id=actor_id,
                due_at=data.send_at,
                receiver_id=data.receiver_id,
                conversation_id=data.conversation_id,
                content=data.content,
                reply_to=data.reply_to,
                client_id=data.client_id,
            )
            await _check_sendable(uow, item, data.client_id)
            await store.write(uow.session, item)
            _publish(uow, item, "waiting")
            scheduled = scheduled_of(item)
        self._on_changed()
        return scheduled, False

    async def _set_reminder(self, actor_id: UUID, message_id: UUID, at: datetime) -> None:
        async with unit_of_work(self._database, self._broker) as uow:
            item = await store.lock_reminder(uow.session, user_id=actor_id, message_id=message_id)
            if item is None:
                item = DueItem(
                    id=new_id(), kind="reminder", user_id=actor_id, message_id=message_id, due_at=at
                )
            item.due_at, item.state, item.claimed_until = at, "waiting", None
            await store.write(uow.session, item)
            _publish_reminder(uow, actor_id, message_id, at)

    async def _unsent(self, uow: UnitOfWork, actor_id: UUID, item_id: UUID) -> DueItem:
        item = await store.lock_scheduled(uow.session, user_id=actor_id, item_id=item_id)
        if item is None:
            raise ScheduledNotFound
        is_claimed = item.claimed_until is not None and item.claimed_until > utc_now()
        if item.state == "sent" or (item.state == "waiting" and is_claimed):
            raise AlreadySent
        return item


def _is_same(item: DueItem, data: ScheduleRequest) -> bool:
    return (
        (item.receiver_id, item.conversation_id) == (data.receiver_id, data.conversation_id)
        and item.content == data.content
        and item.reply_to == data.reply_to
    )


async def _check_sendable(uow: UnitOfWork, item: DueItem, client_id: str) -> None:
    """Raise the error that a send would have now, where it would have it at any time.

    Nothing about blocks: they end, and must not be seen before a message is sent.
    """
    session, user_id = uow.session, item.user_id
    if await store.has_sent(session, user_id=user_id, client_id=client_id):
        raise IdempotencyConflict
    if item.receiver_id == user_id:
        raise ReceiverIsSelf("receiver_id")
    if item.receiver_id is not None and not await store.has_user(session, item.receiver_id):
        raise PersonNotFound
    if item.conversation_id is not None and not await store.is_member(
        session, user_id=user_id, conversation_id=item.conversation_id
    ):
        raise ConversationNotFound
    if item.reply_to is not None and not await store.may_reply(session, item):
        raise ReplyNotFound


def _check_time(field: str, moment: datetime) -> None:
    now = utc_now()
    if moment < now:
        raise Invalid({field: "This time is over."})
    if moment > now + LONGEST:
        raise Invalid({field: "This is more than a year away."})


def _publish(uow: UnitOfWork, item: DueItem, state: ScheduledState) -> None:
    event = ScheduledUpdated(scheduled=scheduled_of(item), state=state, code=item.code)
    uow.publish([user_topic(item.user_id)], make_envelope(event))


def _publish_reminder(
    uow: UnitOfWork, user_id: UUID, message_id: UUID, at: datetime | None
) -> None:
    event = ReminderUpdated(message_id=message_id, at=at)
    uow.publish([user_topic(user_id)], make_envelope(event))
