"""Uploads over tus: announced, resumed, checked byte by byte, limited, and their owner's alone."""

import asyncio
import base64
import hashlib
import random
import resource
import signal
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from tests.harness.cases import case
from tests.harness.chats import StartChat
from tests.harness.clients import (
    PATIENCE_S,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    register,
)
from tests.harness.files import (
    BODY,
    TUS,
    announce,
    append,
    bytes_of,
    checked,
    metadata,
    new_file,
    new_upload,
    offset_of,
    removed,
    uploaded,
)
from tests.harness.servers import ChatServer

MB = 1024 * 1024


async def test_an_upload_in_parts_becomes_a_file(alice: Person) -> None:
    data = bytes(range(256)) * 1_000
    address = await new_upload(alice, len(data), "numbers.bin")

    first = await append(alice, address, data[:1_000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert "upload-expires" in first.headers
    assert as_json(await alice.http.get(address)) == {
        "file": None,
        "state": "uploading",
        "code": None,
    }
    assert await offset_of(alice, address) == 1_000
    last = await append(alice, address, data[1_000:], 1_000)
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(data)))
    file = (await checked(alice, address))["file"]

    assert file == {
        "id": address.rpartition("/")[2],
        "name": "numbers.bin",
        "description": None,
        "media_type": "application/octet-stream",
        "size": len(data),
        "width": None,
        "height": None,
        "duration": None,
        "thumbnail_url": None,
        "placeholder": None,
        "url": f"/api/files/{file['id']}",
    }
    assert (await alice.http.get(file["url"])).content == data


async def test_head_tells_offset_and_length(alice: Person) -> None:
    address = await new_upload(alice, 10)
    await append(alice, address, b"1234")

    reply = await alice.http.head(address, headers=TUS)

    assert reply.headers["upload-offset"] == "4"
    assert reply.headers["upload-length"] == "10"
    assert reply.headers["tus-resumable"] == "1.0.0"
    assert reply.headers["cache-control"] == "no-store"


async def test_options_tell_what_is_supported(alice: Person) -> None:
    reply = await alice.http.options("/api/uploads")

    assert reply.status_code == 204
    assert reply.headers["tus-version"] == "1.0.0"
    assert reply.headers["tus-max-size"] == str(25 * MB)
    extensions = reply.headers["tus-extension"].split(",")
    assert {"creation", "creation-with-upload", "termination", "checksum"} <= set(extensions)
    assert reply.headers["tus-checksum-algorithm"] == "sha1,sha256"
    assert reply.headers["allow"] == "OPTIONS, POST"


async def test_a_file_has_the_description_that_it_was_announced_with(
    alice: Person, bob: Person
) -> None:
    given = "  A\n red \N{RIGHT-TO-LEFT OVERRIDE}boat\x00 " + "e\u0301" * 600
    reply = await announce(alice, 4, "boat.bin", given)
    address = str(reply.headers["location"])
    await append(alice, address, b"boat")

    file = (await checked(alice, address))["file"]

    assert file["description"] == "A red boat " + "\u00e9" * 489
    sent = await alice.write(bob, "", file_ids=[file["id"]])
    assert sent["attachments"] == [file]
    shared = await bob.http.get(f"/api/conversations/{sent['conversation_id']}/files")
    assert as_json(shared)["items"][0]["file"] == file


async def test_a_refused_announcement_with_bytes_leaves_nothing(start_chat: StartChat) -> None:
    chat = start_chat(CHAT_USER_STORAGE_MB="1")
    alice = await register(chat.url)
    headers = {**BODY, "Upload-Length": str(MB), "Upload-Metadata": metadata("a.bin")}
    wrong = {"Upload-Checksum": "sha1 rL0Y20zC+Fzt72VPzMSk2A=="}

    reply = await alice.http.post("/api/uploads", content=b"x", headers=headers | wrong)
    assert_problem(reply, 460, "checksum_mismatch")

    # The room is given back with the bytes.
    async with asyncio.timeout(PATIENCE_S):
        while (await announce(alice, MB)).status_code != 201:
            await asyncio.sleep(0.05)


async def test_another_offset_is_refused(alice: Person) -> None:
    address = await new_upload(alice, 10)
    await append(alice, address, b"1234")

    for offset in (0, 3, 5, 10):
        with case(offset):
            assert_problem(await append(alice, address, b"x", offset), 409, "wrong_offset")
    for given in ("", "-1", "four", "٤"):
        with case(given):
            headers = {name.encode(): value.encode() for name, value in BODY.items()}
            headers[b"Upload-Offset"] = given.encode()
            reply = await alice.http.patch(address, content=b"x", headers=headers)
            assert_invalid(reply, "Upload-Offset")
    assert await offset_of(alice, address) == 4


async def test_a_body_beyond_the_length_changes_nothing(alice: Person) -> None:
    address = await new_upload(alice, 10)
    await append(alice, address, b"1234")

    async def unannounced() -> AsyncIterator[bytes]:
        yield b"5678"
        yield b"9abc"

    assert_problem(await append(alice, address, b"5678901", 4), 413, "beyond_length")
    headers = {**BODY, "Upload-Offset": "4"}
    in_pieces = await alice.http.patch(address, content=unannounced(), headers=headers)
    assert_problem(in_pieces, 413, "beyond_length")
    assert await offset_of(alice, address) == 4
    assert (await append(alice, address, b"567890", 4)).status_code == 204
    file = (await checked(alice, address))["file"]
    assert (await alice.http.get(file["url"])).content == b"1234567890"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_bytes_with_another_checksum_are_dropped(alice: Person, algorithm: str) -> None:
    address = await new_upload(alice, 8)
    digest = base64.b64encode(hashlib.new(algorithm, b"1234").digest()).decode()
    checksum = f"{algorithm} {digest}"

    assert_problem(
        await append(alice, address, b"1235", Upload_Checksum=checksum), 460, "checksum_mismatch"
    )
    assert await offset_of(alice, address) == 0
    assert (await append(alice, address, b"1234", Upload_Checksum=checksum)).status_code == 204
    assert await offset_of(alice, address) == 4


async def test_a_checksum_of_another_algorithm_is_refused(alice: Person) -> None:
    address = await new_upload(alice, 8)

    for given in ("md5 rL0Y20zC+Fzt72VPzMSk2A==", "sha1", "sha1 !!!", ""):
        with case(given):
            reply = await append(alice, address, b"1234", Upload_Checksum=given)
            assert_invalid(reply, "Upload-Checksum")


async def test_the_protocol_and_the_type_of_the_body_are_checked(alice: Person) -> None:
    address = await new_upload(alice, 8)
    no_version = {"Content-Type": BODY["Content-Type"], "Upload-Offset": "0"}
    no_type = {**TUS, "Upload-Offset": "0"}

    refused = await alice.http.patch(address, content=b"1234", headers=no_version)
    assert_problem(refused, 412, "wrong_tus_version")
    refused = await alice.http.patch(address, content=b"1234", headers=no_type)
    assert_problem(refused, 415, "unsupported_media_type")
    headers = {**TUS, "Upload-Length": "4", "Content-Type": "text/plain"}
    refused = await alice.http.post("/api/uploads", content=b"1234", headers=headers)
    assert_problem(refused, 415, "unsupported_media_type")


async def test_one_request_at_a_time_writes(chat: ChatServer, alice: Person) -> None:
    address = await new_upload(alice, 8)
    begun = _begin(chat, alice, address, b"12", length=8)
    try:
        await _claimed(alice, address)
        # A link that breaks takes with it what was not yet read.
        await _stored(chat, address, 2)
    finally:
        begun.close()

    # What had come before the link broke is there.
    async with asyncio.timeout(PATIENCE_S):
        while await offset_of(alice, address) != 2:
            await asyncio.sleep(0.05)
    assert (await append(alice, address, b"345678", 2)).status_code == 204
    file = (await checked(alice, address))["file"]
    assert (await alice.http.get(file["url"])).content == b"12345678"


async def _claimed(person: Person, address: str) -> None:
    """Wait until another request writes to an upload."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            # At no place of it, so that this does not keep the other one away.
            reply = await append(person, address, b"", 5)
            if reply.status_code == 423:
                assert_problem(reply, 423, "upload_busy")
                return
            await asyncio.sleep(0.05)


async def _stored(chat: ChatServer, address: str, size: int) -> None:
    """Wait until so many bytes of an upload are on the disk."""
    async with asyncio.timeout(PATIENCE_S):
        while [one.stat().st_size for one in bytes_of(chat, address.rpartition("/")[2])] != [size]:
            await asyncio.sleep(0.05)


def _begin(
    chat: ChatServer, person: Person, address: str, data: bytes, *, length: int, offset: int = 0
) -> socket.socket:
    """Send a part of a request and leave it open."""
    target = urlsplit(chat.url)
    connection = socket.create_connection((target.hostname or "", target.port or 80))
    lines = [
        f"PATCH {address} HTTP/1.1",
        f"Host: {target.netloc}",
        f"Authorization: Bearer {person.access_token}",
        *(f"{name}: {value}" for name, value in BODY.items()),
        f"Upload-Offset: {offset}",
        f"Content-Length: {length}",
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + data)
    return connection


async def test_uploads_are_their_owners_alone(alice: Person, bob: Person) -> None:
    address = await new_upload(alice, 8)

    for reply in (
        await bob.http.get(address),
        await bob.http.head(address, headers=TUS),
        await append(bob, address, b"1234"),
        await bob.http.delete(address, headers=TUS),
    ):
        assert reply.status_code == 404
    assert await offset_of(alice, address) == 0


async def test_a_discarded_upload_is_gone_with_its_bytes(chat: ChatServer, alice: Person) -> None:
    address = await new_upload(alice, 8)
    await append(alice, address, b"1234")
    file = await new_file(alice)

    assert (await alice.http.delete(address, headers=TUS)).status_code == 204
    assert (await alice.http.delete(f"/api/uploads/{file['id']}", headers=TUS)).status_code == 204

    assert_problem(await alice.http.get(address), 404)
    assert_problem(await append(alice, address, b"5678", 4), 404)
    assert_problem(await alice.http.get(file["url"]), 404)
    await removed(chat, address.rpartition("/")[2], file["id"])


@pytest.mark.one_process  # limits the process
async def test_a_full_disk_keeps_what_was_there_before(start_chat: StartChat) -> None:
    chat = start_chat()
    alice = await register(chat.url)
    data = bytes(range(256)) * 4 * 1024 * 12
    address = await new_upload(alice, len(data))
    await append(alice, address, data[: 4 * MB])
    pid = chat.server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (8 * MB, resource.RLIM_INFINITY))

    refused = await append(alice, address, data[4 * MB :], 4 * MB)
    assert_problem(refused, 507, "storage_full")
    assert "retry-after" in refused.headers
    assert [one.stat().st_size for one in bytes_of(chat, address.rpartition("/")[2])] == [4 * MB]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert await offset_of(alice, address) == 4 * MB
    assert (await append(alice, address, data[4 * MB :], 4 * MB)).status_code == 204
    file = (await checked(alice, address))["file"]
    assert (await alice.http.get(file["url"])).content == data


async def test_sizes_are_checked_when_an_upload_is_announced(alice: Person) -> None:
    refused = await announce(alice, 0)
    assert_problem(refused, 422, "empty_file")
    assert_problem(await announce(alice, 25 * MB + 1), 413, "file_too_large")
    assert (await announce(alice, 25 * MB)).status_code == 201
    for given in ("", "-1", "many", "1" * 19, "1.5"):
        with case(given):
            headers = {**TUS, "Upload-Length": given}
            reply = await alice.http.post("/api/uploads", headers=headers)
            assert_invalid(reply, "Upload-Length")


async def test_metadata_is_checked(alice: Person) -> None:
    length = {**TUS, "Upload-Length": "4"}
    for given in ("filename !!!", "filename /w==", "filename " + "A" * 10_000):
        with case(given):
            headers = {**length, "Upload-Metadata": given}
            reply = await alice.http.post("/api/uploads", headers=headers)
            assert_invalid(reply, "Upload-Metadata")
    for given in ("", "filetype dGV4dA==,filename", "is_private"):
        with case(given):
            headers = {**length, "Upload-Metadata": given}
            reply = await alice.http.post("/api/uploads", headers=headers)
            assert reply.status_code == 201


async def test_a_user_has_so_much_storage(start_chat: StartChat) -> None:
    chat = start_chat(CHAT_USER_STORAGE_MB="1")
    alice, bob = await register(chat.url), await register(chat.url)
    half = await new_upload(alice, MB // 2)
    replies = await asyncio.gather(*(announce(alice, MB // 4 + 1) for _ in range(4)))

    assert sorted(reply.status_code for reply in replies) == [201, 413, 413, 413]
    assert_problem(await announce(alice, MB // 4), 413, "quota")
    assert (await announce(bob, MB)).status_code == 201
    await alice.http.delete(half, headers=TUS)
    async with asyncio.timeout(PATIENCE_S):
        while (await announce(alice, MB // 2)).status_code != 201:
            await asyncio.sleep(0.05)


async def test_uploads_are_limited_in_number(start_chat: StartChat) -> None:
    chat = start_chat(
        CHAT_LIMITS="on", CHAT_LIMIT_UPLOAD_BURST="3", CHAT_LIMIT_UPLOADS_PER_SECOND="0.01"
    )
    alice = await register(chat.url)

    replies = [await announce(alice, 4) for _ in range(4)]

    assert [reply.status_code for reply in replies] == [201, 201, 201, 429]
    assert_problem(replies[-1], 429, "rate_limited")


async def test_an_upload_goes_on_after_a_kill(start_chat: StartChat) -> None:
    chat = start_chat()
    alice = await register(chat.url)
    data = bytes(range(256)) * 2_000
    address = await new_upload(alice, len(data))
    await append(alice, address, data[:100_000])
    chat.restart(with_signal=signal.SIGKILL)

    offset = await offset_of(alice, address)
    assert offset == 100_000
    await append(alice, address, data[offset:], offset)
    file = (await checked(alice, address))["file"]

    assert (await alice.http.get(file["url"])).content == data


async def test_a_large_upload_survives_five_cuts_and_a_kill(start_chat: StartChat) -> None:
    chat = start_chat()
    alice = await register(chat.url)
    data = random.Random(1).randbytes(25 * MB)  # noqa: S311  # no secret
    address = await new_upload(alice, len(data))
    offset = 0
    for cut in range(1, 6):
        rest = data[offset:]
        part = rest[: 4 * MB + cut]
        begun = await asyncio.to_thread(
            _begin, chat, alice, address, part, length=len(rest), offset=offset
        )
        if cut == 3:
            chat.restart(with_signal=signal.SIGKILL)
        begun.close()
        before, offset = offset, await _free_offset(alice, address)
        assert before <= offset <= before + len(part)
    assert 0 < offset < len(data)

    assert (await append(alice, address, data[offset:], offset)).status_code == 204
    file = (await checked(alice, address))["file"]
    content = (await alice.http.get(file["url"])).content
    assert hashlib.sha256(content).digest() == hashlib.sha256(data).digest()


async def _free_offset(person: Person, address: str) -> int:
    """Wait until no request writes to an upload, also none of a node that was killed."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            offset = await offset_of(person, address)
            if (await append(person, address, b"", offset)).status_code == 204:
                return offset
            # As a client tries again; the claim of a node that was killed ends by itself.
            await asyncio.sleep(0.1)


async def test_an_upload_needs_a_session_and_the_own_origin(alice: Person) -> None:
    headers = {**TUS, "Upload-Length": "4"}
    async with alice.browser(origin="https://elsewhere.example") as client:
        assert_problem(await client.post("/api/uploads", headers=headers), 403, "cross_site")
    async with alice.browser() as client:
        assert (await client.post("/api/uploads", headers=headers)).status_code == 201
        client.headers.pop("Cookie")
        assert_problem(await client.post("/api/uploads", headers=headers), 401)


async def test_names_are_made_safe(alice: Person) -> None:
    state = await uploaded(alice, b"x", "../../etc/pass\u202ewd\n.txt")

    assert state["file"]["name"] == "passwd.txt"
