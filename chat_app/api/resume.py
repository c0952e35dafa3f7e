"""Replaying to a device that came back what it missed."""

from collections.abc import Mapping
from uuid import UUID

from chat_app.accounts.schemas import Identity
from chat_app.api import frames
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import Invalid
from chat_app.messages.replay import event_of, missed
from chat_app.node.node import Node
from chat_app.realtime.events import (
    AnyEvent,
    ConversationUpdated,
    Envelope,
    make_envelope,
)
from chat_app.realtime.outlet import Outlet

# Several frames bring as many.
MOST_CURSORS = 20_000
EVENTS_IN_A_FRAME = 200
BYTES_IN_A_FRAME = 256 * 1024


class Cursors:
    """The cursors of one device, which may come in several frames."""

    def __init__(self) -> None:
        self._kept: dict[UUID, int] = {}

    def add(self, frame: frames.Resume) -> Mapping[UUID, int] | None:
        """Return all once no more follow. Raises Invalid for too many, and forgets them."""
        cursors, self._kept = self._kept | frame.cursors, {}
        if len(cursors) > MOST_CURSORS:
            raise Invalid({"cursors": f"More than {MOST_CURSORS:,} are too many."})
        if not frame.more:
            return cursors
        self._kept = cursors
        return None


async def resume(
    cursors: Mapping[UUID, int], node: Node, identity: Identity, outlet: Outlet
) -> None:
    """Push what was missed since the cursors, a frame at a time, as fast as it is taken.

    Live events may come between the frames. Raises Unavailable: the client asks again.
    """
    batch = _Batch(outlet)
    found = missed(node.database, viewer_id=identity.user_id, cursors=cursors, online=node.online)
    async for one in found:
        await batch.add(ConversationUpdated(conversation=one.conversation))
        if one.changes is None:
            await batch.push()
            outlet.push(Envelope(frames.encode(_reset(one.conversation))))
        for message in one.changes or ():
            await batch.add(event_of(message))
        node.deliveries.note_page(one.changes or (), viewer_id=identity.user_id)
    await batch.push()


class _Batch:
    """Events on their way into one frame."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._bodies: list[bytes] = []
        self._size = 0

    async def add(self, event: AnyEvent) -> None:
        body = make_envelope(event).body
        if len(self._bodies) == EVENTS_IN_A_FRAME or self._size + len(body) > BYTES_IN_A_FRAME:
            await self.push()
        self._bodies.append(body)
        self._size += len(body)

    async def push(self) -> None:
        if self._bodies:
            body = b",".join(self._bodies)
            self._bodies, self._size = [], 0
            self._outlet.push(Envelope(b'{"type":"batch","events":[' + body + b"]}"))
            await self._outlet.drained()


def _reset(conversation: Conversation) -> frames.Reset:
    return frames.Reset(
        conversation_id=conversation.id,
        last_seq=conversation.last_seq,
        last_rev=conversation.last_rev,
    )
