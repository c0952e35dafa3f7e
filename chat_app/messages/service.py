"""Use cases of messages: send, edit, delete; check, store, publish."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from msgspec.structs import replace

from chat_app.change_log.store import MESSAGES, REACTIONS
from chat_app.change_log.tail import Tail
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.metrics import Metrics
from chat_app.core.rate_limit import RateLimits, token_bucket
from chat_app.core.settings import Settings
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.messages.emoji import qualified
from chat_app.messages.errors import NotAnEmoji
from chat_app.messages.log.batch import Stored
from chat_app.messages.log.writer import (
    NO_FAILPOINTS,
    Entry,
    Failpoints,
    MessageLog,
    OnPublished,
    no_listener,
)
from chat_app.messages.parts.queries import own_reactions
from chat_app.messages.publishing import MessagePublisher
from chat_app.messages.schemas import (
    Deletion,
    Edit,
    MessageChange,
    NewMessage,
    Pinning,
    Reacting,
    Sent,
)
from chat_app.realtime.broker import Broker
from chat_app.realtime.hub import Hub
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message, Reaction


def _nothing() -> None:
    """Do nothing."""


class Messages:
    """The use cases of messages over one database and broker."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        hub: Hub,
        tail: Tail,
        online: Online,
        limits: RateLimits,
        settings: Settings,
        failpoints: Failpoints = NO_FAILPOINTS,
        metrics: Metrics | None = None,
        traces: Traces | None = None,
        on_deleted: Callable[[], None] = _nothing,
        on_published: OnPublished = no_listener,
    ) -> None:
        """Take callbacks.

        `on_deleted` is called after a message has left files behind, perhaps; `on_published` after
        this node has published what it has stored.
        """
        self._on_deleted = on_deleted
        self._limits = limits
        self._send_limit = token_bucket(
            "message", settings.limit_message_burst, settings.limit_messages_per_second
        )
        self._database = database
        publisher = MessagePublisher(database=database, hub=hub, online=online)
        tail.read_with({MESSAGES: publisher.read, REACTIONS: publisher.read_reactions})
        self._log = MessageLog(
            database,
            publisher,
            tail,
            broker,
            failpoints,
            metrics=metrics,
            traces=traces,
            on_published=on_published,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start the log writer; call inside the running loop."""
        self._log.start(supervisor)

    async def close(self) -> None:
        """Store what waits, and stop."""
        await self._log.close()

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

        The same text changes nothing; only beside files it may be empty. Raises MessageNotFound,
        NotYourMessage, MessageIsDeleted, MessageIsForwarded, NothingWritten, CannotMessage,
        RateLimited and Unavailable.
        """
        return await self._change(Edit(actor_id, message_id, content))

    async def delete(self, *, actor_id: UUID, message_id: UUID) -> Message:
        """Delete an own message for all members; its `seq` stays. Repeating it is harmless.

        Raises MessageNotFound, NotYourMessage, RateLimited and Unavailable.
        """
        message = await self._change(Deletion(actor_id, message_id))
        self._on_deleted()
        return message

    async def pin(self, *, actor_id: UUID, message_id: UUID, pinned: bool) -> Message:
        """Pin a message for all members, or unpin it; return it. Repeating it is harmless.

        Raises MessageNotFound, NotAllowed, MessageIsDeleted, TooManyPins, CannotMessage,
        RateLimited and Unavailable.
        """
        return await self._change(Pinning(actor_id, message_id, pinned))

    async def react(
        self, *, actor_id: UUID, message_id: UUID, emoji: str, added: bool
    ) -> tuple[Reaction, ...]:
        """Add a reaction, or take it back; return those of the message. Repeating is harmless.

        Raises NotAnEmoji, MessageNotFound, MessageIsDeleted, TooManyReactions, CannotMessage,
        NotAllowed, RateLimited and Unavailable.
        """
        known = qualified(emoji)
        if known is None:
            raise NotAnEmoji
        message = await self._change(Reacting(actor_id, message_id, known, added))
        return message.reactions

    async def _change(self, change: MessageChange | Reacting) -> Message:
        """Store a change and return the message as its actor sees it."""
        message = (await (await self._append(change, change.actor_id))).message
        if not message.reactions:
            return message
        own = await own_reactions(self._database, viewer_id=change.actor_id, message_id=message.id)
        reactions = (replace(one, mine=one.emoji in own) for one in message.reactions)
        return replace(message, reactions=tuple(reactions))

    async def _append(self, entry: Entry, actor_id: UUID) -> asyncio.Future[Stored]:
        try:
            await self._limits.take(self._send_limit, actor_id.hex)
            return self._log.append(entry)
        except AppError as error:
            self._log.metrics.refused(error)
            raise
