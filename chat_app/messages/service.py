"""Use cases of messages: send, edit, delete; check, store, publish."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from chat_app.conversations.deliveries import delivery_of
from chat_app.conversations.queries import get_conversation
from chat_app.core import request_context
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.metrics import Metrics
from chat_app.core.rate_limit import Limit, RateLimits
from chat_app.core.settings import Settings
from chat_app.core.traces import Traces
from chat_app.messages.log.batch import Stored
from chat_app.messages.log.writer import NO_FAILPOINTS, Committed, Entry, Failpoints, MessageLog
from chat_app.messages.schemas import Message, MessageChange, NewMessage, Sent
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import (
    ConversationUpdated,
    Envelope,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    Move,
    conversation_topic,
    make_envelope,
    user_topic,
)
from chat_app.realtime.online import Online


class Messages:
    """The use cases of messages over one database and broker."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        online: Online,
        limits: RateLimits,
        settings: Settings,
        failpoints: Failpoints = NO_FAILPOINTS,
        metrics: Metrics | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._database = database
        self._broker = broker
        self._online = online
        self._limits = limits
        burst = settings.limit_message_burst
        per_s = burst / settings.limit_messages_per_second
        self._send_limit = Limit("message", burst, per_s, refills=True)
        self._log = MessageLog(database, self._announce, failpoints, metrics, traces)

    def start(self) -> None:
        """Start the log writer; call inside the running loop."""
        self._log.start()

    async def close(self) -> None:
        """Store what waits, and stop."""
        await self._log.close()

    def is_announcing(self, message: Message) -> bool:
        """Return whether this process stores the message or its change, and publishes it next."""
        return self._log.is_announcing(message)

    async def send(self, message: NewMessage) -> Sent:
        """Store a message durably and publish it to its conversation.

        A replay of a `client_id` returns the message that it had stored. Raises
        ConversationNotFound, NotFound, CannotMessage, ReceiverIsSelf, IdempotencyConflict,
        RateLimited and Unavailable; nothing is stored then.
        """
        stored = await (await self.submit(message))
        return Sent(stored.message, stored.replayed)

    async def submit(self, message: NewMessage) -> asyncio.Future[Stored]:
        """Queue a message and return the future of its outcome, so that many may be under way.

        Raises RateLimited or Unavailable at once; the rest of `send`'s errors by the future.
        """
        return await self._append(message, message.sender_id)

    async def edit(self, *, actor_id: UUID, message_id: UUID, content: str) -> Message:
        """Replace the text of an own message and publish the change; return the message.

        The same text changes nothing. Raises MessageNotFound, NotYourMessage, MessageIsDeleted,
        CannotMessage, RateLimited and Unavailable.
        """
        return await self._change(MessageChange(actor_id, message_id, content))

    async def delete(self, *, actor_id: UUID, message_id: UUID) -> Message:
        """Delete an own message for all members; its `seq` stays. Repeating it is harmless.

        Raises MessageNotFound, NotYourMessage, RateLimited and Unavailable.
        """
        return await self._change(MessageChange(actor_id, message_id, None))

    async def _change(self, change: MessageChange) -> Message:
        return (await (await self._append(change, change.actor_id))).message

    async def _append(self, entry: Entry, actor_id: UUID) -> asyncio.Future[Stored]:
        try:
            await self._limits.take(self._send_limit, actor_id.hex)
            return self._log.append(entry)
        except AppError as error:
            self._log.metrics.refused(error)
            raise

    async def _announce(self, fresh: Sequence[Committed]) -> None:
        for entry, stored, context in fresh:
            request_context.set_current(context)
            message, key = stored.message, stored.direct_key
            if message.seq == 1 and key is not None and isinstance(entry, NewMessage):
                await self._introduce(message.conversation_id, message.sender_id)
                await self._introduce(message.conversation_id, message.receiver_id)
            self._broker.publish(_topics(message), _envelope(entry, message))

    async def _introduce(self, conversation_id: UUID, member_id: UUID | None) -> None:
        """Publish the view of a new conversation to a member, before its first message."""
        if member_id is None:
            return
        async with self._database.reading() as session:
            view = await get_conversation(
                session,
                viewer_id=member_id,
                conversation_id=conversation_id,
                online=self._online,
            )
        envelope = make_envelope(ConversationUpdated(conversation=view))
        self._broker.publish([user_topic(member_id)], envelope)


def _topics(message: Message) -> list[str]:
    # As `topics_of`, without parsing a key for the two ids that the message has already.
    if message.receiver_id is None:
        return [conversation_topic(message.conversation_id)]
    return [user_topic(message.sender_id), user_topic(message.receiver_id)]


def _envelope(entry: Entry, message: Message) -> Envelope:
    moves = Move(message.conversation_id, message.rev)
    if isinstance(entry, MessageChange):
        deleted = entry.content is None
        event = MessageDeleted(message=message) if deleted else MessageUpdated(message=message)
        return make_envelope(event, moves=moves)
    return make_envelope(
        MessageCreated(message=message),
        origin=entry.origin,
        delivers=delivery_of(message),
        moves=moves,
    )
