"""Files in archives: backed up, checked, restored byte by byte, and refused where damaged."""

import asyncio
import zipfile
from pathlib import Path

import pytest

from chat_app.archive import service
from chat_app.archive.errors import ArchiveError
from chat_app.core.settings import Settings
from chat_app.files.storage import open_storage
from chat_app.files.verification import verify
from tests.harness.archives import UNWATCHED
from tests.harness.chats import Farm, Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.files import disk_of, picture, ready_file
from tests.harness.nodes import new_user, open_database, open_node, settings_of, to_user
from tests.harness.s3 import TestBucket


@pytest.fixture
def target(empty_database_urls: dict[str, str], tmp_path: Path) -> Settings:
    """Return the settings of an empty database, with a folder of its own."""
    return settings_of(Storage("", empty_database_urls["sqlite"], "", tmp_path / "target"))


async def backed_up(storage: Storage, file: Path) -> None:
    """Back up a chat with an avatar and two files, one of which was sent."""
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        sent, _ = await ready_file(node, alice, picture()), await ready_file(node, alice)
        await node.messages.send(to_user(alice, bob, "")._replace(file_ids=(sent,)))
        face = await ready_file(node, alice, picture())
        await node.avatars.set_own(actor_id=alice, file_id=face)
        async with asyncio.timeout(PATIENCE_S):
            while disk_of(node).path(face).exists() or disk_of(node).thumbnail_path(face).exists():
                await asyncio.sleep(0.02)
        made = await service.backup(settings_of(storage), file, progress=UNWATCHED)
    assert made.files == 4  # with a thumbnail


async def test_a_restored_chat_has_its_files(
    storage: Storage, target: Settings, tmp_path: Path
) -> None:
    await backed_up(storage, tmp_path / "b")

    await service.check(tmp_path / "b", progress=UNWATCHED)
    await service.restore(target, tmp_path / "b", replace=False, progress=UNWATCHED)

    async with open_database(target.database_url, tmp_path) as database:
        with open_storage(target) as stored:
            found = await verify(database, stored, lambda _: None)
    assert found == (3, [], [], 0)


@pytest.mark.parametrize("to", ["disk", "s3"])
async def test_a_chat_in_s3_is_backed_up_and_restored(
    storage: Storage,
    target: Settings,
    tmp_path: Path,
    farm: Farm,
    to: str,
) -> None:
    source, other = farm.s3.new_bucket(), farm.s3.new_bucket()
    into = target.model_copy(update={"files_url": other.url if to == "s3" else ""})
    with source.used():
        async with open_node(storage) as node:
            await ready_file(node, await new_user(node), picture())
            made = await service.backup(settings_of(storage), tmp_path / "b", progress=UNWATCHED)
        assert made.files == 2  # with a thumbnail

        await service.restore(into, tmp_path / "b", replace=False, progress=UNWATCHED)

        async with open_database(target.database_url, tmp_path) as database:
            with open_storage(into) as stored:
                assert await verify(database, stored, lambda _: None) == (1, [], [], 0)
    kept = {name: size for name, size in source.sizes().items() if name[2] == "/"}
    assert other.sizes() == (kept if to == "s3" else {})


async def test_a_backup_without_s3_is_refused_in_one_line(
    storage: Storage, tmp_path: Path, bucket: TestBucket
) -> None:
    settings = settings_of(storage, CHAT_FILES_URL="s3://no-such-bucket")

    with bucket.used(), pytest.raises(ArchiveError) as raised:
        await service.backup(settings, tmp_path / "b", progress=UNWATCHED)

    assert str(raised.value) == "CHAT_FILES_URL: S3: 404 NoSuchBucket"
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("damage", ["changed", "missing", "renamed"])
async def test_an_archive_with_a_damaged_file_is_refused(
    storage: Storage, target: Settings, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "b"
    await backed_up(storage, file)
    if damage == "changed":
        data = file.read_bytes()
        at = data.index(b"some bytes")
        file.write_bytes(data[:at] + b"same bytes" + data[at + 10 :])
    else:
        _rewrite(file, keep=damage == "renamed")

    with pytest.raises(ArchiveError):
        await service.check(file, progress=UNWATCHED)
    with pytest.raises(ArchiveError):
        await service.restore(target, file, replace=False, progress=UNWATCHED)
    assert not (tmp_path / "outside").exists()


def _rewrite(path: Path, *, keep: bool) -> None:
    """Leave one file out, or give it a name outside of the folder."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(one for one in members if one.startswith("files/"))
    data = members.pop(name)
    if keep:
        members["files/../../outside"] = data
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
