"""Publishing of messages: from memory on the node that stored them, elsewhere from the change log.

A batch appends one entry to the log: which changes of which conversations it made. The other nodes
load these messages in their present state, for the devices that they have.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from chat_app.change_log.moves import Move, Reacted, moves_of, reactions_of
from chat_app.change_log.store import Publication
from chat_app.conversations.deliveries import delivery_of
from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.message_rows import message_of
from chat_app.conversations.queries import MAX_RECEIPTS, get_conversation
from chat_app.core import request_context
from chat_app.core.database import Database
from chat_app.core.json_rows import as_parameter
from chat_app.core.request_context import RequestContext
from chat_app.messages.log.batch import Stored
from chat_app.messages.log.changes.reactions import count_of
from chat_app.messages.log.statements import latest_revs, messages_at
from chat_app.messages.log.writer import Committed, Entry, Published
from chat_app.messages.replay import event_of
from chat_app.messages.schemas import Deletion, NewMessage, Reacting
from chat_app.realtime.events import (
    ConversationUpdated,
    Envelope,
    MessageCreated,
    MessageDeleted,
    MessageReacted,
    MessageUpdated,
    conversation_topic,
    make_envelope,
    message_envelope,
    topics_of,
    user_topic,
)
from chat_app.realtime.hub import Hub
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message

# Conversations with overtaken changes: there are few, and a later reaction drops its conversation.
MAX_OVERTAKEN = 100_000


class _Found(NamedTuple):
    """A message that a move has left as it is now."""

    message: Message
    direct_key: str | None
    is_changed: bool
    is_small: bool


class MessagePublisher:
    """Delivers messages to the devices of this node."""

    def __init__(self, *, database: Database, hub: Hub, online: Online) -> None:
        self._database = database
        self._hub = hub
        self._online = online
        # By conversation, the `rev` up to which a change that was not found is followed by another.
        self._overtaken: dict[UUID, int] = {}

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
        found = await self._load(moves)
        first = [one.message for one in found.values() if one.message.seq == 1 and one.direct_key]
        publications = await self._introductions(first)
        for move in moves:
            here = found.get((move.conversation_id, move.rev))
            if here is not None:
                publications.append(_publication(here, move.context))
        return publications

    async def read_reactions(self, payloads: Sequence[bytes]) -> list[Publication]:
        """Return the reactions that other nodes have stored: a reader of the change log.

        A change that was not found, because another of the same message followed it, is made up for
        by the whole message. Raises Unavailable and msgspec.DecodeError.
        """
        reactions = [one for payload in payloads for one in reactions_of(payload)]
        found = await self._load(reactions)
        publications = []
        for one in reactions:
            here = found.get((one.conversation_id, one.rev))
            if here is None:
                continue
            if one.rev <= self._overtaken.get(one.conversation_id, 0):
                publications.append(_publication(here, one.context))
                continue
            self._overtaken.pop(one.conversation_id, None)
            envelope = make_envelope(_reacted(one), seq=one.seq, context=one.context)
            topics = topics_of(one.conversation_id, one.direct_key)
            publications.append(Publication(topics, envelope))
        return publications

    async def _load(self, moves: Sequence[Move | Reacted]) -> dict[tuple[UUID, int], _Found]:
        """Load the messages of those moves that concern devices here, where they are the latest."""
        wanted = {
            (move.conversation_id, move.rev)
            for move in moves
            if self._has_subscribers(topics_of(move.conversation_id, move.direct_key))
        }
        if not wanted:
            return {}
        rows = [{"id": identifier, "rev": rev} for identifier, rev in wanted]
        statement = messages_at(self._database.dialect)
        found = {
            (row.conversation_id, row.rev): _Found(
                message_of(row, row.direct_key),
                row.direct_key,
                is_changed=bool(row.is_changed),
                is_small=row.members_count <= MAX_RECEIPTS,
            )
            for row in await self._database.fetch_all(statement, {"rows": as_parameter(rows)})
        }
        await self._note_overtaken({identifier for identifier, rev in wanted - found.keys()})
        return found

    async def _note_overtaken(self, conversation_ids: set[UUID]) -> None:
        """Note how far changes that were not found may be followed by others of their messages."""
        if not conversation_ids:
            return
        if len(self._overtaken) > MAX_OVERTAKEN:
            # Without these marks a device could miss a change; so all load again.
            self._hub.close_outlets()
            self._overtaken.clear()
        rows = as_parameter([{"id": identifier} for identifier in conversation_ids])
        ends = await self._database.fetch_all(latest_revs(self._database.dialect), {"rows": rows})
        self._overtaken.update({row.id: row.last_rev for row in ends})

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
    match entry:
        case NewMessage():
            return message_envelope(
                MessageCreated(message=message),
                origin=entry.origin,
                delivers=delivery_of(message, is_small=stored.is_small),
            )
        case Reacting():
            event = MessageReacted(
                conversation_id=message.conversation_id,
                message_id=message.id,
                seq=message.seq,
                rev=message.rev,
                emoji=entry.emoji,
                user_id=entry.actor_id,
                added=entry.added,
                count=count_of(message, entry.emoji),
            )
            return make_envelope(event, seq=message.seq)
        case Deletion():
            return message_envelope(MessageDeleted(message=message), seq=message.seq)
        case _:
            return message_envelope(MessageUpdated(message=message), seq=message.seq)


def _publication(found: _Found, context: RequestContext) -> Publication:
    message = found.message
    envelope = message_envelope(
        event_of(message, is_changed=found.is_changed),
        delivers=delivery_of(message, is_small=found.is_small),
        seq=message.seq,
        context=context,
    )
    return Publication(topics_of(message.conversation_id, found.direct_key), envelope)


def _reacted(one: Reacted) -> MessageReacted:
    return MessageReacted(
        conversation_id=one.conversation_id,
        message_id=one.message_id,
        seq=one.seq,
        rev=one.rev,
        emoji=one.emoji,
        user_id=one.user_id,
        added=one.added,
        count=one.total,
    )
