"""A node with its files in S3: uploads, checks and removals, also while S3 is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import update

from chat_app.core import bucket as core_bucket
from chat_app.core.bucket import BucketAway
from chat_app.core.clock import utc_now
from chat_app.core.errors import CannotStart
from chat_app.core.maintenance import Maintenance
from chat_app.files import bucket as files_bucket
from chat_app.files import check
from chat_app.files.bucket import BucketStorage
from chat_app.files.disk import UPLOADS
from chat_app.files.metrics import FileMetrics
from chat_app.files.queries import upload_state
from chat_app.files.removal import FileRemoval
from chat_app.files.schemas import NewUpload, Upload
from chat_app.models.tables import FILES
from chat_app.node.node import Node
from chat_app.node.parts import JOBS
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.files import begin_file, picture, ready_file
from tests.harness.nodes import new_user, open_node, open_still_node, to_user
from tests.harness.s3 import Gate, TestBucket

DATA = bytes(range(256)) * 20
PART = 1_000


class InS3(NamedTuple):
    """A node whose files are in a bucket, and its way to S3."""

    node: Node
    gate: Gate


@asynccontextmanager
async def open_in_s3(
    storage: Storage, bucket: TestBucket, *, is_still: bool = True
) -> AsyncIterator[InS3]:
    async with Gate.to(bucket.server) as gate:
        with pytest.MonkeyPatch.context() as patch, bucket.used(gate.url):
            patch.setattr(files_bucket, "PART", PART)
            opened = open_still_node if is_still else open_node
            async with opened(storage) as node:
                yield InS3(node, gate)


def names_of(file_id: UUID, *suffixes: str) -> set[str]:
    """Return the names of the objects of a stored file."""
    return {f"{file_id.hex[-2:]}/{file_id.hex}{suffix}" for suffix in suffixes}


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def receive(node: Node, owner_id: UUID, upload_id: UUID, offset: int, data: bytes) -> int:
    """Append bytes to an upload, and return how far it is."""
    at = await node.uploads.receive(
        owner_id=owner_id, upload_id=upload_id, offset=offset, body=chunks(data)
    )
    return at.received


async def offset_of(node: Node, owner_id: UUID, upload_id: UUID) -> int:
    """Return how far an upload is by its row."""
    _, at = await upload_state(node.database, owner_id=owner_id, upload_id=upload_id)
    return at.received


async def until(node: Node, owner_id: UUID, file_id: UUID, *states: str) -> Upload:
    """Wait until an upload is in one of some states."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            state, _ = await upload_state(node.database, owner_id=owner_id, upload_id=file_id)
            if state.state in states:
                return state
            await asyncio.sleep(0.02)


async def until_holds(bucket: TestBucket, names: set[str]) -> None:
    """Wait until a bucket has exactly some objects, and no copy is on the disk."""
    async with asyncio.timeout(PATIENCE_S):
        while bucket.sizes().keys() != names:
            await asyncio.sleep(0.05)
    assert bucket.unfinished() == 0


def copies_in(storage: Storage) -> list[Path]:
    """Return all copies of files that a node has made on its disk."""
    return [path for path in (storage.folder / "copies").rglob("*") if path.is_file()]


def removal_of(node: Node) -> FileRemoval:
    """Return a removal that runs when it is told to."""
    return FileRemoval(database=node.database, storage=node.file_storage, metrics=FileMetrics())


async def test_an_upload_in_parts_becomes_one_object(storage: Storage, bucket: TestBucket) -> None:
    async with open_in_s3(storage, bucket) as (node, _):
        alice = await new_user(node)
        at = await node.uploads.create(NewUpload(alice, "file.bin", len(DATA)))
        for start in range(0, len(DATA), 1_500):
            await receive(node, alice, at.id, start, DATA[start : start + 1_500])
        await until(node, alice, at.id, "ready")

        (name,) = names_of(at.id, "")
        await until_holds(bucket, {name})
        assert bucket.get(name) == DATA
        assert copies_in(storage) == []


async def test_a_picture_has_its_thumbnail_beside_it(storage: Storage, bucket: TestBucket) -> None:
    async with open_in_s3(storage, bucket) as (node, _):
        alice = await new_user(node)
        file_id = await ready_file(node, alice, picture())

        await until_holds(bucket, names_of(file_id, "", ".thumbnail"))
        assert copies_in(storage) == []


async def test_an_upload_goes_on_after_s3_was_away(storage: Storage, bucket: TestBucket) -> None:
    async with open_in_s3(storage, bucket) as (node, gate):
        alice = await new_user(node)
        at = await node.uploads.create(NewUpload(alice, "file.bin", len(DATA)))
        assert await receive(node, alice, at.id, 0, DATA[:1_700]) == 1_700

        await gate.close()
        with pytest.raises(BucketAway) as raised:
            await receive(node, alice, at.id, 1_700, DATA[1_700:])
        assert raised.value.retry_after > 0
        assert await offset_of(node, alice, at.id) == 1_700
        gate.open()

        assert await receive(node, alice, at.id, 1_700, DATA[1_700:]) == len(DATA)
        await until(node, alice, at.id, "ready")
        (name,) = names_of(at.id, "")
        await until_holds(bucket, {name})
        assert bucket.get(name) == DATA


async def test_an_upload_goes_on_after_s3_has_not_answered(
    storage: Storage, bucket: TestBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("REQUEST_S", 0.5), ("RETRY_S", 0.1)):
        monkeypatch.setattr(core_bucket, name, value)
    async with open_in_s3(storage, bucket) as (node, _):
        alice = await new_user(node)
        at = await node.uploads.create(NewUpload(alice, "file.bin", 10))
        with bucket.server.frozen(), pytest.raises(BucketAway):
            await receive(node, alice, at.id, 0, b"12345")

        assert await offset_of(node, alice, at.id) == 0
        await node.uploads.discard(owner_id=alice, upload_id=at.id)
        await removal_of(node).remove_all()
        # A part that was sent to a silent S3 may be stored later: the sweep finds it.
        async with asyncio.timeout(PATIENCE_S):
            while bucket.sizes():
                await removal_of(node).sweep(UPLOADS, age_s=0)
        await until_holds(bucket, set())


async def test_a_check_is_repeated_once_s3_is_back(
    storage: Storage, bucket: TestBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "CLAIMED_FOR", timedelta(seconds=0.5))
    monkeypatch.setattr(check, "KEEP_S", 0.1)
    keep = BucketStorage.keep
    tried = asyncio.Event()

    async with open_in_s3(storage, bucket, is_still=False) as (node, gate):
        alice = await new_user(node)

        async def keep_without_s3(
            kept: BucketStorage, file_id: UUID, source: Path, thumbnail: Path | None = None
        ) -> tuple[int, str]:
            if not tried.is_set():
                await gate.close()
                tried.set()
            return await keep(kept, file_id, source, thumbnail)

        monkeypatch.setattr(BucketStorage, "keep", keep_without_s3)
        monkeypatch.setattr(check, "INTERVAL_S", 0.05)
        file_id = await begin_file(node, alice, picture())
        async with asyncio.timeout(PATIENCE_S):
            await tried.wait()
        state, _ = await upload_state(node.database, owner_id=alice, upload_id=file_id)
        assert state.state == "checking"
        gate.open()

        await until(node, alice, file_id, "ready")
        await until_holds(bucket, names_of(file_id, "", ".thumbnail"))
        assert copies_in(storage) == []


async def test_a_refused_or_discarded_upload_leaves_nothing(
    storage: Storage, bucket: TestBucket
) -> None:
    async with open_in_s3(storage, bucket) as (node, _):
        alice = await new_user(node)
        refused = await begin_file(node, alice, picture("PNG", (300, 300))[:-500])
        assert (await until(node, alice, refused, "refused", "ready")).state == "refused"
        ready = await ready_file(node, alice, picture())
        begun = await node.uploads.create(NewUpload(alice, "file.bin", len(DATA)))
        await receive(node, alice, begun.id, 0, DATA[:2_500])
        for one in (ready, begun.id):
            await node.uploads.discard(owner_id=alice, upload_id=one)

        await removal_of(node).remove_all()

        await until_holds(bucket, set())
        assert copies_in(storage) == []


async def test_an_expired_or_deleted_file_leaves_nothing(
    storage: Storage, bucket: TestBucket
) -> None:
    async with open_in_s3(storage, bucket) as (node, _):
        alice, bob = await new_user(node), await new_user(node)
        sent = await ready_file(node, alice, picture())
        old = await ready_file(node, alice)
        message = await node.messages.send(to_user(alice, bob, "")._replace(file_ids=(sent,)))
        then = utc_now() - timedelta(days=1, minutes=1)
        aged = update(FILES).where(FILES.c.id.in_([sent, old])).values(created_at=then)
        await node.database.transact(lambda connection: connection.execute(aged))

        await Maintenance(node.database, JOBS).remove_expired()
        await removal_of(node).remove_all()
        await until_holds(bucket, names_of(sent, "", ".thumbnail"))
        await node.messages.delete(actor_id=alice, message_id=message.message.id)
        await removal_of(node).remove_all()

        await until_holds(bucket, set())


async def test_a_file_that_could_not_be_removed_is_removed_later(
    storage: Storage, bucket: TestBucket
) -> None:
    async with open_in_s3(storage, bucket) as (node, gate):
        alice = await new_user(node)
        file_id = await ready_file(node, alice)
        await until_holds(bucket, names_of(file_id, ""))
        await gate.close()
        await node.uploads.discard(owner_id=alice, upload_id=file_id)
        with pytest.raises(BucketAway):
            await removal_of(node).remove_all()
        assert bucket.sizes().keys() == names_of(file_id, "")
        gate.open()

        await removal_of(node).remove_all()

        await until_holds(bucket, set())


async def test_bytes_of_no_file_are_swept(storage: Storage, bucket: TestBucket) -> None:
    async with open_in_s3(storage, bucket) as (node, _):
        alice = await new_user(node)
        file_id = await ready_file(node, alice, picture())
        begun = await node.uploads.create(NewUpload(alice, "file.bin", len(DATA)))
        await receive(node, alice, begun.id, 0, DATA[:500])
        await until_holds(
            bucket,
            {*names_of(file_id, "", ".thumbnail"), f"uploads/{begun.id.hex}/{0:015d}"},
        )
        kept = set(bucket.sizes())
        # Of a check whose removal has failed, and of a row that is not there.
        bucket.put(f"uploads/{file_id.hex}/{0:015d}", b"x")
        orphan = f"{file_id.hex[-2:]}/{'0' * 30}{file_id.hex[-2:]}"
        bucket.put(orphan, b"x")
        removal = removal_of(node)

        assert await removal.sweep("uploads") == 0
        assert await removal.sweep("uploads", -60) == 1
        assert await removal.sweep(file_id.hex[-2:], -60) == 1

        await until_holds(bucket, kept)


async def test_an_avatar_is_made_of_a_picture_in_s3(storage: Storage, bucket: TestBucket) -> None:
    async with open_in_s3(storage, bucket) as (node, _):
        alice = await new_user(node)
        file_id = await ready_file(node, alice, picture())
        await node.avatars.set_own(actor_id=alice, file_id=file_id)
        await removal_of(node).remove_all()

        async with asyncio.timeout(PATIENCE_S):
            while len(bucket.sizes()) != 1:
                await asyncio.sleep(0.05)
        assert not bucket.sizes().keys() & names_of(file_id, "", ".thumbnail")
        assert copies_in(storage) == []
        await node.avatars.remove_own(actor_id=alice)
        await removal_of(node).remove_all()
        await until_holds(bucket, set())


async def test_a_node_starts_without_s3_but_not_without_its_bucket(
    storage: Storage, bucket: TestBucket
) -> None:
    async with Gate.to(bucket.server) as gate:
        with bucket.used(gate.url):
            with pytest.raises(CannotStart, match="CHAT_FILES_URL: S3 refuses the bucket"):
                async with open_still_node(storage, CHAT_FILES_URL="s3://no-such-bucket"):
                    pass
            await gate.close()
            async with open_still_node(storage) as node:
                alice = await new_user(node)
                at = await node.uploads.create(NewUpload(alice, "file.bin", 5))
                gate.open()
                await receive(node, alice, at.id, 0, b"bytes")
                await until(node, alice, at.id, "ready")
