"""The due queue: carries out what is due, each item by one node of several and once.

A node claims items for a while. One that dies meanwhile leaves them to the others, and a message
that it had sent already is recognised by its `client_id`.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from chat_app.change_log.unit_of_work import unit_of_work
from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.supervisor import Supervisor
from chat_app.messages.due import store
from chat_app.messages.due.queries import scheduled_of
from chat_app.messages.errors import MessageNotFound
from chat_app.messages.parts.queries import readable_message
from chat_app.messages.schemas import NewMessage
from chat_app.messages.service import Messages
from chat_app.models import DueItem
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import ReminderDue, ScheduledUpdated, make_envelope, user_topic
from chat_app.realtime.shapes import Message

# A node looks so often, since another that has scheduled something meanwhile may have died.
INTERVAL_S = 2.0
CLAIMED_FOR = timedelta(seconds=30)
# What the chat cannot do at the moment is tried again after it.
PAUSE = timedelta(seconds=2)
BATCH_SIZE = 50


class DueQueue:
    """The task that carries out due items; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database, broker: Broker, messages: Messages) -> None:
        self._database = database
        self._broker = broker
        self._messages = messages
        self._changed = asyncio.Event()
        self._had: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Start the task."""
        self._task = supervisor.start("due_items", self._run)

    async def close(self) -> None:
        """Stop; what is left is done by another node, or after the next start."""
        if self._task is not None:
            await tasks.end([self._task])

    def wake(self) -> None:
        """Look at once: something may be due earlier than before."""
        self._changed.set()

    def record_had(self, item_id: UUID) -> None:
        """Record that a device of its user has a reminder that was due."""
        self._had.add(item_id)
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            await self._forget_had()
            while not (pause_s := await self._carry_out()):
                pass
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._changed.wait()

    async def _carry_out(self) -> float:
        """Carry out what is due; return the seconds until there may be more. Raises Unavailable."""
        due_at, now = await store.next_due(self._database), utc_now()
        if due_at is None:
            return INTERVAL_S
        if due_at > now:
            return min(INTERVAL_S, (due_at - now).total_seconds())
        async with self._database.writing() as session:
            items = await store.claim(session, now=now, until=now + CLAIMED_FOR, count=BATCH_SIZE)
            for item in items:
                session.expunge(item)
        await asyncio.gather(*(self._do(item) for item in items))
        # Without any, other nodes have claimed what is due.
        return 0 if items else INTERVAL_S

    async def _do(self, item: DueItem) -> None:
        if item.kind == "reminder":
            await self._remind(item)
            return
        try:
            await self._messages.send(
                NewMessage(
                    sender_id=item.user_id,
                    content=item.content,
                    client_id=item.client_id or item.id.hex,
                    conversation_id=item.conversation_id,
                    receiver_id=item.receiver_id,
                    reply_to=item.reply_to,
                )
            )
        except AppError as error:
            if error.retryable:
                await self._postpone(item)
                return
            await self._finish(item, "refused", error.code)
        else:
            await self._finish(item, "sent")

    async def _finish(
        self, item: DueItem, state: Literal["sent", "refused"], code: str | None = None
    ) -> None:
        async with unit_of_work(self._database, self._broker) as uow:
            if not await store.finish(uow.session, item.id, state=state, code=code):
                return
            item.state, item.code = state, code
            event = ScheduledUpdated(
                scheduled=scheduled_of(item),
                state=state,
                code=code,
            )
            uow.publish([user_topic(item.user_id)], make_envelope(event))

    async def _postpone(self, item: DueItem) -> None:
        async with self._database.writing() as session:
            await store.postpone(session, item.id, until=utc_now() + PAUSE)

    async def _remind(self, item: DueItem) -> None:
        message = await self._readable(item)
        async with unit_of_work(self._database, self._broker) as uow:
            if not await store.finish(uow.session, item.id, state="due"):
                return
            if message is None or message.deleted_at is not None:
                # There is nothing left to be reminded of.
                await store.remove_had(uow.session, [item.id])
                return
            envelope = make_envelope(ReminderDue(message=message), had=item.id.hex)
            uow.publish([user_topic(item.user_id)], envelope)

    async def _readable(self, item: DueItem) -> Message | None:
        """Return the message of a reminder, None where its user may not read it any more."""
        if item.message_id is None:
            return None
        with contextlib.suppress(MessageNotFound):
            return await readable_message(
                self._database, viewer_id=item.user_id, message_id=item.message_id
            )
        return None

    async def _forget_had(self) -> None:
        had: Sequence[UUID] = list(self._had)
        if not had:
            return
        async with self._database.writing() as session:
            await store.remove_had(session, had)
        self._had.difference_update(had)
