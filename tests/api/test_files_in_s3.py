"""Files in S3 as clients see them: uploaded, served as from a disk, and away with S3."""

import asyncio
import signal

import httpx
import pytest

from tests.api.test_attachments import send_files
from tests.api.test_avatars import set_avatar
from tests.harness.cases import case
from tests.harness.chats import Farm, StartChat
from tests.harness.clients import PATIENCE_S, Person, assert_problem, register
from tests.harness.files import TUS, append, checked, new_file, new_upload, offset_of, picture
from tests.harness.s3 import Gate, TestBucket
from tests.harness.servers import LOOPBACK, ChatServer, free_port

DATA = bytes(range(256)) * 4 * 1024 * 3
# More than one of the parts in which an upload is stored.
BEGUN = 9 * 1024 * 1024


@pytest.fixture(scope="module")
def shared_bucket(farm: Farm) -> TestBucket:
    return farm.s3.new_bucket()


@pytest.fixture
def chat(farm: Farm, pair: str, shared_bucket: TestBucket) -> ChatServer:
    """Return the chat of this pair with its files in S3."""
    return farm.shared_chat(pair, **shared_bucket.settings())


async def test_an_upload_in_parts_becomes_a_file(alice: Person) -> None:
    address = await new_upload(alice, len(DATA), "numbers.bin")
    middle = len(DATA) // 2 + 7

    assert (await append(alice, address, DATA[:middle])).status_code == 204
    assert await offset_of(alice, address) == middle
    damaged = await append(alice, address, b"x", middle, Upload_Checksum="sha256 AAAA")
    assert_problem(damaged, 460, "checksum_mismatch")
    assert (await append(alice, address, DATA[middle:], middle)).status_code == 204
    file = (await checked(alice, address))["file"]

    assert file["size"] == len(DATA)
    assert (await alice.http.get(file["url"])).content == DATA


async def test_files_are_served_as_from_a_disk(farm: Farm, pair: str, alice: Person) -> None:
    elsewhere = await register(farm.shared_chat(pair).url)
    for data, name in ((DATA[:700_000], "numbers.bin"), (picture(), "picture.jpg")):
        remote, local = await new_file(alice, data, name), await new_file(elsewhere, data, name)
        for part in ("url", "thumbnail_url"):
            for headers in (
                {},
                {"Range": "bytes=0-0"},
                {"Range": "bytes=300000-600000"},
                {"Range": "bytes=100-"},
                {"Range": "bytes=-10"},
                {"Range": "bytes=5-1"},
                {"Range": "bytes=99999999-"},
                {"If-None-Match": "*"},
                {"Range": "bytes=0-1", "If-Range": '"another"'},
            ):
                for method in ("GET", "HEAD"):
                    if remote[part] is None:
                        continue
                    with case(name, part, headers, method):
                        ours = await alice.http.request(method, remote[part], headers=headers)
                        theirs = await elsewhere.http.request(method, local[part], headers=headers)
                        assert shown(ours) == shown(theirs)


def shown(reply: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return what two replies with the same file have in common."""
    headers = dict(reply.headers)
    for name in ("date", "etag", "last-modified", "x-request-id"):
        # They are there, with other values.
        if name in headers:
            headers[name] = ""
    is_error = headers.get("content-type", "").startswith("application/problem")
    if is_error:
        del headers["content-security-policy"]  # of a page, with the address of its chat
    return reply.status_code, b"" if is_error else reply.content, headers


async def test_nothing_is_served_or_taken_while_s3_is_away(
    start_chat: StartChat, bucket: TestBucket
) -> None:
    # Before its way to S3, which our event loop carries.
    port = free_port()
    chat = start_chat(**bucket.settings(f"http://{LOOPBACK}:{port}"))
    async with Gate.to(bucket.server, port) as gate:
        alice = await register(chat.url)
        file = await new_file(alice, picture(), "picture.jpg")
        address = await new_upload(alice, len(DATA))
        await append(alice, address, DATA[:100])

        await gate.close()
        for url in (file["url"], file["thumbnail_url"]):
            reply = await alice.http.get(url)
            assert_problem(reply, 503, "unavailable")
            assert int(reply.headers["retry-after"]) > 0
        reply = await append(alice, address, DATA[100:], 100)
        assert_problem(reply, 503, "unavailable")
        assert int(reply.headers["retry-after"]) > 0
        assert await offset_of(alice, address) == 100
        gate.open()

        assert (await alice.http.get(file["url"])).status_code == 200
        assert (await append(alice, address, DATA[100:], 100)).status_code == 204
        sent = (await checked(alice, address))["file"]
        assert (await alice.http.get(sent["url"])).content == DATA
        for one in (sent, file):
            await alice.http.delete(f"/api/uploads/{one['id']}", headers=TUS)
        async with asyncio.timeout(PATIENCE_S):
            while bucket.sizes():
                await asyncio.sleep(0.05)
        assert bucket.unfinished() == 0
        log = chat.log()
    assert "secret-of-the-tests" not in log
    assert "Traceback" not in log


def parts_in(bucket: TestBucket) -> list[str]:
    """Return the names of the parts of uploads."""
    return [name for name in bucket.sizes() if name.startswith("uploads/")]


async def test_an_upload_in_parts_goes_on_after_its_node_was_killed(
    start_chat: StartChat, bucket: TestBucket
) -> None:
    chat = start_chat(**bucket.settings())
    alice = await register(chat.url)
    data = DATA * 4
    address = await new_upload(alice, len(data), "numbers.bin")
    assert (await append(alice, address, data[:BEGUN])).status_code == 204
    assert parts_in(bucket)

    chat.restart(with_signal=signal.SIGKILL)

    received = await offset_of(alice, address)
    assert received <= BEGUN
    reply = await append(alice, address, data[received:], received)
    assert reply.status_code == 204, reply.text
    file = (await checked(alice, address))["file"]
    assert (await alice.http.get(file["url"])).content == data
    assert bucket.unfinished() == 0
    assert len(bucket.sizes()) == 1


async def test_a_bucket_keeps_of_a_deleted_account_what_it_has_sent(
    start_chat: StartChat, bucket: TestBucket
) -> None:
    chat = start_chat(**bucket.settings())
    # The first account is admin, and the last admin has to stay.
    bob, alice = await register(chat.url), await register(chat.url)
    sent = await new_file(alice, b"sent")
    await send_files(alice, bob, sent)
    kept = bucket.sizes()
    await new_file(alice, picture(), "unsent.jpg")
    await set_avatar(alice)
    address = await new_upload(alice, len(DATA) * 4)
    assert (await append(alice, address, (DATA * 4)[:BEGUN])).status_code == 204
    assert parts_in(bucket)

    assert (await alice.leave()).status_code == 204

    async with asyncio.timeout(PATIENCE_S):
        # Bytes are removed after the reply, and S3 tells nobody.
        while bucket.sizes() != kept or bucket.unfinished():
            await asyncio.sleep(0.05)
    assert (await bob.http.get(sent["url"])).content == b"sent"


async def test_a_reply_that_s3_breaks_off_is_not_taken_for_whole(
    start_chat: StartChat, bucket: TestBucket
) -> None:
    data = DATA * 4
    # Before its way to S3, which our event loop carries.
    port = free_port()
    chat = start_chat(**bucket.settings(f"http://{LOOPBACK}:{port}"))
    async with Gate.to(bucket.server, port) as gate:
        alice = await register(chat.url)
        file = await new_file(alice, data)
        received = await received_until_cut(alice, file["url"], gate)
        assert 0 < received < len(data)
        gate.open()

        assert (await alice.http.get(file["url"])).content == data


async def received_until_cut(person: Person, url: str, gate: Gate) -> int:
    """Receive a file whose way is closed after its first bytes; return how many came."""
    received = 0
    async with person.http.stream("GET", url) as reply:
        assert reply.status_code == 200
        try:
            async for chunk in reply.aiter_raw():
                received += len(chunk)
                await gate.close()
        except httpx.RemoteProtocolError:
            return received
    pytest.fail("the reply was taken for whole")
