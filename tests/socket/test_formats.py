"""Frame formats (S4): MessagePack as a subprotocol, compression, and refused frames."""

import contextlib
import json
import zlib
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from chat_app.server.compression import LARGE_BYTES
from tests.harness.cases import case
from tests.harness.clients import MESSAGE_PACK, Json, Person, Socket, as_json
from tests.harness.servers import ChatServer

JSON = "chat.v1.json"
MISSED = 500


def text_frame(receiver: Person, content: str) -> Json:
    return {"type": "message", "id": str(uuid4()), "receiver_id": receiver.id, "content": content}


async def test_the_first_format_that_both_support_is_chosen(alice: Person) -> None:
    for offered, agreed in (
        ([], None),
        ([JSON], JSON),
        ([MESSAGE_PACK], MESSAGE_PACK),
        ([MESSAGE_PACK, JSON], MESSAGE_PACK),
        ([JSON, MESSAGE_PACK], JSON),
        (["chat.v9.xml", MESSAGE_PACK], MESSAGE_PACK),
        (["chat.v9.xml"], None),
    ):
        with case(offered, agreed):
            async with alice.socket(*offered) as socket:
                await socket.send({"type": "ping"})

                await socket.expect("pong")
                assert socket.connection.subprotocol == agreed


async def test_every_frame_is_the_same_in_both_formats(alice: Person, bob: Person) -> None:
    async with (
        alice.socket(MESSAGE_PACK) as mine,
        bob.socket(MESSAGE_PACK) as packed,
        bob.socket(JSON) as plain,
    ):
        frame = text_frame(bob, "שלום 👋 \u202ehello")
        await mine.send(frame)
        ack = await mine.expect("ack", id=frame["id"])
        live = [await socket.expect("message.created") for socket in (packed, plain)]
        for socket in (packed, plain):
            await socket.send({"type": "resume", "id": "r", "cursors": {}})
        replayed = [await socket.expect("message.created") for socket in (packed, plain)]
        for socket in (packed, plain):
            await socket.expect("resumed", id="r")

    assert live[0] == live[1] == replayed[0] == replayed[1]
    assert live[0]["message"] == ack["message"]
    stored = as_json(await bob.http.get(f"/api/messages/{alice.id}"))["items"]
    assert stored == [ack["message"]]


async def test_a_packed_frame_is_smaller(alice: Person, bob: Person) -> None:
    await alice.write(bob, "hello")
    sizes = {}
    for name in (JSON, MESSAGE_PACK):
        async with bob.socket(name) as socket:
            await alice.write(bob, "hello again")
            frame = await socket.connection.recv()
            sizes[name] = len(frame)

    assert sizes[MESSAGE_PACK] < 0.95 * sizes[JSON]


def bad_frames() -> dict[str, bytes]:
    """Return packed frames that are refused, by name."""

    def packed(value: object) -> bytes:
        return msgspec.msgpack.encode(value)

    return {
        "nothing": b"",
        "half a frame": packed({"type": "ping", "id": "x"})[:-1],
        "more than a frame": packed({"type": "ping"}) * 2,
        "a reserved byte": b"\xc1",
        "a length that is a lie": b"\xdf\xff\xff\xff\xff",
        "deep": b"\x91" * 30_000 + b"\xc0",
        "broken letters": b"\x82\xa4type\xa4ping\xa2id\xa1\xff",
        "a list": packed([]),
        "null": packed(None),
        "no type": packed({}),
        "an unknown type": packed({"type": "shutdown"}),
        "a key that is a map": b"\x81\x81\xa1a\x01\x02",
        "a time of its own kind": b"\x82\xa4type\xa4ping\xa2id\xd6\xff\x00\x00\x00\x00",
        "JSON": b'{"type": "ping"}',
        "an unknown field": packed({"type": "ping", "more": 1}),
    }


async def test_a_bad_packed_frame_is_answered_and_the_socket_stays(alice: Person) -> None:
    for kind in bad_frames():
        with case(kind):
            async with alice.socket(MESSAGE_PACK) as socket:
                await socket.send(bad_frames()[kind])

                error = await socket.expect("error")
                assert error["code"] in {"malformed_msgpack", "invalid", "unknown_type"}
                assert error["retryable"] is False
                await socket.settled()


async def test_a_refused_packed_frame_is_named_by_its_id(alice: Person) -> None:
    async with alice.socket(MESSAGE_PACK) as socket:
        await socket.send({"type": "read", "id": "mine", "seq": "one"})

        assert (await socket.expect("error", id="mine"))["code"] == "invalid"


@pytest.mark.parametrize(
    ("subprotocol", "frame"),
    [(JSON, b'{"type":"ping"}'), (MESSAGE_PACK, '{"type":"ping"}')],
    ids=["binary", "text"],
)
async def test_the_other_kind_of_frame_closes_with_1003(
    alice: Person, subprotocol: str, frame: str | bytes
) -> None:
    async with alice.socket(subprotocol) as socket:
        await socket.send(frame)

        assert await socket.close_code() == 1003


async def test_text_before_auth_in_a_packed_socket_is_not_authenticated(chat: ChatServer) -> None:
    async with Socket.open(chat.url, formats=[MESSAGE_PACK]) as socket:
        await socket.send('{"type":"auth","content":"x"}')

        assert await socket.close_code() == 4401


async def test_a_packed_frame_that_is_too_big_closes_its_socket(alice: Person) -> None:
    async with alice.socket(MESSAGE_PACK) as socket:
        await socket.send({"type": "ping", "id": "x" * 65_536})

        assert await socket.close_code() == 4413


def compressed(person: Person, *formats: str) -> AbstractAsyncContextManager[Socket]:
    """Open a socket as browsers do: they offer compression."""
    return Socket.open(person.url, compression="deflate", formats=formats)


@pytest.mark.parametrize("subprotocol", [JSON, MESSAGE_PACK])
async def test_missed_messages_come_compressed_in_few_frames(
    alice: Person, bob: Person, subprotocol: str
) -> None:
    async with alice.socket() as writer:
        for number in range(MISSED):
            await writer.send(text_frame(bob, f"number {number}"))
        for _ in range(MISSED):
            await writer.expect("ack")

    async with compressed(bob, subprotocol) as socket:
        await socket.send({"type": "auth", "content": bob.access_token})
        await socket.expect("ready")
        sizes = _frame_sizes(socket)
        await socket.send({"type": "resume", "id": "r", "cursors": {}})
        await socket.expect("resumed", id="r")

    texts = [
        event["message"]["seq"] for event in socket.passed if event["type"] == "message.created"
    ]
    assert texts == list(range(1, MISSED + 1))
    wire, plain = (sum(size[i] for size in sizes) for i in (0, 1))
    assert len(sizes) <= 10
    assert wire < plain / 2


def _frame_sizes(socket: Socket) -> list[tuple[int, int]]:
    """Record the wire length and the decompressed length of every data frame from now on."""
    sizes: list[tuple[int, int]] = []
    [extension] = socket.connection.protocol.extensions
    decode = extension.decode

    def noting(frame: Frame, **limits: Any) -> Frame:  # noqa: ANN401  # the library's
        decoded = decode(frame, **limits)
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            sizes.append((len(frame.data), len(decoded.data)))
        return decoded

    extension.decode = noting  # type: ignore[method-assign]  # to look at the wire
    return sizes


async def test_small_frames_are_not_compressed(alice: Person) -> None:
    async with compressed(alice) as socket:
        await socket.send({"type": "auth", "content": alice.access_token})
        await socket.expect("ready")
        sizes = _frame_sizes(socket)
        await socket.settled()

    assert [wire for wire, plain in sizes] == [plain for wire, plain in sizes]
    assert all(plain < LARGE_BYTES for _, plain in sizes)


async def test_compression_keeps_nothing_between_two_frames(alice: Person) -> None:
    async with compressed(alice) as socket:
        answer = socket.connection.response
        assert answer is not None
        agreed = answer.headers["Sec-WebSocket-Extensions"]

    assert "server_no_context_takeover" in agreed
    assert "client_no_context_takeover" in agreed


async def test_a_compression_bomb_closes_its_socket_alone_with_1009(
    alice: Person, bob: Person
) -> None:
    bomb = json.dumps({"type": "ping", "id": "x" * 50_000_000})
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(bomb.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert len(packed) < 65_536
    async with compressed(alice) as socket, bob.socket() as other:
        with contextlib.suppress(ConnectionClosed):
            await socket.send({"type": "auth", "content": alice.access_token})
            await socket.expect("ready")
            await socket.send(bomb)

        assert await socket.close_code() == 1009
        await other.settled()
