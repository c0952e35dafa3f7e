"""A client of the chat that survives dead links, restarts, lost answers and long absences.

Copy this file, `pip install httpx websockets`, and read `docs/client.md` for what it promises:

    client = Client("https://chat.example.org", "ada", "her password", on_message=print)
    running = asyncio.create_task(client.run())
    await client.send("hello", receiver_id=someone)

All there is to know about the protocol fits in four rules; the comments say where each is kept.

1. The sender names a message by a `client_id`. Sending it again, through whatever door, is always
   safe: it is stored once, and the answer is the same. So repeat until there is an answer.
2. Every change of a message takes the next `rev` of its conversation. One number a conversation,
   the cursor, tells all that a client has seen.
3. After a break, `resume` with the cursors brings what was missed. Events may come twice or early:
   at the cursor or below it is a double, above the next one it has to wait for its turn.
4. Never give up, and never come back all at once: pauses grow, and chance decides their length.
"""

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

Json = dict[str, Any]

LONGEST_PAUSE_S = 30
ANSWER_WITHIN_S = 10
LOOK_EVERY_S = 0.5  # for what is out of order; mostly the missing piece is there by then
HEARTBEAT = 60  # every so many looks
RESTARTING, SESSION_OVER = 1012, 4401


class Refused(Exception):
    """The chat will not take this, however often it is tried; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


class Later(Exception):
    """The chat cannot take this right now."""

    def __init__(self, after_s: float = 0) -> None:
        super().__init__(f"try again in {after_s} s")
        self.after_s = after_s


TEMPORARY = (Later, OSError, TimeoutError, httpx.HTTPError, WebSocketException)


class Question(NamedTuple):
    """A `resume` under way, and the newest `rev` that was held back when it was asked."""

    id: str
    newest: dict[str, int]


class Client:
    """One device of a user; tells `on_message` every change of every message once, in order.

    `cursors` is what has been told so far: store it with what you made of the messages, and give
    it to the next Client. Without it everything there ever was is told.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        on_message: Callable[[Json], None],
        cursors: Mapping[str, int] | None = None,
    ) -> None:
        self.cursors = dict(cursors or {})
        self._on_message = on_message
        self._held: defaultdict[str, dict[int, Json]] = defaultdict(dict)  # by conversation, rev
        self._stale = True  # something was missed, as far as we know
        self._question: Question | None = None
        self._socket: ClientConnection | None = None
        self._answered = asyncio.Event()
        self._address = f"ws{url.removeprefix('http')}/ws"
        self._http = httpx.AsyncClient(base_url=url, timeout=ANSWER_WITHIN_S)
        self._answers: dict[str, asyncio.Future[Json]] = {}  # to come, by client_id
        self._lanes: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by address
        self._failures = 0
        self._credentials = {"username": username, "password": password}
        self._signing_in = asyncio.Lock()
        self._access, self._refresh, self._good_until = "", "", 0.0

    async def run(self) -> None:
        """Keep the link until cancelled. Raises Refused when name or password is wrong."""
        try:
            while True:
                trouble: Exception | None = None
                try:
                    token = await self.token()
                    async with connect(self._address, max_size=2**24) as socket:
                        await self._listen(socket, token)
                except ConnectionClosed as end:
                    code = end.rcvd.code if end.rcvd else None
                    if code == SESSION_OVER:
                        self._good_until = 0  # our token is no good any more
                    if code == RESTARTING:
                        self._failures = 0  # there is, or soon will be, somebody to answer
                except TEMPORARY as error:
                    trouble = error
                await self._pause(self._failures, trouble)
                self._failures += 1
        finally:
            await self._http.aclose()

    async def send(self, content: str, *, client_id: str = "", **address: str) -> Json:
        """Send to a `receiver_id` or `conversation_id`; return the message once it is stored.

        What is sent to one address goes in the order of the calls. Raises Refused.
        """
        body = {"client_id": client_id or str(uuid4()), "content": content, **address}
        async with self._lanes[json.dumps(address)]:
            return await self._insist(partial(self._deliver, body))  # rule 1

    async def call(self, method: str, path: str, **options: Any) -> Json:  # noqa: ANN401  # httpx's
        """Ask the HTTP API once. Raises Refused, or one of TEMPORARY."""
        headers = {"Authorization": f"Bearer {await self.token()}"}
        reply = await self._http.request(method, path, headers=headers, **options)
        if reply.status_code == httpx.codes.UNAUTHORIZED:
            self._good_until = 0
            raise Later
        body = _body(reply)
        if self._socket is None:
            self._is_there()
        return body

    async def token(self) -> str:
        """Return an access token that is good for a while yet. Raises as `call` does."""
        async with self._signing_in:
            if time.monotonic() >= self._good_until:
                pair = await self._sign_in()
                self._access, self._refresh = pair["access_token"], pair["refresh_token"]
                self._good_until = time.monotonic() + 0.8 * pair["expires_in"]
            return self._access

    async def _insist(self, attempt: Callable[[], Awaitable[Json]]) -> Json:
        failures = 0
        while True:
            try:
                return await attempt()
            except TEMPORARY as error:
                await self._pause(failures, error)
                failures += 1

    async def _pause(self, failures: int, trouble: Exception | None) -> None:
        """Rule 4: any time below a bound that doubles from one second to thirty (full jitter).

        An answer at one door ends the pauses before the other: the chat is there.
        """
        await asyncio.sleep(trouble.after_s if isinstance(trouble, Later) else 0)
        bound = min(LONGEST_PAUSE_S, 2 ** min(failures, 8))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0, bound)):  # noqa: S311  # no secret
                await self._answered.wait()

    def _is_there(self) -> None:
        self._answered.set()
        self._answered = asyncio.Event()

    async def _sign_in(self) -> Json:
        if self._refresh:
            spent = {"refresh_token": self._refresh}
            with contextlib.suppress(Refused):  # too late: the session is over
                return _body(await self._http.post("/api/auth/refresh", json=spent))
        return _body(await self._http.post("/api/auth/login", json=self._credentials))

    async def _listen(self, socket: ClientConnection, token: str) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await socket.send(json.dumps({"type": "auth", "content": token}))
            await socket.recv()  # "ready": who we are, and what is unread
        self._failures = 0
        self._socket, self._question, self._stale = socket, None, True
        self._is_there()
        keeping = asyncio.create_task(self._keep_whole(socket))
        try:
            while True:
                frame = json.loads(await socket.recv())
                for event in frame.get("events", [frame]):  # a batch, or one by itself
                    await self._hear(event)
        finally:
            keeping.cancel()
            self._socket = None
            for answer in self._answers.values():
                _settle(answer, ConnectionError("the link broke"))

    async def _hear(self, event: Json) -> None:
        kind, identifier = event["type"], event.get("id", "")
        asked = self._question is not None and self._question.id == identifier
        if "message" in event:  # created, updated or deleted, or the ack of our own
            self._take(event["message"])
            _settle(self._answers.get(identifier), event["message"])
        elif kind == "reset":
            await self._page(event["conversation_id"], event["last_rev"])
        elif kind == "pong":  # what this tells of has been here, or was lost
            last = event["last_rev"].items()
            self._stale |= any(rev > self.cursors.get(one, 0) for one, rev in last)
        elif kind == "resumed" and asked and self._question is not None:
            # What we held when we asked has come in full: gaps below it are changes that later
            # changes of the same message have replaced.
            for conversation, newest in self._question.newest.items():
                self._hand_over(conversation, whole_to=newest)
            self._question = None
        elif kind == "error":
            error = Later() if event["retryable"] else Refused(event["code"], event["detail"])
            _settle(self._answers.get(identifier), error)
            if asked:  # ask again at the next look
                self._question, self._stale = None, True

    def _take(self, message: Json) -> None:
        conversation = message["conversation_id"]
        self._held[conversation][message["rev"]] = message
        self._hand_over(conversation)

    def _hand_over(self, conversation: str, *, whole_to: int = 0) -> None:
        """Tell what is next in line (rule 3), and all up to `whole_to`, of which nothing lacks."""
        held = self._held[conversation]
        for rev in sorted(held):
            cursor = self.cursors.get(conversation, 0)
            if rev > max(cursor + 1, whole_to):
                break
            if rev > cursor:
                self._on_message(held[rev])
                self.cursors[conversation] = rev
            del held[rev]
        if not held:
            del self._held[conversation]

    async def _keep_whole(self, socket: ClientConnection) -> None:
        """Ask for what was missed, at first and whenever something lacks; now and then, ping."""
        with contextlib.suppress(WebSocketException):
            for look in itertools.count(1):
                if self._question is None and (self._stale or self._held):
                    newest = {one: max(held) for one, held in self._held.items()}
                    self._question, self._stale = Question(str(uuid4()), newest), False
                    frame = {"type": "resume", "id": self._question.id, "cursors": self.cursors}
                    await socket.send(json.dumps(frame))
                elif look % HEARTBEAT == 0:
                    await socket.send('{"type": "ping"}')
                await asyncio.sleep(LOOK_EVERY_S)

    async def _page(self, conversation: str, last_rev: int) -> None:
        """Read a whole conversation over HTTP: too much was missed of it to be replayed."""
        path, after, more = f"/api/conversations/{conversation}/messages", 0, True
        found: dict[int, Json] = {}
        while more:
            where = {"after": after, "limit": 100}
            page = await self._insist(partial(self.call, "GET", path, params=where))
            found |= {message["rev"]: message for message in page["items"]}
            more, after = page["has_more"], max((m["seq"] for m in page["items"]), default=0)
        if max(found, default=0) < self.cursors.get(conversation, 0):
            self.cursors[conversation] = 0  # a restored backup: what it lacks will be told anew
        self._held[conversation] |= found
        self._hand_over(conversation, whole_to=last_rev)

    async def _deliver(self, body: Json) -> Json:
        if self._socket is not None:
            # No ack says nothing about the message: ask at the other door.
            with contextlib.suppress(OSError, TimeoutError, WebSocketException):
                return await self._over_socket(self._socket, **body)
        message = await self.call("POST", "/api/messages", json=body)
        self._take(message)
        return message

    async def _over_socket(self, socket: ClientConnection, *, client_id: str, **body: str) -> Json:
        answer = self._answers[client_id] = asyncio.get_running_loop().create_future()
        try:
            await socket.send(json.dumps({"type": "message", "id": client_id, **body}))
            return await asyncio.wait_for(answer, ANSWER_WITHIN_S)
        finally:
            self._answers.pop(client_id, None)


def _settle(answer: "asyncio.Future[Json] | None", outcome: Json | Exception) -> None:
    if answer is None or answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
        answer.exception()  # seen, though nobody may wait for it any more
    else:
        answer.set_result(outcome)


def _body(reply: httpx.Response) -> Json:
    """Return what the chat says. Raises Later, or Refused."""
    try:
        if reply.is_server_error or reply.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Later(float(reply.headers.get("Retry-After", 0)))
        body: Json = reply.json() if reply.content else {}
    except ValueError:
        raise Later from None  # those are not the chat's words: something between us answered
    if reply.is_error:
        raise Refused(body.get("code", "refused"), body.get("detail", reply.reason_phrase))
    return body
