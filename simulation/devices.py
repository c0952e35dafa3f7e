"""Simulated devices: each sends until it is answered, and comes back with its cursors."""

import asyncio
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol
from uuid import UUID

import msgspec

from chat_app.core.errors import AppError
from chat_app.messages.queries import history as load_history
from chat_app.node.node import Node
from chat_app.realtime.outlet import WRITE_AT_ONCE
from simulation.clock import Process, VirtualLoop
from simulation.history import Answer, Change, History, Received, Refusal, Seen, Sent
from simulation.nodes import SimulatedNode

# Frames under way to a device that does not read, before its node must wait.
BUFFER = 6
LATENCY_S = 0.02
# A device that gets no greeting or no end of its replay tries elsewhere.
PATIENCE_S = 12.0
PAGE_SIZE = 100

Json = dict[str, Any]
_encode = msgspec.json.Encoder().encode


class World(Protocol):
    """The part of the run that a device sees."""

    loop: VirtualLoop
    history: History
    nodes: list[SimulatedNode]
    seed: int
    # The groups that people join and leave.
    changing: set[UUID]

    def tell(self, who: str, text: str) -> None:
        """Add to the story."""


class Link:
    """A connection of a device to a node, in both directions."""

    def __init__(self, world: World, device: "Device", node: SimulatedNode, number: int) -> None:
        self.user_id = device.user_id
        self.name = device.name
        self.number = number
        self.node = node
        self.process: Process = node.process
        self.socket = _Socket(self)
        self.is_open = True
        self.is_half_open = False
        self.is_ready = False
        # Frames that the device reads in a second at the most.
        self.pace_s = 0.0
        self._world = world
        self._device = device
        self._inbox: deque[str] = deque()
        self._is_over = False
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._under_way = 0
        self._last_sent = self.last_arrival = 0.0

    # The acts of the device.

    def send(self, frame: Json) -> None:
        """Send a frame to the node."""
        loop = self._world.loop
        at = max(loop.time() + self._device.random.random() * LATENCY_S, self._last_sent)
        self._last_sent = at
        loop.call_at(at, self._arrive_at_node, _encode(frame).decode(), context=Context())

    def cut(self) -> None:
        """Break it: the device notices now, the node soon."""
        self._device.closed(self)
        self.is_open = False
        self._world.loop.call_later(self._device.random.random(), self._end, context=Context())

    def reset(self) -> None:
        """End it because the node is gone."""
        delay_s = self._device.random.random() * 0.2
        self._world.loop.call_later(delay_s, self._device.closed, self, context=Context())
        self.is_open = False

    # The acts of the node.

    async def receive(self) -> Json:
        """Return the next frame of the device."""
        while not self._inbox and not self._is_over:
            self._news = self._world.loop.create_future()
            await self._news
        if self._inbox:
            return {"type": "websocket.receive", "text": self._inbox.popleft()}
        return {"type": "websocket.disconnect"}

    async def send_event(self, event: Json) -> None:
        """Send a frame to the device, once there is room. Raises OSError when it is gone."""
        while self._under_way >= BUFFER and not self._is_over:
            self._room = self._world.loop.create_future()
            await self._room
        if self._is_over:
            raise BrokenPipeError
        self._transmit(event["text"].encode())

    def write_at_once(self, body: bytes, *, is_text: bool) -> bool:  # noqa: ARG002  # of the server's
        """Send a frame if there is room."""
        if self._under_way >= BUFFER or self._is_over:
            return False
        self._transmit(body)
        return True

    def close_by_server(self, code: int, reason: str) -> None:
        """Close it; what is under way still arrives."""
        self._world.tell(self.name, f"is closed by {self.node.name}: {code} {reason}")
        self._is_over = True
        at = max(self._world.loop.time() + LATENCY_S, self.last_arrival)
        self._world.loop.call_at(at, self._device.closed, self, context=Context())

    def _transmit(self, body: bytes) -> None:
        loop = self._world.loop
        latency_s = self._device.random.random() * LATENCY_S
        at = max(loop.time() + latency_s, self.last_arrival + self.pace_s)
        self._under_way += 1
        self.last_arrival = at
        loop.call_at(at, self._arrive_at_device, body, context=Context())

    def _arrive_at_device(self, body: bytes) -> None:
        if self.is_half_open:
            return
        self._under_way -= 1
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if self.is_open:
            self._device.receive(self, msgspec.json.decode(body))

    def _arrive_at_node(self, text: str) -> None:
        if not self.is_half_open and not self._is_over:
            self._inbox.append(text)
            self._notify()

    def _end(self) -> None:
        self._is_over = True
        self._notify()

    def _notify(self) -> None:
        for waiting in (self._news, self._room if self._is_over else None):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)


class _State:
    def __init__(self, node: SimulatedNode) -> None:
        self.socket_metrics = node.socket_metrics


class _App:
    def __init__(self, node: SimulatedNode) -> None:
        self.state = _State(node)


class _Socket:
    """The ASGI side of a link."""

    def __init__(self, link: Link) -> None:
        self.app = _App(link.node)
        self.scope = {"extensions": {WRITE_AT_ONCE: link.write_at_once}}
        self.receive = link.receive
        self.send = link.send_event


class Device:
    """A device of a person."""

    def __init__(self, world: World, name: str, user_id: UUID) -> None:
        self.name = name
        self.user_id = user_id
        self.random = random.Random(f"{world.seed}/{name}")
        self.link: Link | None = None
        # The newest rev of each message that it has.
        self.seen: dict[UUID, int] = {}
        # The messages it may edit, and the conversations it may write to.
        self.own: list[UUID] = []
        self.conversations: dict[UUID, None] = {}
        self.cursors: dict[UUID, int] = {}
        self.outbox: dict[str, Json] = {}
        # Requests over HTTP that have no answer yet.
        self.requests = 0
        self.is_resumed = False
        self._world = world
        self._revs: defaultdict[UUID, set[int]] = defaultdict(set)
        self._replayed: dict[UUID, int] = {}
        self._messages: defaultdict[UUID, set[UUID]] = defaultdict(set)
        # How often each conversation was removed here, and which of them on this connection.
        self._removals: Counter[UUID] = Counter()
        self._removed_here: set[UUID] = set()
        self._connections = 0
        self._number = 0

    @property
    def is_settled(self) -> bool:
        """Whether it is connected, has caught up, and got every answer."""
        is_connected = self.link is not None and self.link.is_ready and self.is_resumed
        return is_connected and not self.outbox and not self.requests

    def connect(self) -> None:
        """Connect to some node."""
        if self.link is not None:
            return
        node = self.random.choice(self._world.nodes)
        self._connections += 1
        link = self.link = Link(self._world, self, node, self._connections)
        self.is_resumed = False
        self._replayed = {}
        self._removed_here = set()
        later = self._world.loop.call_later
        later(self.random.random() * LATENCY_S, self._knock, link, context=Context())
        later(PATIENCE_S, self._give_up, link, context=Context())

    def closed(self, link: Link) -> None:
        """Come back after a pause."""
        link.is_open = False
        if self.link is link:
            self.link = None
            self.is_resumed = False
            pause_s = self.random.uniform(0.05, 1.0)
            self._world.loop.call_later(pause_s, self.connect, context=Context())

    def send(self, content: str, *, to: UUID | None, receiver_id: UUID | None = None) -> str:
        """Write a message; it is sent now and again until it is answered."""
        self._number += 1
        client_id = f"{self.name.replace('/', '-')}-{self._number}"
        frame: Json = {"type": "message", "id": client_id, "content": content}
        frame |= {"receiver_id": receiver_id} if to is None else {"conversation_id": to}
        self._world.history.sent[client_id] = Sent(
            self._world.loop.time(), self.name, self.user_id, content, to, receiver_id
        )
        self.outbox[client_id] = frame
        self._send(client_id)
        return client_id

    def request(self, what: str, work: Callable[[Node], Any]) -> None:
        """Request something over HTTP until it is answered."""
        self.requests += 1
        self._world.loop.create_task(self._request(what, work), context=Context())

    def receive(self, link: Link, frame: Json) -> None:
        """Handle a frame."""
        if self.link is not link:
            return
        kind = frame["type"]
        if kind == "ready":
            link.is_ready = True
            self._resume(link)
            for client_id in self.outbox:
                self._send(client_id)
        elif kind == "batch":
            for event in frame["events"]:
                self._take(link, event, "replay")
        elif kind == "resumed":
            self._finish_replay()
        elif kind == "reset":
            self._load(UUID(frame["conversation_id"]), frame["last_rev"])
        elif kind == "ack":
            change = self._take_message(link, frame["message"], "ack")
            self.outbox.pop(frame["id"], None)
            self.own.append(change.message_id)
            answer = Answer(self._world.loop.time(), self.name, frame["id"], change)
            self._world.history.answers.append(answer)
        elif kind == "error":
            self._refused(link, frame)
        else:
            self._take(link, frame, "live")

    def _send(self, client_id: str) -> None:
        if self.link is not None and self.link.is_ready and client_id in self.outbox:
            self.link.send(self.outbox[client_id])

    def _refused(self, link: Link, frame: Json) -> None:
        now, client_id = self._world.loop.time(), frame.get("id", "")
        if client_id == "resume":
            self._world.loop.call_later(0.5, self._resume_again, link, context=Context())
            return
        refusal = Refusal(now, self.name, client_id, frame["code"], frame["retryable"])
        self._world.history.refusals.append(refusal)
        self._world.tell(self.name, f"gets the error {frame['code']} for {client_id}")
        if frame["retryable"]:
            pause_s = self.random.uniform(0.2, 2.0)
            self._world.loop.call_later(pause_s, self._send, client_id, context=Context())
        else:
            self.outbox.pop(client_id, None)

    def _resume_again(self, link: Link) -> None:
        if self.link is link:
            self._replayed = {}
            self._resume(link)

    def _resume(self, link: Link) -> None:
        # Also of conversations without a message: it may be in one no more.
        cursors = {str(one): self.cursors.get(one, 0) for one in self.conversations}
        link.send({"type": "resume", "id": "resume", "cursors": cursors})

    def _take(self, link: Link, event: Json, how: str) -> None:
        if "message" in event:
            self._take_message(link, event["message"], how)
        elif event["type"] == "conversation.updated":
            conversation = event["conversation"]
            identifier = UUID(conversation["id"])
            self._see(link, identifier, how, is_removed=False)
            is_new = identifier in self._world.changing and identifier not in self.conversations
            self.conversations[identifier] = None
            if how == "replay":
                self._replayed[identifier] = conversation["last_rev"]
            # A replay holds all of a conversation but one that was removed since it was requested.
            if is_new and (how == "live" or identifier in self._removed_here):
                self._load(identifier, conversation["last_rev"])
        elif event["type"] == "conversation.removed":
            identifier = UUID(event["conversation_id"])
            self._see(link, identifier, how, is_removed=True)
            self._forget(identifier)

    def _see(self, link: Link, identifier: UUID, how: str, *, is_removed: bool) -> None:
        history = self._world.history
        seen = Seen(
            self._world.loop.time(),
            self.name,
            link.number,
            how,
            identifier,
            is_removed,
            len(history.received),
        )
        history.seen.append(seen)

    def _forget(self, identifier: UUID) -> None:
        """Drop everything of a conversation that its user is in no more."""
        self._removals[identifier] += 1
        self._removed_here.add(identifier)
        for message_id in self._messages.pop(identifier, ()):
            self.seen.pop(message_id, None)
        for kept in (self.conversations, self.cursors, self._revs, self._replayed):
            kept.pop(identifier, None)

    def _take_message(self, link: Link, message: Json, how: str) -> Change:
        change = Change(
            UUID(message["id"]),
            UUID(message["conversation_id"]),
            message["seq"],
            message["rev"],
            message["client_id"],
            UUID(message["sender_id"]),
            message["content"],
            message["deleted_at"] is not None,
        )
        self._record(link.number, link.process.name, how, change)
        return change

    def _record(self, number: int, process: str, how: str, change: Change) -> None:
        now, identifier = self._world.loop.time(), change.conversation_id
        self._world.history.received.append(Received(now, self.name, number, process, how, change))
        if identifier not in self._world.changing:
            # Of a group that one may leave only its view tells that one is in it.
            self.conversations[identifier] = None
        self._messages[identifier].add(change.message_id)
        self.seen[change.message_id] = max(self.seen.get(change.message_id, 0), change.rev)
        revs, cursor = self._revs[identifier], self.cursors.get(identifier, 0)
        revs.add(change.rev)
        while cursor + 1 in revs:
            cursor += 1
        self.cursors[identifier] = cursor

    def _finish_replay(self) -> None:
        for identifier, rev in self._replayed.items():
            self.cursors[identifier] = max(rev, self.cursors.get(identifier, 0))
        self._replayed = {}
        self.is_resumed = True

    def _knock(self, link: Link) -> None:
        if self.link is not link:
            return
        if link.node.is_up:
            link.process = link.node.process
            self._world.tell(self.name, f"connects to {link.node.name}")
            link.node.serve(link)
        else:
            self.closed(link)

    def _give_up(self, link: Link) -> None:
        if self.link is link and not self.is_resumed:
            self._world.tell(self.name, f"gives up {link.node.name}")
            link.cut()

    def _load(self, conversation_id: UUID, last_rev: int) -> None:
        """Load a conversation page by page, instead of a replay."""
        self._replayed.pop(conversation_id, None)
        removals = self._removals[conversation_id]

        async def load(node: Node) -> None:
            after, more, found = 0, True, []
            while more:
                page = await load_history(
                    node.database,
                    viewer_id=self.user_id,
                    conversation_id=conversation_id,
                    after=after,
                    limit=PAGE_SIZE,
                )
                found += page.items
                more, after = page.has_more, max((one.seq for one in page.items), default=0)
            if self._removals[conversation_id] > removals:
                return
            for one in found:
                change = Change(
                    one.id,
                    one.conversation_id,
                    one.seq,
                    one.rev,
                    one.client_id,
                    one.sender_id,
                    one.content,
                    one.deleted_at is not None,
                )
                self._record(self._connections, "", "page", change)
            self.cursors[conversation_id] = max(last_rev, self.cursors.get(conversation_id, 0))

        self.request("load a conversation", load)

    async def _request(self, what: str, work: Callable[[Node], Any]) -> None:
        try:
            while True:
                node = self.random.choice(self._world.nodes)
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        result = await node.call(work)
                except AppError as error:
                    self._world.tell(self.name, f"is refused to {what}: {error.code}")
                    if not error.retryable:
                        return
                except (TimeoutError, OSError):
                    self._world.tell(self.name, f"gets no answer to: {what}")
                else:
                    if hasattr(result, "rev"):
                        self._answered(result)
                    return
                await asyncio.sleep(self.random.uniform(0.2, 2.0))
        finally:
            self.requests -= 1

    def _answered(self, message: Any) -> None:  # noqa: ANN401  # a message of the chat
        change = Change(
            message.id,
            message.conversation_id,
            message.seq,
            message.rev,
            message.client_id,
            message.sender_id,
            message.content,
            message.deleted_at is not None,
        )
        answer = Answer(self._world.loop.time(), self.name, "", change)
        self._world.history.answers.append(answer)
