"""A client of the chat that survives dead links, restarts, lost answers and its own crashes.

Copy this file, `pip install websockets`, and read `docs/client.md` for what it promises:

    sign_in = {"username": "ada", "password": "her password"}
    client = Client("https://chat.example.org", sign_in, on_message=print, file="ada.db")
    running = asyncio.create_task(client.run())
    await client.send("hello", receiver_id=someone)

All there is to know about the protocol fits in four rules; the comments say where each is kept.

1. The sender names a message by a `client_id`. Sending it again is always safe: it is stored once,
   and the answer is the same. So keep it in a file, and repeat it until there is an answer.
2. Every change of a message takes the next `rev` of its conversation. One number a conversation,
   the cursor, tells all that a client has seen.
3. After a break, `resume` with the cursors brings what was missed. Events may come twice or early:
   at the cursor or below it is a double, above the next one it has to wait for its turn.
4. Never give up, and never come back all at once: pauses grow, and chance decides their length.
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
from urllib.request import Request, urlopen
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

Json = dict[str, Any]

TEMPORARY = (OSError, TimeoutError, WebSocketException, HTTPException, json.JSONDecodeError)
LONGEST_PAUSE_S, ANSWER_WITHIN_S = 30, 10
LOOK_EVERY_S, HEARTBEAT = 0.5, 60  # for what is out of order; every so many looks, a ping
IN_A_FRAME = 1_000  # cursors
WRONG, SESSION_OVER = (400, 401, 422), 4401
TABLES = """PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, frame TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cursor (conversation TEXT PRIMARY KEY, rev INTEGER NOT NULL);"""


class Refused(Exception):
    """The chat will not take this, however often it is tried; the text says why."""


class Client:
    """One device of a user; tells `on_message` every change of every message once, in order.

    What is not sent yet, and what was told (`cursors`), is kept in `file` for the next Client.
    """

    def __init__(
        self, url: str, sign_in: Json, on_message: Callable[[Json], None], file: str = ":memory:"
    ) -> None:
        self.url, self.sign_in, self.on_message = url, sign_in, on_message
        self.file = sqlite3.connect(file, isolation_level=None)
        self.file.executescript(TABLES)
        self.cursors: dict[str, int] = dict(self.file.execute("SELECT * FROM cursor"))
        self.held: defaultdict[str, dict[int, Json]] = defaultdict(dict)  # by conversation, rev
        self.lanes: defaultdict[str, deque[Json]] = defaultdict(deque)  # to be sent, by address
        self.answers: dict[str, asyncio.Future[Json]] = {}  # to come, by client_id
        self.asked, self.newest, self.stale = "", dict[str, int](), True  # the last `resume`
        self.socket: ClientConnection | None = None
        self.token, self.failures = "", 0
        self.outbox: dict[str, deque[Json]] = {}  # each one's lane, by client_id
        for (frame,) in self.file.execute("SELECT frame FROM outbox ORDER BY rowid"):
            self._keep(json.loads(frame))

    async def run(self) -> None:
        """Keep the link until cancelled. Raises Refused when name or password is wrong."""
        while True:
            with suppress(*TEMPORARY):
                token = await asyncio.to_thread(self._token)
                address = f"ws{self.url.removeprefix('http')}/ws"
                async with connect(address, max_size=2**24, compression=None) as socket:
                    await self._listen(socket, token)
            bound = min(LONGEST_PAUSE_S, 2 ** min(self.failures, 5))
            await asyncio.sleep(random.uniform(0, bound))  # noqa: S311  # rule 4, no secret
            self.failures += 1

    async def send(self, content: str, *, client_id: str = "", **address: str) -> Json:
        """Send to a `receiver_id` or `conversation_id`; return the message once it is stored.

        What is sent to one address goes in the order of the calls. Raises Refused.
        """
        frame = {"type": "message", "id": client_id or str(uuid4()), "content": content, **address}
        answer = asyncio.get_running_loop().create_future()
        answer = self.answers.setdefault(frame["id"], answer)
        if frame["id"] not in self.outbox:
            kept = frame["id"], json.dumps(frame)
            self.file.execute("INSERT INTO outbox VALUES (?, ?)", kept)  # rule 1
            await self._send_next(self._keep(frame), most=1)
        return await answer

    async def call(self, path: str, body: Json | None = None) -> Json:
        """Ask the HTTP API once, GET or POST of a body. Raises one of TEMPORARY."""
        return await asyncio.to_thread(self._ask, path, body, await asyncio.to_thread(self._token))

    def _token(self) -> str:
        if not self.token:
            try:
                reply = self._ask("/api/auth/login", self.sign_in)
            except HTTPError as error:
                if error.code in WRONG:
                    raise Refused(error.read().decode()) from None
                raise
            self.token = reply["access_token"]
        return self.token

    def _ask(self, path: str, body: Json | None, token: str = "") -> Json:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, headers)  # noqa: S310  # the chat's address
        with urlopen(request, timeout=ANSWER_WITHIN_S) as reply:  # noqa: S310  # the same
            answer: Json = json.loads(reply.read() or "{}")
            return answer

    def _keep(self, frame: Json) -> deque[Json]:
        lane = self.lanes[frame.get("conversation_id") or frame["receiver_id"]]
        lane.append(frame)
        self.outbox[frame["id"]] = lane
        return lane

    async def _send_next(self, lane: deque[Json], most: int = sys.maxsize) -> None:
        if self.socket is not None and 0 < len(lane) <= most:
            with suppress(WebSocketException):  # then it goes over the next link
                await self.socket.send(json.dumps(lane[0]))

    async def _listen(self, socket: ClientConnection, token: str) -> None:
        await socket.send(json.dumps({"type": "auth", "content": token}))
        keeping = asyncio.create_task(self._keep_whole(socket))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await socket.recv()  # "ready"
            self.socket, self.failures = socket, 0
            for lane in list(self.lanes.values()):
                await self._send_next(lane)
            async for text in socket:
                frame = json.loads(text)
                for event in frame.get("events", [frame]):  # a batch, or one by itself
                    await self._hear(event)
        finally:
            keeping.cancel()
            self.socket = None
            if socket.close_code == SESSION_OVER:
                self.token = ""

    async def _hear(self, event: Json) -> None:
        kind, identifier = event["type"], event.get("id", "")
        if "message" in event:  # created, updated or deleted, or the ack of our own
            message = event["message"]
            self.held[message["conversation_id"]][message["rev"]] = message
            self._tell(message["conversation_id"])
        elif kind == "reset":  # too much was missed of it to be replayed
            await self._page(event["conversation_id"], event["last_rev"])
        elif kind == "pong":  # what this tells of has been here, or was lost
            last = event["last_rev"].items()
            self.stale |= any(rev > self.cursors.get(one, 0) for one, rev in last)
        elif kind == "resumed" and identifier == self.asked:
            # What we held when we asked has come in full: gaps below it are changes that later
            # changes of the same message have replaced.
            for conversation, newest in self.newest.items():
                self._tell(conversation, whole_to=newest)
            self.asked = ""
        elif kind == "error" and event["retryable"]:
            raise ConnectionError(event["detail"])  # everything is asked for again, after a pause
        if kind in {"ack", "error"} and identifier in self.outbox:
            await self._answered(event)

    async def _answered(self, event: Json) -> None:
        lane = self.outbox.pop(event["id"])
        lane.popleft()
        self.file.execute("DELETE FROM outbox WHERE id = ?", (event["id"],))
        answer = self.answers.pop(event["id"], None)
        if answer is not None and not answer.done():
            if event["type"] == "ack":
                answer.set_result(event["message"])
            else:
                answer.set_exception(Refused(f"{event['code']}: {event['detail']}"))
        await self._send_next(lane)

    def _tell(self, conversation: str, whole_to: int = 0) -> None:
        """Tell what is next in line (rule 3), and all up to `whole_to`, of which nothing lacks."""
        held, cursor = self.held[conversation], self.cursors.get(conversation, 0)
        for rev in sorted(held):
            if rev > max(cursor + 1, whole_to):
                break
            message = held.pop(rev)
            if rev > cursor:
                self.on_message(message)
                self.cursors[conversation] = cursor = rev
                self.file.execute("REPLACE INTO cursor VALUES (?, ?)", (conversation, rev))
        if not held:
            del self.held[conversation]

    async def _keep_whole(self, socket: ClientConnection) -> None:
        """Ask for what was missed, at first and whenever something lacks; now and then, ping."""
        self.asked, self.stale = "", True
        with suppress(WebSocketException):
            for look in itertools.count(1):
                if not self.asked and (self.stale or self.held):
                    self.newest = {one: max(held) for one, held in self.held.items()}
                    self.asked, self.stale = str(uuid4()), False
                    seen = list(self.cursors.items())
                    for start in range(0, len(seen) or 1, IN_A_FRAME):
                        cursors = dict(seen[start : start + IN_A_FRAME])
                        more = start + IN_A_FRAME < len(seen)
                        frame = {"type": "resume", "id": self.asked, "cursors": cursors}
                        await socket.send(json.dumps(frame | {"more": more}))
                elif look % HEARTBEAT == 0:
                    await socket.send('{"type": "ping"}')
                await asyncio.sleep(LOOK_EVERY_S)

    async def _page(self, conversation: str, last_rev: int) -> None:
        path = f"/api/conversations/{conversation}/messages?limit=100&after="
        found, after, more = self.held[conversation], 0, True
        while more:
            page = await self.call(f"{path}{after}")
            found |= {message["rev"]: message for message in page["items"]}
            more, after = page["has_more"], max((m["seq"] for m in page["items"]), default=0)
        if last_rev < self.cursors.get(conversation, 0):
            self.cursors[conversation] = 0  # a restored backup: what it lacks will be told anew
        self._tell(conversation, whole_to=last_rev)
