"""Clients of the chat as programs use it: an HTTP client and a live socket."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import uuid4

import httpx
import jwt
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from tests.harness.processor import within
from tests.harness.tls import trusted

PASSWORD = "correct horse battery"
# The first account of every shared chat.
OWNER = "owner"
REGISTERED_AT_ONCE = 5
PATIENCE_S = 90
# A server ends a connection that was idle for five seconds: a request might meet that end.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3)
MESSAGE_PACK = "chat.v1.msgpack"

Json = dict[str, Any]

# Does not reach a node behind nginx, which refuses it with 400 itself.
NUL_IN_A_PATH = pytest.param("%00", marks=pytest.mark.one_process)

# What new HTTP clients do with each reply.
on_reply: list[Callable[[httpx.Response], Awaitable[None]]] = []
# What sockets do with each frame that they receive.
on_frame: list[Callable[[Json], None]] = []
# The HTTP clients of the test's people, closed at its end.
_kept: list[httpx.AsyncClient] = []


def short(value: object) -> str:
    """Return the beginning of a value, as the id of a test parameter."""
    return ascii(value)[:40]


@dataclass
class Person:
    """Someone with an account, signed in as a program (`http` sends the bearer token)."""

    url: str
    user: Json
    access_token: str
    refresh_token: str
    cookie: str
    http: httpx.AsyncClient

    @property
    def id(self) -> str:
        """Return the person's user id."""
        return str(self.user["id"])

    @property
    def username(self) -> str:
        """Return the name they sign in with."""
        return str(self.user["username"])

    @property
    def session_id(self) -> str:
        """Return the session that this sign-in opened, from its token."""
        claims = jwt.decode(self.access_token, options={"verify_signature": False})
        return str(claims["sid"])

    def browser(self, *, origin: str | None = None) -> httpx.AsyncClient:
        """Return a client that has the cookie and no token; `origin` "" sends no Origin."""
        headers = {"Origin": self.url if origin is None else origin, "Cookie": self.cookie}
        headers = {name: value for name, value in headers.items() if value}
        return http_client(self.url, headers=headers)

    async def write(self, receiver: "Person", content: str, **fields: Any) -> Json:  # noqa: ANN401  # any JSON, wrong ones too
        """Send one direct message over HTTP and return it."""
        body = {"receiver_id": receiver.id, "content": content, **fields}
        reply = await self.http.post("/api/messages", json=body)
        assert reply.status_code == 201, reply.text
        return as_json(reply)

    async def write_all(self, receiver: "Person", *contents: str) -> list[Json]:
        """Send several messages, one after the other, and return them."""
        return [await self.write(receiver, content) for content in contents]

    async def leave(self, *, password: str = PASSWORD) -> httpx.Response:
        """Request the deletion of the account."""
        return await self.http.request("DELETE", "/api/auth/me", json={"password": password})

    async def opened(self, other: "Person") -> Json:
        """Open the direct conversation with `other` and return it."""
        reply = await self.http.post("/api/conversations", json={"user_id": other.id})
        assert reply.status_code in {200, 201}, reply.text
        return as_json(reply)

    async def make_group(self, *others: "Person", **fields: Any) -> Json:  # noqa: ANN401  # any JSON, wrong ones too
        """Make a group with others and return it."""
        member_ids = [other.id for other in others]
        body = {"kind": "group", "title": "Group", "member_ids": member_ids, **fields}
        reply = await self.http.post("/api/conversations", json=body)
        assert reply.status_code == 201, reply.text
        return as_json(reply)

    async def write_in(self, conversation_id: str, content: str) -> Json:
        """Send one message into a conversation over HTTP and return it."""
        body = {"conversation_id": conversation_id, "content": content}
        reply = await self.http.post("/api/messages", json=body)
        assert reply.status_code == 201, reply.text
        return as_json(reply)

    async def request_friendship(self, other: "Person") -> Json:
        """Send a friend request and return the card of the reply."""
        reply = await self.http.post("/api/friends/request", json={"user_id": other.id})
        assert reply.status_code == 201, reply.text
        return as_json(reply)

    async def befriend(self, other: "Person") -> Json:
        """Make friends with a user who has sent no request yet, and return their card."""
        await other.request_friendship(self)
        reply = await self.http.post("/api/friends/accept", json={"user_id": other.id})
        assert reply.status_code == 200, reply.text
        return as_json(reply)

    async def block(self, other: "Person") -> None:
        """Block somebody."""
        reply = await self.http.put(f"/api/blocks/{other.id}")
        assert reply.status_code == 204, reply.text

    async def conversation(self, conversation_id: str) -> Json:
        """Fetch one conversation as this person sees it."""
        reply = await self.http.get(f"/api/conversations/{conversation_id}")
        assert reply.status_code == 200, reply.text
        return as_json(reply)

    async def history(self, conversation_id: str, **page: int) -> Json:
        """Fetch one page of messages."""
        path = f"/api/conversations/{conversation_id}/messages"
        reply = await self.http.get(path, params=page)
        assert reply.status_code == 200, reply.text
        return as_json(reply)

    async def whole_history(self, other: "Person") -> list[Json]:
        """Fetch every message between the two, in order."""
        items: list[Json] = []
        while True:
            after = {"limit": 100, "after": items[-1]["seq"] if items else 0}
            reply = await self.http.get(f"/api/messages/{other.id}", params=after)
            assert reply.status_code == 200, reply.text
            items += reply.json()["items"]
            if not reply.json()["has_more"]:
                return items

    async def write_fast(self, receiver: "Person", *contents: str) -> list[Json]:
        """Send many messages over a socket without waiting for each, and return them."""
        async with self.socket() as socket:
            for number, content in enumerate(contents):
                frame = {"type": "message", "id": f"many-{number}", "content": content}
                await socket.send({**frame, "receiver_id": receiver.id})
            acks = [await socket.expect("ack") for _ in contents]
        return [ack["message"] for ack in acks]

    def at(self, url: str) -> "Person":
        """Return the same person, whose sockets are at another node."""
        return replace(self, url=url)

    @contextlib.asynccontextmanager
    async def socket(self, *formats: str) -> AsyncIterator["Socket"]:
        """Yield a live socket of this person, signed in by its first frame and greeted.

        `formats` are the subprotocols to offer; without any it is JSON.
        """
        async with Socket.open(self.url, formats=formats) as socket:
            await socket.send({"type": "auth", "content": self.access_token})
            await socket.expect("ready")
            yield socket


def pull_cable(connection: ClientConnection) -> None:
    """Stop reading, with a small kernel buffer for what arrives."""
    link: socket.socket = connection.transport.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.transport.pause_reading()


def mend_cable(connection: ClientConnection) -> None:
    """Read again, with room enough that the system asks the sender to go on at once.

    Else it is up to the sender to try again, after a pause as long as the silence was.
    """
    link: socket.socket = connection.transport.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
    connection.transport.resume_reading()


def http_client(url: str, *, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """Return a client of the chat at `url` that keeps no cookies of its own accord."""
    return httpx.AsyncClient(
        base_url=url,
        headers=headers,
        timeout=PATIENCE_S,
        limits=LIMITS,
        verify=trusted(),
        event_hooks={"response": on_reply},
    )


def page_client(url: str, **headers: str) -> httpx.Client:
    """Return a client that keeps its cookies, as a page of the chat at `url` does."""
    return httpx.Client(
        base_url=url,
        headers={"Origin": url} | headers,
        timeout=PATIENCE_S,
        limits=LIMITS,
        verify=trusted(),
    )


async def close_kept() -> None:
    """Close every kept client."""
    while _kept:
        await _kept.pop().aclose()


def as_json(reply: httpx.Response) -> Json:
    """Return the reply's JSON object."""
    body = reply.json()
    assert isinstance(body, dict)
    return body


def new_username() -> str:
    """Return a username that nobody has."""
    return f"u{uuid4().hex[:20]}"


async def register(url: str, **fields: Any) -> Person:  # noqa: ANN401  # any JSON, wrong ones too
    """Register an account and return its person."""
    body = {"username": new_username(), "password": PASSWORD, **fields}
    async with http_client(url) as client:
        reply = await client.post("/api/auth/register", json=body)
    assert reply.status_code == 201, reply.text
    return person_of(url, reply)


def register_owner(url: str) -> None:
    """Register the first account of a chat, which is its admin."""
    body = {"username": OWNER, "password": PASSWORD}
    with page_client(url) as client:
        client.post("/api/auth/register", json=body).raise_for_status()


async def log_in_owner(url: str) -> Person:
    """Sign in as the admin of a shared chat."""
    body = {"username": OWNER, "password": PASSWORD}
    async with http_client(url) as client:
        return person_of(url, await client.post("/api/auth/login", json=body))


async def register_many(url: str, count: int) -> list[Person]:
    """Register accounts, a few at a time: the chat hashes passwords on two threads."""
    people: list[Person] = []
    while len(people) < count:
        some = min(REGISTERED_AT_ONCE, count - len(people))
        people += await asyncio.gather(*(register(url) for _ in range(some)))
    return people


async def log_in(url: str, person: Person, *, password: str = PASSWORD) -> Person:
    """Sign the same person in once more: another session of theirs."""
    body = {"username": person.username, "password": password}
    async with http_client(url) as client:
        reply = await client.post("/api/auth/login", json=body)
    assert reply.status_code == 200, reply.text
    return person_of(url, reply)


def person_of(url: str, reply: httpx.Response) -> Person:
    """Return the person of a register or login reply."""
    body = as_json(reply)
    token = body["access_token"]
    client = http_client(url, headers={"Authorization": f"Bearer {token}"})
    _kept.append(client)
    return Person(
        url=url,
        user=body["user"],
        access_token=token,
        refresh_token=body["refresh_token"],
        cookie=reply.headers["set-cookie"].partition(";")[0],
        http=client,
    )


def assert_problem(reply: httpx.Response, status: int, code: str | None = None) -> Json:
    """Check that a refusal is well formed, and return its body."""
    assert reply.status_code == status, f"{reply.status_code}: {reply.text}"
    assert reply.headers["content-type"].startswith("application/problem+json"), reply.headers
    body = as_json(reply)
    assert {"type", "title", "status", "detail", "code", "request_id"} <= body.keys()
    assert body["status"] == status
    assert body["request_id"] == reply.headers["x-request-id"]
    assert code is None or body["code"] == code, body
    for internal in ("Traceback", "site-packages", "SELECT ", "INSERT ", "sqlalchemy"):
        assert internal not in reply.text
    return body


def assert_invalid(reply: httpx.Response, *fields: str) -> Json:
    """Check for a 422 with exactly one entry for each of `fields`."""
    body = assert_problem(reply, 422)
    assert sorted(error["field"] for error in body["errors"]) == sorted(fields), body
    assert all(error["message"] for error in body["errors"])
    return body


def _read(frame: str | bytes) -> Json:
    read: Json = json.loads(frame) if isinstance(frame, str) else msgspec.msgpack.decode(frame)
    for check in on_frame:
        check(read)
    return read


@dataclass
class Socket:
    """A live socket. `expect` keeps what it passes over in `passed`, for later claims.

    `seconds` are those of a promise; without one, its methods wait for as long as it takes.
    """

    connection: ClientConnection
    passed: list[Json] = field(default_factory=list)
    _unread: list[Json] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        cookie: str | None = None,
        origin: str | None = None,
        formats: Sequence[str] = (),
        compression: str | None = None,
    ) -> AsyncIterator[Self]:
        """Connect to `/ws`; without a cookie the socket is not signed in."""
        address = url.replace("http", "ws", 1) + "/ws"
        async with connect(
            address,
            origin=Origin(origin) if origin else None,
            additional_headers={"Cookie": cookie} if cookie else None,
            subprotocols=[Subprotocol(one) for one in formats] or None,
            compression=compression,
            max_size=2**24,
            max_queue=None,
            # No client-side time-out: a test may read nothing for a while.
            ping_interval=None,
            open_timeout=PATIENCE_S,
            proxy=None,
        ) as connection:
            yield cls(connection)

    async def send(self, frame: Json | str | bytes) -> None:
        """Send one frame: an object in the format of the socket, text and bytes as they are."""
        if isinstance(frame, dict):
            packed = self.connection.subprotocol == MESSAGE_PACK
            frame = msgspec.msgpack.encode(frame) if packed else json.dumps(frame)
        await self.connection.send(frame)

    async def receive(self, *, seconds: float = PATIENCE_S) -> Json:
        """Return the next frame, the events of a batch one by one."""
        if not self._unread:
            async with within(seconds, patience_s=PATIENCE_S):
                frame = _read(await self.connection.recv())
            self._unread = frame["events"] if frame["type"] == "batch" else [frame]
        return self._unread.pop(0)

    async def expect(self, kind: str, *, seconds: float = PATIENCE_S, **fields: object) -> Json:
        """Return the next frame of that type whose fields are equal to `fields`."""
        async with within(seconds, patience_s=PATIENCE_S):
            while True:
                frame = await self.receive()
                if frame["type"] == kind and fields.items() <= frame.items():
                    return frame
                self.passed.append(frame)

    async def settled(self) -> list[Json]:
        """Return every frame that was sent before the answer to a ping."""
        await self.send({"type": "ping"})
        await self.expect("pong")
        passed, self.passed = self.passed, []
        return passed

    async def close_code(self, *, seconds: float = PATIENCE_S) -> int:
        """Wait until the server closes the socket and return its code."""
        async with within(seconds, patience_s=PATIENCE_S):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    self.passed.append(await self.receive())
        code = self.connection.close_code
        assert code is not None
        return code
