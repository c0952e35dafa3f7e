"""Files in archives: backed up, checked, restored byte by byte, and refused where damaged."""

import asyncio
import zipfile
from pathlib import Path

import pytest

from chat_app.archive import service
from chat_app.archive.errors import ArchiveError
from chat_app.core.settings import Settings
from chat_app.files.disk import open_disk
from chat_app.files.verification import verify
from tests.harness.archives import UNWATCHED
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.files import picture, ready_file
from tests.harness.nodes import new_user, open_database, open_node, settings_of, to_user


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
            while node.disk.path(face).exists() or node.disk.thumbnail_path(face).exists():
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
        with open_disk(target) as disk:
            found = await verify(database, disk, lambda _: None)
    assert found == (3, [], [], 0)


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
