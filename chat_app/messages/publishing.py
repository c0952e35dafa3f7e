"""Publishing of messages: from memory on the node that stored them, elsewhere from the change log.

A batch appends one entry to the log: which changes of which conversations it made. The other nodes
load these messages in their present state, for the devices that they have.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from chat_app.change_log.moves import moves_of
from chat_app.change_log.store import Publication
from chat_app.conversations.deliveries import delivery_of
from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.queries import MAX_RECEIPTS, get_conversation
from chat_app.conversations.views import message_of
from chat_app.core import request_context
from chat_app.core.database import Database
from chat_app.core.json_rows import as_parameter
from chat_app.messages.log.batch import Stored
from chat_app.messages.log.statements import messages_at
from chat_app.messages.log.writer import Committed, Entry, Published
from chat_app.messages.replay import event_of
from chat_app.messages.schemas import Message, MessageChange, NewMessage
from chat_app.realtime.events import (
    ConversationUpdated,
    Envelope,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    conversation_topic,
    make_envelope,
    topics_of,
    user_topic,
)
from chat_app.realtime.hub import Hub
from chat_app.realtime.online import Online


class MessagePublisher:
    """Delivers messages to the devices of this node."""

    def __init__(self, *, database: Database, hub: Hub, online: Online) -> None:
        self._database = database
        self._hub = hub
        self._online = online

    def publish(self, fresh: Sequence[Committed]) -> Published:
        """Deliver what this node has stored, but for new conversations."""
        to_groups, unintroduced = [], []
        new: set[UUID] = set()
        for committed in fresh:
            message, key = committed.stored.message, committed.stored.direct_key
            if _is_first(committed) or message.conversation_id in new:
                new.add(message.conversation_id)
                unintroduced.append(committed)
                continue
            publication = self._deliver_stored(committed)
            if key is None:
                to_groups.append(publication)
        return Published(to_groups, unintroduced)

    async def introduce(self, unintroduced: Sequence[Committed]) -> None:
        """Deliver new conversations to their members, then these messages. Raises Unavailable."""
        first = [one.stored.message for one in unintroduced if _is_first(one)]
        for introduction in await self._introductions(first):
            self._deliver(introduction)
        for committed in unintroduced:
            self._deliver_stored(committed)

    async def read(self, payloads: Sequence[bytes]) -> list[Publication]:
        """Return what other nodes have stored, for the devices here: a reader of the change log.

        A message that was changed again since follows with that change. Raises Unavailable and
        msgspec.DecodeError.
        """
        moves = [move for payload in payloads for move in moves_of(payload)]
        wanted = [
            {"id": move.conversation_id, "rev": move.rev}
            for move in moves
            if self._has_subscribers(topics_of(move.conversation_id, move.direct_key))
        ]
        if not wanted:
            return []
        statement = messages_at(self._database.dialect)
        rows = await self._database.fetch_all(statement, {"rows": as_parameter(wanted)})
        found = {
            (row.conversation_id, row.rev): (
                message_of(row, row.direct_key),
                row.direct_key,
                row.members_count <= MAX_RECEIPTS,
            )
            for row in rows
        }
        first = [message for message, key, _ in found.values() if message.seq == 1 and key]
        publications = await self._introductions(first)
        for move in moves:
            if (here := found.get((move.conversation_id, move.rev))) is not None:
                message, direct_key, is_small = here
                envelope = make_envelope(
                    event_of(message),
                    delivers=delivery_of(message, is_small=is_small),
                    seq=message.seq,
                    context=move.context,
                )
                topics = topics_of(move.conversation_id, direct_key)
                publications.append(Publication(topics, envelope))
        return publications

    def _deliver_stored(self, committed: Committed) -> Publication:
        entry, stored, context = committed
        request_context.set_current(context)
        publication = Publication(_topics(stored.message), _envelope(entry, stored))
        self._deliver(publication)
        request_context.set_current(request_context.NONE)
        return publication

    def _deliver(self, publication: Publication) -> None:
        for topic in publication.topics:
            self._hub.deliver(topic, publication.envelope)

    def _has_subscribers(self, topics: Iterable[str]) -> bool:
        return any(map(self._hub.has_subscribers, topics))

    async def _introductions(self, first: Iterable[Message]) -> list[Publication]:
        """Return the views of new conversations for their members, before the first messages."""
        deliveries = []
        for message in first:
            for member_id in (message.sender_id, message.receiver_id):
                if member_id is None or not self._hub.has_subscribers(user_topic(member_id)):
                    continue
                try:
                    async with self._database.reading() as session:
                        view = await get_conversation(
                            session,
                            viewer_id=member_id,
                            conversation_id=message.conversation_id,
                            online=self._online,
                        )
                except ConversationNotFound:
                    continue
                event = ConversationUpdated(conversation=view)
                deliveries.append(Publication([user_topic(member_id)], make_envelope(event)))
        return deliveries


def _is_first(committed: Committed) -> bool:
    """Return whether it is the first message of a direct conversation."""
    entry, stored, _ = committed
    is_direct = stored.direct_key is not None
    return is_direct and stored.message.seq == 1 and isinstance(entry, NewMessage)


def _topics(message: Message) -> list[str]:
    # As `topics_of`, without parsing a key for the two ids that the message has already.
    if message.receiver_id is None:
        return [conversation_topic(message.conversation_id)]
    return [user_topic(message.sender_id), user_topic(message.receiver_id)]


def _envelope(entry: Entry, stored: Stored) -> Envelope:
    message = stored.message
    if isinstance(entry, MessageChange):
        deleted = entry.content is None
        return make_envelope(
            MessageDeleted(message=message) if deleted else MessageUpdated(message=message),
            seq=message.seq,
        )
    delivers = delivery_of(message, is_small=stored.is_small)
    return make_envelope(MessageCreated(message=message), origin=entry.origin, delivers=delivers)
