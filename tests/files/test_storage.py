"""Where files are: a disk and a bucket of S3 do the same."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from chat_app.core.bucket import open_bucket
from chat_app.core.ids import new_id
from chat_app.files import bucket as files_bucket
from chat_app.files.bucket import BucketStorage, RemoteFile
from chat_app.files.disk import Disk, FewerBytes, folders
from chat_app.files.errors import BytesMissing
from chat_app.files.storage import FileStorage
from tests.harness.s3 import TestBucket

DIGEST = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"  # of b"bytes"
PART = 4


class Place(NamedTuple):
    """A storage of files, and the folder that it may write to."""

    storage: FileStorage
    folder: Path
    bucket: TestBucket | None

    def contents(self) -> dict[str, int]:
        """Return the sizes of all that is there, copies in the folder included."""
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        found = {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in paths}
        return found | (self.bucket.sizes() if self.bucket else {})


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with closing(Disk(tmp_path / "files")) as disk:
        if request.param == "disk":
            yield Place(disk, tmp_path, None)
            return
        bucket: TestBucket = request.getfixturevalue("bucket")
        with pytest.MonkeyPatch.context() as patch, bucket.used():
            patch.setattr(files_bucket, "PART", PART)
            patch.setattr(files_bucket, "BEGINNING", 2)
            patch.setattr(files_bucket, "PIECE", 3)
            with open_bucket(bucket.url) as opened:
                yield Place(BucketStorage(opened, disk), tmp_path, bucket)


async def append(place: Place, upload_id: UUID, offset: int, *chunks: bytes) -> int:
    """Append bytes to an upload and return how far it is stored."""
    writer = await place.storage.open_upload(upload_id, offset)
    await writer.write(list(chunks), None)
    await writer.sync()
    await writer.close()
    return writer.stored


async def test_an_upload_goes_on_at_its_offset_and_drops_what_is_behind(place: Place) -> None:
    upload_id = new_id()

    assert await append(place, upload_id, 0, b"123", b"45", b"6789") == 9
    assert await append(place, upload_id, 6, b"x") == 7
    assert await append(place, upload_id, 7, b"yz") == 9

    path = place.storage.upload_path(upload_id)
    async with place.storage.upload_at_hand(upload_id, 9) as is_there:
        assert is_there
        assert await asyncio.to_thread(path.read_bytes) == b"123456xyz"
        assert await place.storage.head(upload_id, 3) == b"123"


async def test_an_upload_with_fewer_bytes_than_its_row_says_goes_on_earlier(place: Place) -> None:
    upload_id = new_id()
    await append(place, upload_id, 0, b"12345")

    with pytest.raises(FewerBytes) as raised:
        await place.storage.open_upload(upload_id, 7)
    assert raised.value.size == 5


async def test_what_is_cut_off_is_not_stored(place: Place) -> None:
    upload_id = new_id()
    await append(place, upload_id, 0, b"1")
    writer = await place.storage.open_upload(upload_id, 1)
    await writer.write([b"23456"], None)
    await writer.cut(1)
    await writer.close()

    await append(place, upload_id, 1, b"bcd")

    async with place.storage.upload_at_hand(upload_id, 4):
        path = place.storage.upload_path(upload_id)
        assert (await asyncio.to_thread(path.read_bytes))[:4] == b"1bcd"


async def test_an_upload_that_is_not_there_is_not_at_hand(place: Place) -> None:
    async with place.storage.upload_at_hand(new_id(), 5) as is_there:
        assert not is_there


async def test_a_kept_file_has_its_digest_and_its_upload_stays_for_another_try(
    place: Place,
) -> None:
    file_id = new_id()
    await append(place, file_id, 0, b"bytes")

    for _ in range(2):
        async with place.storage.upload_at_hand(file_id, 5):
            source = place.storage.upload_path(file_id)
            thumbnail = place.storage.upload_path(file_id, ".thumbnail")
            await asyncio.to_thread(thumbnail.write_bytes, b"small")
            assert await place.storage.keep(file_id, source, thumbnail) == (5, DIGEST)
    await place.storage.remove_upload(file_id)

    name = f"{file_id.hex[-2:]}/{file_id.hex}"
    stored = {one.removeprefix("files/"): size for one, size in place.contents().items()}
    assert stored == {name: 5, f"{name}.thumbnail": 5}
    assert await place.storage.digest(file_id, with_thumbnail=True) == DIGEST
    async with place.storage.file_at_hand(file_id) as path:
        assert await asyncio.to_thread(path.read_bytes) == b"bytes"
    await place.storage.remove([file_id])
    await place.storage.remove([file_id])
    assert place.contents() == {}


async def test_files_and_thumbnails_are_opened_to_be_served(place: Place, tmp_path: Path) -> None:
    file_id = await keep(place, tmp_path, b"123456789", b"small")

    for thumbnail, data in ((False, b"123456789"), (True, b"small")):
        stored = await place.storage.open(file_id, thumbnail=thumbnail)
        assert stored.size == len(data)
        if isinstance(stored, RemoteFile):
            found = b""
            while len(found) < len(data):
                found += await stored.read(len(found), len(data))
            assert found == data
            assert await stored.read(4, 5) == data[4:5]
        else:
            assert await asyncio.to_thread(stored.path.read_bytes) == data


async def test_a_missing_file_is_told(place: Place, tmp_path: Path) -> None:
    file_id = await keep(place, tmp_path, b"bytes")

    assert await place.storage.digest(file_id, with_thumbnail=True) is None
    assert await place.storage.digest(new_id(), with_thumbnail=False) is None
    with pytest.raises(BytesMissing):
        await place.storage.open(file_id, thumbnail=True)
    with pytest.raises(BytesMissing):
        async with place.storage.file_at_hand(new_id()):
            pass


async def test_old_files_of_a_folder_are_found(place: Place, tmp_path: Path) -> None:
    file_id, upload_id = await keep(place, tmp_path, b"bytes", b"small"), new_id()
    await append(place, upload_id, 0, b"12345")

    folder = file_id.hex[-2:]
    assert await place.storage.old_ids(folder, 60) == []
    assert await place.storage.old_ids(folder, -60) == [file_id]
    assert await place.storage.old_ids("uploads", -60) == [upload_id]
    assert {*folders()} >= {folder, "uploads"}


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
async def test_a_copy_that_a_node_left_behind_goes_with_the_next_check(place: Place) -> None:
    left = place.storage.upload_path(new_id(), ".whole")
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"x")
    os.utime(left, (1, 1))

    async with place.storage.upload_at_hand(new_id(), 1):
        pass

    assert not left.exists()


async def keep(place: Place, folder: Path, data: bytes, thumbnail: bytes | None = None) -> UUID:
    """Store a file, and a thumbnail if one is given."""
    file_id = new_id()
    source, small = folder / "source", folder / "small"
    source.write_bytes(data)
    if thumbnail is not None:
        small.write_bytes(thumbnail)
    await place.storage.keep(file_id, source, small if thumbnail is not None else None)
    source.unlink()
    small.unlink(missing_ok=True)
    return file_id
