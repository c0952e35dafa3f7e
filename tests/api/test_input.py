"""Malformed requests over the wire: refused early, with a problem document."""

import asyncio
import socket

import pytest

from tests.harness.cases import case
from tests.harness.clients import (
    NUL_IN_A_PATH,
    PATIENCE_S,
    Person,
    as_json,
    assert_problem,
    http_client,
)
from tests.harness.servers import LOOPBACK, ChatServer

BODIES = [
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/refresh",
    "/api/messages",
    "/api/conversations",
]
NO_SUCH_ID = "01930000-0000-7000-8000-000000000000"
JSON = {"Content-Type": "application/json"}


async def test_broken_json_is_malformed(alice: Person) -> None:
    for path in BODIES:
        for body in (
            b"{",
            b"",
            b"nul",
            b"{'a': 1}",
            b"\xff\xfe",
            b'{"username": "\xff"}',
            b'{"content": "\xed\xa0\x80"}',
            b'{"a": 1} x',
            b'{"a": NaN}',
            b'{"a":\x00"b"}',
        ):
            with case(path, body):
                reply = await alice.http.post(path, content=body, headers=JSON)

                assert_problem(reply, 400, "malformed_json")


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_failure(
    chat: ChatServer,
) -> None:
    before = len(chat.log())
    head = f"POST /api/auth/login HTTP/1.1\r\nHost: {chat.url.removeprefix('http://')}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    _, writer = await asyncio.open_connection("127.0.0.1", chat.port)
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    async with http_client(chat.url) as client, asyncio.timeout(PATIENCE_S):
        while "/api/auth/login" not in chat.log()[before:]:
            await client.get("/api/health/live")

    assert "request.failed" not in chat.log()[before:]
    assert "Traceback" not in chat.log()[before:]


async def test_a_json_body_that_is_not_an_object_is_invalid(alice: Person) -> None:
    for path in BODIES:
        for body in ("[]", "null", '"x"', "1", "true"):
            with case(path, body):
                assert_problem(await alice.http.post(path, content=body, headers=JSON), 422)


async def test_deeply_nested_json_is_refused_without_harm(chat: ChatServer, alice: Person) -> None:
    for path in BODIES:
        with case(path):
            for body in ("[" * 100_000, '{"a":' * 100_000, "[" * 50_000 + "]" * 50_000):
                before = chat.cpu_seconds()
                reply = await alice.http.post(path, content=body, headers=JSON)

                assert reply.status_code in {400, 422}
                assert_problem(reply, reply.status_code)
                assert chat.cpu_seconds() - before < 2


async def test_an_unknown_field_is_named(alice: Person) -> None:
    for path in BODIES:
        with case(path):
            body = assert_problem(await alice.http.post(path, json={"is_admin": True}), 422)

            assert "is_admin" in [error["field"] for error in body["errors"]]


async def test_lone_surrogates_are_refused(alice: Person, bob: Person) -> None:
    for broken in (r'"\ud800"', r'"a\udfffb"', r'"\ude00\ud83d"'):
        body = f'{{"receiver_id": "{bob.id}", "content": {broken}}}'
        reply = await alice.http.post("/api/messages", content=body, headers=JSON)

        assert reply.status_code in {400, 422}
        assert_problem(reply, reply.status_code)
    assert as_json(await alice.http.get(f"/api/messages/{bob.id}"))["items"] == []


async def test_a_huge_body_is_refused_by_its_length(chat: ChatServer) -> None:
    """Send only the head: the server answers before the body arrives."""
    head = (
        "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000000000\r\n\r\n"
    )
    with socket.create_connection((LOOPBACK, chat.port), 5) as connection:
        connection.sendall(head.encode())
        reply = connection.recv(4096).decode()

    assert " 413 " in reply.splitlines()[0]
    assert "application/problem+json" in reply


async def test_a_huge_body_is_refused_while_it_comes(chat: ChatServer, alice: Person) -> None:
    """Send a body without a declared length; the answer comes long before its end."""
    head = (
        "POST /api/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {alice.access_token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    reader, writer = await asyncio.open_connection(LOOPBACK, chat.port)
    writer.write(head.encode())
    answer = asyncio.create_task(reader.readline())
    sent = 0
    while not answer.done():
        assert sent < 100_000_000
        writer.write(chunk)
        sent += len(chunk)
        await writer.drain()
        # Lets the answer in, if there is one.
        await asyncio.wait([answer], timeout=0.001)
    writer.close()

    assert b" 413 " in await answer
    assert (await alice.http.get("/api/auth/me")).status_code == 200


async def test_a_wrong_method_is_405(alice: Person) -> None:
    for method, path in (
        ("PUT", "/api/auth/login"),
        ("GET", "/api/auth/register"),
        ("DELETE", "/api/conversations"),
        ("PATCH", "/api/messages"),
        ("POST", "/api/health/live"),
    ):
        with case(method, path):
            assert_problem(await alice.http.request(method, path, json={}), 405)


async def test_an_unknown_path_is_404(alice: Person) -> None:
    for path in ("/api", "/api/", "/api/nothing", "/api/auth", "/api/auth/me/x"):
        with case(path):
            assert_problem(await alice.http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "wrong",
    ["x", "-1", "0", "1" * 500, NUL_IN_A_PATH, "%ff", "..%2f..", NO_SUCH_ID, NO_SUCH_ID + "0"],
)
async def test_a_malformed_id_is_404(alice: Person, wrong: str) -> None:
    for path in (
        "/api/users/{id}",
        "/api/conversations/{id}",
        "/api/conversations/{id}/messages",
        "/api/messages/{id}",
    ):
        with case(path):
            assert_problem(await alice.http.get(path.format(id=wrong)), 404)


async def test_marking_an_unknown_conversation_is_404(alice: Person) -> None:
    for action in ("read", "unread"):
        for wrong in ("x", "-1", NO_SUCH_ID):
            with case(action, wrong):
                reply = await alice.http.post(
                    f"/api/conversations/{wrong}/{action}", json={"seq": 1}
                )

                assert_problem(reply, 404)


async def test_a_form_body_is_refused(alice: Person, bob: Person) -> None:
    form = {"receiver_id": bob.id, "content": "hi"}

    reply = await alice.http.post("/api/messages", data=form)

    assert reply.status_code in {400, 415, 422}
    assert_problem(reply, reply.status_code)


async def test_a_valid_request_id_of_the_client_is_kept(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        given = await client.get("/api/auth/me", headers={"X-Request-ID": "my-request-0001"})
        evil = await client.get("/api/auth/me", headers={"X-Request-ID": "x" * 5000})

    assert assert_problem(given, 401)["request_id"] == "my-request-0001"
    assert len(assert_problem(evil, 401)["request_id"]) < 100
