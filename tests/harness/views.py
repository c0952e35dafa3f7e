"""A device model: the messages it would show, built from the events it received."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from tests.harness.clients import PATIENCE_S, Json, Person, Socket

CHANGES = {"message.created", "message.updated", "message.deleted"}
BROKEN = (OSError, ConnectionClosed, InvalidMessage, InvalidStatus, TimeoutError)


@dataclass
class View:
    """The messages of every conversation, as a device would show them.

    `cursors` follows the rules of the contract: a cursor moves past a change once nothing before
    it can be missing, so what comes out of turn waits until a replay has filled the hole.
    """

    messages: dict[str, dict[str, Json]] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    doubles: int = 0
    _ahead: dict[str, set[int]] = field(default_factory=dict)
    _seen: set[tuple[str, int]] = field(default_factory=set)

    def take(self, message: Json) -> None:
        """Apply a message event; it may be repeated or late."""
        conversation_id, rev = message["conversation_id"], message["rev"]
        if (conversation_id, rev) in self._seen:
            self.doubles += 1
            return
        self._seen.add((conversation_id, rev))
        shown = self.messages.setdefault(conversation_id, {})
        known = shown.get(message["id"])
        if known is None or known["rev"] < rev:
            shown[message["id"]] = message
        self._ahead.setdefault(conversation_id, set()).add(rev)
        self.move(conversation_id)

    def move(self, conversation_id: str, *, whole_to: int = 0) -> None:
        """Advance a cursor over contiguous revs; up to `whole_to` no change is missing."""
        cursor = max(self.cursors.get(conversation_id, 0), whole_to)
        ahead = self._ahead.setdefault(conversation_id, set())
        while cursor + 1 in ahead:
            cursor += 1
        self.cursors[conversation_id] = cursor
        ahead -= {rev for rev in ahead if rev <= cursor}

    def timeline(self, conversation_id: str) -> list[Json]:
        """Return the messages of a conversation in their order."""
        shown = self.messages.get(conversation_id, {})
        return sorted(shown.values(), key=lambda message: int(message["seq"]))


class Device:
    """A device of a person that comes back after every break, to any of `urls` in turn."""

    def __init__(self, person: Person, *urls: str) -> None:
        self.person = person
        self.view = View()
        self.codes: list[int | None] = []
        self.socket: Socket | None = None
        self.is_whole = asyncio.Event()
        self._urls = list(urls or [person.url])
        self._answers: dict[str, asyncio.Future[Json]] = {}
        self._away = asyncio.Event()
        self._away.set()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop the device."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def cut(self) -> None:
        """Break the link without a close frame, and keep it broken."""
        self._away.clear()
        if self.socket is not None:
            self.socket.connection.transport.abort()

    def back(self) -> None:
        """Restore the link."""
        self._away.set()

    async def ask(self, frame: Json) -> Json:
        """Send a frame until it is answered, reconnecting as often as needed."""
        async with asyncio.timeout(4 * PATIENCE_S):
            while True:
                await self.is_whole.wait()
                answered = self._answers.setdefault(
                    frame["id"], asyncio.get_running_loop().create_future()
                )
                with contextlib.suppress(*BROKEN):
                    assert self.socket is not None
                    await self.socket.send(frame)
                    return await asyncio.wait_for(asyncio.shield(answered), 3)
                # A closed link fails at once: without a pause its end would never be processed.
                await asyncio.sleep(0.02)

    async def _run(self) -> None:
        while True:
            await self._away.wait()
            url = self._urls[0]
            with contextlib.suppress(*BROKEN):
                await self._follow(url)
            self.is_whole.clear()
            if self.socket is not None:
                self.codes.append(self.socket.connection.close_code)
                self.socket = None
            self._urls.append(self._urls.pop(0))
            await asyncio.sleep(0.05)

    async def _follow(self, url: str) -> None:
        async with connect(
            url.replace("http", "ws", 1) + "/ws",
            compression=None,
            max_size=2**24,
            open_timeout=PATIENCE_S,
            proxy=None,
        ) as connection:
            socket = Socket(connection)
            await socket.send({"type": "auth", "content": self.person.access_token})
            await socket.expect("ready")
            self.socket = socket
            await socket.send({"type": "resume", "cursors": self.view.cursors})
            replayed: dict[str, int] = {}
            async for text in connection:
                frame = json.loads(text)
                assert frame["type"] != "reset", "no test here misses so much"
                # Only a replay comes in batches, and only its conversation events are complete.
                is_replay = frame["type"] == "batch"
                for event in frame["events"] if is_replay else [frame]:
                    if is_replay and event["type"] == "conversation.updated":
                        replayed[event["conversation"]["id"]] = event["conversation"]["last_rev"]
                    self._apply(event, replayed)

    def _apply(self, event: Json, replayed: dict[str, int]) -> None:
        if event["type"] in CHANGES:
            self.view.take(event["message"])
        elif event["type"] == "resumed":
            for conversation_id, rev in replayed.items():
                self.view.move(conversation_id, whole_to=rev)
            self.is_whole.set()
        elif event["type"] in {"ack", "error"}:
            if event["type"] == "ack" and "message" in event:
                self.view.take(event["message"])
            answered = self._answers.pop(str(event.get("id")), None)
            if answered is not None and not answered.done():
                answered.set_result(event)
