"""A bucket of S3: objects, what is missing, time limits, and what stops a start."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_app.core import bucket as core_bucket
from chat_app.core.bucket import Bucket, BucketAway, ObjectMissing, open_bucket
from chat_app.core.errors import CannotStart
from tests.harness.cases import case
from tests.harness.s3 import KEYS, Gate, TestBucket

PATIENCE_S = 90.0


@pytest.fixture
def opened(bucket: TestBucket) -> Iterator[Bucket]:
    with bucket.used(), open_bucket(bucket.url) as opened:
        yield opened


async def test_objects_are_put_read_listed_and_deleted(opened: Bucket, bucket: TestBucket) -> None:
    await opened.put("aa/one", b"123456")
    await opened.put("ab/two", b"")

    piece = await opened.read("aa/one", 2, 4)
    assert (piece.data, piece.size) == (b"34", 6)
    assert (await opened.read("aa/one", 4, 100)).data == b"56"
    assert [one.name for one in await opened.list()] == ["aa/one", "ab/two"]
    assert [one.name for one in await opened.list("aa")] == ["aa/one"]
    assert await opened.list("a") == []
    assert bucket.sizes() == {"aa/one": 6, "ab/two": 0}
    await opened.delete(["aa/one", "aa/none", "ab/two"])
    await opened.delete([])
    assert bucket.sizes() == {}


async def test_a_missing_object_is_no_failure_of_s3(opened: Bucket) -> None:
    await opened.put("aa/one", b"123")

    for name, start in (("aa/none", 0), ("aa/one", 3)):
        with case(name), pytest.raises(ObjectMissing):
            await opened.read(name, start, 10)


async def test_a_large_file_is_put_in_parts(
    opened: Bucket, bucket: TestBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_bucket, "MAX_PUT", 1_000)
    monkeypatch.setattr(core_bucket, "PART", 5 * 1024 * 1024)
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 4 * 1024 * 6)

    await opened.put_file("aa/one", file)

    assert bucket.get("aa/one") == file.read_bytes()
    assert bucket.unfinished() == 0


async def test_a_bucket_that_does_not_answer_is_away_in_time(
    bucket: TestBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("REQUEST_S", 0.5), ("RETRY_S", 0.1), ("WAIT_S", 0.2), ("THREADS", 1)):
        monkeypatch.setattr(core_bucket, name, value)
    with bucket.used(), open_bucket(bucket.url) as opened, bucket.server.frozen():
        started = time.monotonic()
        found = await asyncio.gather(
            *(opened.read("aa/one", 0, 1) for _ in range(3)), return_exceptions=True
        )
        took = time.monotonic() - started
    # One asks, and the others do not wait for it for ever.
    assert [type(one) for one in found] == [BucketAway] * 3
    assert took < PATIENCE_S


async def test_a_bucket_that_refuses_links_is_away_until_it_is_back(
    bucket: TestBucket,
) -> None:
    async with Gate.to(bucket.server) as gate:
        with bucket.used(gate.url), open_bucket(bucket.url) as opened:
            await opened.put("aa/one", b"1")
            await gate.close()
            with pytest.raises(BucketAway) as raised:
                await opened.read("aa/one", 0, 1)
            await opened.check()
            gate.open()
            assert (await opened.read("aa/one", 0, 1)).data == b"1"
    assert raised.value.reason == "no answer"


async def test_a_bucket_that_is_not_there_stops_the_start(bucket: TestBucket) -> None:
    with bucket.used(), open_bucket("s3://no-such-bucket") as opened:
        with pytest.raises(CannotStart, match=r"refuses the bucket \(404 NoSuchBucket\)"):
            await opened.check()
        with pytest.raises(BucketAway):
            await opened.read("aa/one", 0, 1)


def test_variables_that_make_no_sense_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL", "s3.example.org"),
        ("AWS_ENDPOINT_URL", "https://who:secret@s3.example.org"),
        ("AWS_ENDPOINT_URL_S3", "https://s3.example.org/ secret"),
        ("AWS_SECRET_ACCESS_KEY", "secret\n"),
        ("AWS_ACCESS_KEY_ID", None),
    ):
        with case(name, value), monkeypatch.context() as patch:
            for key in KEYS:
                patch.setenv(key, KEYS[key])
            if value is None:
                patch.delenv(name)
            else:
                patch.setenv(name, value)
            with pytest.raises(CannotStart, match="AWS_") as raised:
                Bucket("s3://bucket")
            assert "secret" not in str(raised.value)


async def test_variables_are_read_from_the_file_of_settings(
    bucket: TestBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = {**bucket.settings(), "AWS_PAGER": "less"}
    lines = [f"{name}={value}" for name, value in settings.items()]
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)

    with open_bucket(bucket.url) as opened:
        await opened.put("aa/one", b"1")

    assert bucket.sizes() == {"aa/one": 1}
