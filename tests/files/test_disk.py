"""The disk: full, cut short, and kept for good."""

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_app.core.ids import new_id
from chat_app.files.disk import CHUNK, SYNCED_TOGETHER, Disk, FewerBytes
from chat_app.files.errors import BytesMissing, DiskFull


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "files")
    yield disk
    disk.close()


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process become larger, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_told(disk: Disk) -> None:
    writer = await disk.open_upload(new_id(), 0)
    with room_for(1000), pytest.raises(DiskFull):
        await writer.write([bytes(2_000)], None)
    await writer.close()


async def test_an_upload_goes_on_at_its_offset_and_drops_what_is_behind(disk: Disk) -> None:
    upload_id = new_id()
    writer = await disk.open_upload(upload_id, 0)
    await writer.write([b"12", b"34"], None)
    await writer.close()

    writer = await disk.open_upload(upload_id, 3)
    await writer.write([b"x"], None)
    await writer.sync()
    await writer.close()

    assert disk.upload_path(upload_id).read_bytes() == b"123x"
    with pytest.raises(FewerBytes) as raised:
        await disk.open_upload(upload_id, 5)
    assert raised.value.size == 4


async def test_a_long_upload_is_synced_on_the_way(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_id()
    path = disk.upload_path(upload_id)
    synced: list[int] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        sync(descriptor)
        synced.append(path.stat().st_size)

    writer = await disk.open_upload(upload_id, 0)
    monkeypatch.setattr(os, "fsync", note)
    for _ in range(2 * SYNCED_TOGETHER // CHUNK + 1):
        await writer.write([bytes(CHUNK)], None)
    await writer.close()

    assert synced == [SYNCED_TOGETHER, 2 * SYNCED_TOGETHER]


async def test_a_kept_file_has_its_digest_and_its_upload_stays_for_another_try(disk: Disk) -> None:
    file_id = new_id()
    writer = await disk.open_upload(file_id, 0)
    await writer.write([b"bytes"], None)
    await writer.close()

    first = await disk.keep(file_id, disk.upload_path(file_id))
    again = await disk.keep(file_id, disk.upload_path(file_id))

    digest = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"
    assert first == again == (5, digest)
    assert [one.name for one in disk.path(file_id).parent.iterdir()] == [file_id.hex]
    await disk.remove_upload(file_id)
    assert disk.path(file_id).read_bytes() == b"bytes"
    assert not disk.upload_path(file_id).exists()
    await disk.remove([file_id])
    await disk.remove([file_id])
    with pytest.raises(BytesMissing):
        await disk.open(file_id)


async def test_old_files_of_a_folder_are_found(disk: Disk) -> None:
    file_id = new_id()
    disk.path(file_id).parent.mkdir(parents=True)
    disk.path(file_id).write_bytes(b"x")
    disk.thumbnail_path(file_id).write_bytes(b"x")
    (disk.path(file_id).parent / "no file of ours").touch()
    for path in disk.path(file_id).parent.iterdir():
        os.utime(path, (1, 1))

    assert await disk.old_ids(file_id.hex[-2:], 60) == [file_id]
    assert await disk.old_ids("uploads", 60) == []


async def test_writing_leaves_the_loop_alone(disk: Disk) -> None:
    writer = await disk.open_upload(new_id(), 0)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(turn())
    await writer.write([bytes(4 * 1024 * 1024)], None)
    task.cancel()
    await writer.close()

    assert turns > 1
