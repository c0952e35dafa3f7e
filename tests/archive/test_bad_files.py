"""Damaged archives: each is refused, and the database is unchanged."""

import asyncio
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chat_app.archive import service
from chat_app.archive.errors import ArchiveError
from tests.harness.archives import UNWATCHED, populate
from tests.harness.chats import Storage
from tests.harness.nodes import open_node, settings_of

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a whole backup, which no test changes."""
    folder = tmp_path_factory.mktemp("whole")
    storage = Storage("", "", "", folder / "source")

    async def make() -> None:
        async with open_node(storage) as node:
            await populate(node)
        await service.backup(settings_of(storage), folder / "b", progress=UNWATCHED)

    asyncio.run(make())
    return folder / "b"


@pytest.fixture
def backup(whole_backup: Path, tmp_path: Path) -> Path:
    """Give a copy of the backup that the test may damage."""
    return Path(shutil.copy(whole_backup, tmp_path / "b"))


def rewritten(member: str, change: Callable[[bytes], bytes]) -> Damage:
    """Return a damage that changes `member`, with right checksums."""

    def damage(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members[member] = change(members.get(member, b""))
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    return damage


def manifest(**changes: object) -> Damage:
    """Return a damage that changes entries of the manifest."""
    return rewritten("manifest.json", lambda old: json.dumps(json.loads(old) | changes).encode())


def without(member: str) -> Damage:
    """Return a damage that removes `member`."""

    def damage(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist() if name != member}
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    return damage


def cut_to(part: float) -> Damage:
    """Return a damage that cuts the file to `part` of its length."""

    def damage(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * part)])

    return damage


def holding(data: bytes) -> Damage:
    """Return a damage that replaces the whole file."""

    def damage(path: Path) -> None:
        path.write_bytes(data)

    return damage


def with_a_wrong_byte(path: Path) -> None:
    """Change one byte in the middle of the compressed messages."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("message.jsonl")
    data = bytearray(path.read_bytes())
    data[member.header_offset + 80 + member.compress_size // 2] ^= 0x55
    path.write_bytes(data)


def one_line_less(old: bytes) -> bytes:
    """Remove the first row."""
    return old.partition(b"\n")[2]


def another_text(old: bytes) -> bytes:
    """Change the text of a message."""
    return old.replace(b'"plain"', b'"forged"', 1)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "nothing": (holding(b""), "no backup of this chat"),
    "text": (holding(b"CREATE TABLE\n"), "no backup of this chat"),
    "another archive": (without("manifest.json"), "no backup of this chat"),
    "cut at the end": (cut_to(0.99), "no backup of this chat"),
    "cut in the middle": (cut_to(0.5), "no backup of this chat"),
    "a wrong byte": (with_a_wrong_byte, "damaged, in its table message"),
    "a row less": (rewritten("message.jsonl", one_line_less), "damaged, in its table message"),
    "another text": (rewritten("message.jsonl", another_text), "damaged, in its table message"),
    "no row": (rewritten("block.jsonl", lambda _: b"{}\n"), "damaged, in its table block"),
    "no line": (rewritten("block.jsonl", lambda old: old[:-1]), "damaged, in its table block"),
    "no utf-8": (rewritten("block.jsonl", lambda _: b'["\xff"]\n'), "damaged, in its table block"),
    "a value of another kind": (
        rewritten("block.jsonl", lambda _: b"[1,2,3]\n"),
        "damaged, in its table block",
    ),
    "a table less": (without("message.jsonl"), "damaged, in its table message"),
    "other tables": (manifest(tables=[]), "its tables are not those of its schema"),
    "a newer schema": (manifest(revision="9999"), "newer version of the chat"),
    "a newer format": (manifest(version=2), "no backup of this chat"),
    "no manifest": (rewritten("manifest.json", lambda _: b"[]"), "no backup of this chat"),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_damaged_backup_is_refused_and_changes_nothing(
    name: str, backup: Path, tmp_path: Path
) -> None:
    damage, message = DAMAGES[name]
    damage(backup)
    empty = settings_of(Storage("", "", "", tmp_path / "empty"))

    with pytest.raises(ArchiveError, match=re.escape(message)) as refused:
        await service.check(backup, progress=UNWATCHED)
    with pytest.raises(ArchiveError, match=re.escape(message)):
        await service.restore(empty, backup, replace=False, progress=UNWATCHED)

    assert refused.value.place == str(backup)
    assert list((tmp_path / "empty").iterdir()) == []


async def test_a_missing_backup_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="No such file"):
        await service.check(tmp_path / "missing", progress=UNWATCHED)
    with pytest.raises(ArchiveError, match="Is a directory"):
        await service.check(tmp_path, progress=UNWATCHED)
