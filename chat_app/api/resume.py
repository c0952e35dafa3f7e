"""Resume: replay what a device missed while it was disconnected."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from chat_app.accounts.schemas import Identity
from chat_app.api import frames
from chat_app.conversations.groups.queries import former_groups
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import Invalid
from chat_app.core.time_slice import TimeSlice
from chat_app.messages.due.queries import due_reminders
from chat_app.messages.replay import event_of, missed
from chat_app.node.node import Node
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRemoved,
    ConversationUpdated,
    Envelope,
    conversation_topic,
    join_bodies,
    make_envelope,
)
from chat_app.realtime.outlet import Outlet

# The limit for all frames of one resume together.
MAX_CURSORS = 20_000
MAX_EVENTS_PER_FRAME = 200
# To compress and send more would hold the event loop for milliseconds.
MAX_BYTES_PER_FRAME = 128 * 1024


class Cursors:
    """Collects the cursors of one device, which may arrive in several frames."""

    def __init__(self) -> None:
        self._kept: dict[UUID, int] = {}

    def add(self, frame: frames.Resume) -> Mapping[UUID, int] | None:
        """Add a frame's cursors; return all of them with the last frame, else None.

        Raises Invalid beyond MAX_CURSORS, and forgets them.
        """
        cursors, self._kept = self._kept | frame.cursors, {}
        if len(cursors) > MAX_CURSORS:
            raise Invalid({"cursors": f"More than {MAX_CURSORS:,} are too many."})
        if not frame.more:
            return cursors
        self._kept = cursors
        return None


async def resume(
    cursors: Mapping[UUID, int],
    node: Node,
    identity: Identity,
    outlet: Outlet,
    *,
    generation: UUID | None,
) -> None:
    """Push the changes after the cursors, a frame at a time, as fast as the outlet drains.

    Live events may come between the frames. Raises Unavailable; the client tries again.
    """
    batch, time_slice = _Batch(outlet), TimeSlice()
    if cursors:
        former = await former_groups(node.database, viewer_id=identity.user_id)
        for conversation_id in former.keys() & cursors.keys():
            reason = former[conversation_id]
            removal = ConversationRemoved(conversation_id=conversation_id, reason=reason)
            await batch.add(removal, conversation_id)
    are_of_another = bool(cursors) and generation not in (None, await node.generation())
    found = missed(
        node.database,
        viewer_id=identity.user_id,
        cursors=cursors,
        online=node.online,
        are_of_another_generation=are_of_another,
    )
    async for one in found:
        await batch.add(ConversationUpdated(conversation=one.conversation), one.conversation.id)
        await time_slice.pause()
        if one.changes is None:
            await batch.push()
            if conversation_topic(one.conversation.id) not in outlet.left:
                outlet.push(Envelope(frames.encode(_reset(one.conversation))))
        changes = one.changes or ()
        for message, is_changed in changes:
            await batch.add(event_of(message, is_changed=is_changed), one.conversation.id)
            await time_slice.pause()
        messages = [change.message for change in changes]
        node.deliveries.record_page(messages, viewer_id=identity.user_id)
    await batch.push()
    # What became due while none of the user's devices was connected.
    for envelope in await due_reminders(node.database, viewer_id=identity.user_id):
        outlet.push(envelope)


class _Collected(NamedTuple):
    conversation_id: UUID
    is_removal: bool
    body: bytes


class _Batch:
    """Collects events into `batch` frames.

    Live events may overtake them: of a group that the user has left or joined since, nothing is
    sent that was loaded before.
    """

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._collected: list[_Collected] = []
        self._size = 0

    async def add(self, event: AnyEvent, conversation_id: UUID) -> None:
        body = make_envelope(event).body
        if (
            len(self._collected) == MAX_EVENTS_PER_FRAME
            or self._size + len(body) > MAX_BYTES_PER_FRAME
        ):
            await self.push()
        is_removal = isinstance(event, ConversationRemoved)
        self._collected.append(_Collected(conversation_id, is_removal, body))
        self._size += len(body)

    async def push(self) -> None:
        outlet, collected = self._outlet, self._collected
        self._collected, self._size = [], 0
        bodies = [one.body for one in collected if not self._is_overtaken(one)]
        if bodies:
            outlet.push(Envelope(join_bodies(bodies)))
            await outlet.drained()

    def _is_overtaken(self, one: _Collected) -> bool:
        topic = conversation_topic(one.conversation_id)
        return topic in (self._outlet.topics if one.is_removal else self._outlet.left)


def _reset(conversation: Conversation) -> frames.Reset:
    return frames.Reset(
        conversation_id=conversation.id,
        last_seq=conversation.last_seq,
        last_rev=conversation.last_rev,
    )
