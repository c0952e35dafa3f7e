"""A chat client that survives broken connections, restarts, lost answers and its own crashes.

Copy this file and run `pip install websockets`. `docs/client.md` lists what it guarantees.

    sign_in = {"username": "ada", "password": "her password"}
    client = Client("https://chat.example.org", sign_in, on_message=print, file="ada.db")
    running = asyncio.create_task(client.run())
    await client.send("hello", receiver_id=someone)

The whole protocol fits in four rules. Comments show where each rule is implemented.

1. The sender gives each message a `client_id`. Sending a message again is always safe: it is stored
   once, and the answer is the same. So store it in a file and repeat it until it is answered.
2. Every change of a message gets the next `rev` of its conversation. A client remembers one number
   per conversation, the cursor: it has seen every change up to that `rev`.
3. After a disconnect, `resume` with the cursors returns the missed changes. Events may arrive twice
   or early: drop an event whose `rev` is not above the cursor, and hold back one after a gap.
4. Never stop reconnecting, and spread the load: pauses grow, and their length is random.
"""

import asyncio
import itertools
import json
import random
import sqlite3
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

Json = dict[str, Any]

TEMPORARY = (OSError, TimeoutError, WebSocketException, HTTPException, json.JSONDecodeError)
MAX_PAUSE_S, TIMEOUT_S = 30, 10
CHECK_INTERVAL_S, CHECKS_PER_PING = 0.5, 60  # how often to look for gaps, and to send a ping
CURSORS_PER_FRAME = 1_000
REJECTED, SESSION_OVER = (400, 401, 422), 4401
TABLES = """PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, frame TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cursor (conversation TEXT PRIMARY KEY, rev INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS generation (name TEXT);"""


class Refused(Exception):
    """The chat refuses this request finally; the text gives the reason."""


class Client:
    """One device of a user; passes every change of every message to `on_message` once, in order.

    `file` stores the unsent messages and the `cursors`, so that the next Client continues there.
    """

    def __init__(
        self,
        url: str,
        sign_in: Json,
        on_message: Callable[[Json], None],
        file: str = ":memory:",
        on_reaction: Callable[[Json], None] = lambda _event: None,
    ) -> None:
        self.url, self.sign_in, self.on_message = url, sign_in, on_message
        self.on_reaction = on_reaction
        self.file = sqlite3.connect(file, isolation_level=None)
        self.file.executescript(TABLES)
        self.cursors: dict[str, int] = dict(self.file.execute("SELECT * FROM cursor"))
        # The database whose revs the cursors are, and the present one: restored backups reuse revs.
        [self.generation] = self.file.execute("SELECT max(name) FROM generation").fetchone()
        self.present = self.generation
        self.pending: defaultdict[str, dict[int, Json]] = defaultdict(dict)  # by conversation, rev
        self.queues: defaultdict[str, deque[Json]] = defaultdict(deque)  # to be sent, by address
        self.answers: dict[str, asyncio.Future[Json]] = {}  # awaited ones, by client_id
        # The last `resume`, the newest pending revs at that time, and whether changes are missing.
        self.resume_id, self.newest, self.is_behind = "", dict[str, int](), True
        self.socket: ClientConnection | None = None
        self.token, self.failures = "", 0
        self.outbox: dict[str, deque[Json]] = {}  # the queue of each unsent message, by client_id
        for (frame,) in self.file.execute("SELECT frame FROM outbox ORDER BY rowid"):
            self._enqueue(json.loads(frame))

    async def run(self) -> None:
        """Stay connected until cancelled. Raises Refused if the username or password is wrong."""
        while True:
            with suppress(*TEMPORARY):
                token = await asyncio.to_thread(self._token)
                address = f"ws{self.url.removeprefix('http')}/ws"
                async with connect(address, max_size=2**24, compression=None) as socket:
                    await self._listen(socket, token)
            bound = min(MAX_PAUSE_S, 2 ** min(self.failures, 5))
            await asyncio.sleep(random.uniform(0, bound))  # noqa: S311  # rule 4, no secret
            self.failures += 1

    async def send(self, content: str, *, client_id: str = "", **address: str) -> Json:
        """Send to a `receiver_id` or `conversation_id`; return the message once it is stored.

        With `reply_to` it replies to a message of the conversation. Messages to one address are
        sent in the order of the calls. Raises Refused.
        """
        frame = {"type": "message", "id": client_id or str(uuid4()), "content": content, **address}
        answer = asyncio.get_running_loop().create_future()
        answer = self.answers.setdefault(frame["id"], answer)
        if frame["id"] not in self.outbox:
            row = frame["id"], json.dumps(frame)
            self.file.execute("INSERT INTO outbox VALUES (?, ?)", row)  # rule 1
            await self._send_next(self._enqueue(frame), most=1)
        return await answer

    async def react(self, message_id: str, emoji: str) -> Json:
        """React to a message; return its reactions. Raises one of TEMPORARY."""
        return await self.call(f"/api/messages/{message_id}/reactions/{quote(emoji)}", method="PUT")

    async def call(self, path: str, body: Json | None = None, *, method: str = "") -> Json:
        """Send one request to the HTTP API: POST with a body, else GET. Raises one of TEMPORARY."""
        token = await asyncio.to_thread(self._token)
        return await asyncio.to_thread(self._call, path, body, token, method)

    def _token(self) -> str:
        if not self.token:
            try:
                reply = self._call("/api/auth/login", self.sign_in)
            except HTTPError as error:
                if error.code in REJECTED:
                    raise Refused(error.read().decode()) from None
                raise
            self.token = reply["access_token"]
        return self.token

    def _call(self, path: str, body: Json | None, token: str = "", method: str = "") -> Json:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        how = method or ("GET" if data is None else "POST")
        request = Request(self.url + path, data, headers, method=how)  # noqa: S310  # the chat's
        with urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310  # the same
            answer: Json = json.loads(reply.read() or "{}")
            return answer

    def _enqueue(self, frame: Json) -> deque[Json]:
        queue = self.queues[frame.get("conversation_id") or frame["receiver_id"]]
        queue.append(frame)
        self.outbox[frame["id"]] = queue
        return queue

    async def _send_next(self, queue: deque[Json], most: int = sys.maxsize) -> None:
        if self.socket is not None and 0 < len(queue) <= most:
            with suppress(WebSocketException):  # the next connection sends it
                await self.socket.send(json.dumps(queue[0]))

    async def _listen(self, socket: ClientConnection, token: str) -> None:
        await socket.send(json.dumps({"type": "auth", "content": token}))
        filling = asyncio.create_task(self._fill_gaps(socket))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self.present = json.loads(await socket.recv()).get("generation")  # of "ready"
            self.socket, self.failures = socket, 0
            for queue in list(self.queues.values()):
                await self._send_next(queue)
            async for text in socket:
                frame = json.loads(text)
                for event in frame.get("events", [frame]):  # a batch, or a single event
                    await self._receive(event)
        finally:
            filling.cancel()
            self.socket = None
            if socket.close_code == SESSION_OVER:
                self.token = ""

    async def _receive(self, event: Json) -> None:
        kind, identifier = event["type"], event.get("id", "")
        if "message" in event and kind != "reminder.due":  # created, updated or deleted, or an ack
            message = event["message"]
            self.pending[message["conversation_id"]][message["rev"]] = message
            self._deliver(message["conversation_id"])
        elif kind == "message.reacted":  # a change of a message, with a rev of its own
            self.pending[event["conversation_id"]][event["rev"]] = event
            self._deliver(event["conversation_id"])
        elif kind == "reset":  # too many changes were missed for a replay
            await self._load_history(event["conversation_id"], event["last_rev"])
        elif kind == "conversation.removed":
            # Its changes are not replayed now: a return must find the gap before what is pending.
            self.pending.pop(event["conversation_id"], None)
            self.newest.pop(event["conversation_id"], None)
        elif kind == "pong":  # an event up to `last_rev` that has not arrived is lost
            last = event["last_rev"].items()
            self.is_behind |= any(rev > self.cursors.get(one, 0) for one, rev in last)
        elif kind == "resumed" and identifier == self.resume_id:
            # All changes up to the ones that were pending at the `resume` have arrived. The
            # remaining gaps are changes that later changes of the same message have replaced.
            for conversation, newest in self.newest.items():
                self._deliver(conversation, complete_to=newest)
            self.resume_id, self.generation = "", self.present
            self.file.execute("DELETE FROM generation")
            self.file.execute("INSERT INTO generation VALUES (?)", (self.generation,))
        elif kind == "error" and event["retryable"]:
            raise ConnectionError(event["detail"])  # reconnect after a pause, and repeat
        if kind in {"ack", "error"} and identifier in self.outbox:
            await self._settle(event)

    async def _settle(self, event: Json) -> None:
        queue = self.outbox.pop(event["id"])
        queue.popleft()
        self.file.execute("DELETE FROM outbox WHERE id = ?", (event["id"],))
        answer = self.answers.pop(event["id"], None)
        if answer is not None and not answer.done():
            if event["type"] == "ack":
                answer.set_result(event["message"])
            else:
                answer.set_exception(Refused(f"{event['code']}: {event['detail']}"))
        await self._send_next(queue)

    def _deliver(self, conversation: str, complete_to: int = 0) -> None:
        """Pass on the next changes in order (rule 3); up to `complete_to` gaps are allowed."""
        pending, cursor = self.pending[conversation], self.cursors.get(conversation, 0)
        for rev in sorted(pending):
            if rev > max(cursor + 1, complete_to):
                break
            change = pending.pop(rev)
            if rev > cursor:
                (self.on_reaction if "emoji" in change else self.on_message)(change)
                self.cursors[conversation] = cursor = rev
                self.file.execute("REPLACE INTO cursor VALUES (?, ?)", (conversation, rev))
        if not pending:
            del self.pending[conversation]

    async def _fill_gaps(self, socket: ClientConnection) -> None:
        """Send `resume` at first and whenever changes are missing; in between, send pings."""
        self.resume_id, self.is_behind = "", True
        with suppress(WebSocketException):
            for check in itertools.count(1):
                if not self.resume_id and (self.is_behind or self.pending):
                    self.newest = {one: max(pending) for one, pending in self.pending.items()}
                    self.resume_id, self.is_behind = str(uuid4()), False
                    # Of those that are pending, too: in no other way a removal from one is told.
                    seen = list({**dict.fromkeys(self.pending, 0), **self.cursors}.items())
                    for start in range(0, len(seen) or 1, CURSORS_PER_FRAME):
                        cursors = dict(seen[start : start + CURSORS_PER_FRAME])
                        more = start + CURSORS_PER_FRAME < len(seen)
                        frame: dict[str, object] = {"type": "resume", "id": self.resume_id}
                        frame |= {"cursors": cursors, "generation": self.generation, "more": more}
                        await socket.send(json.dumps(frame))
                elif check % CHECKS_PER_PING == 0:
                    await socket.send('{"type": "ping"}')
                await asyncio.sleep(CHECK_INTERVAL_S)

    async def _load_history(self, conversation: str, last_rev: int) -> None:
        path = f"/api/conversations/{conversation}/messages?limit=100&after="
        found, after, more = self.pending[conversation], 0, True
        while more:
            page = await self.call(f"{path}{after}")
            found |= {message["rev"]: message for message in page["items"]}
            more, after = page["has_more"], max((m["seq"] for m in page["items"]), default=0)
        is_restored = self.generation not in {None, self.present}
        if is_restored or last_rev < self.cursors.get(conversation, 0):
            self.cursors[conversation] = 0
        self._deliver(conversation, complete_to=last_rev)
