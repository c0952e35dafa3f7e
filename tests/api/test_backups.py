"""The backups that admins make and download."""

import asyncio
import dataclasses
import stat
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from chat_app.admin.backup_files import KEPT
from chat_app.core.database import Database
from chat_app.models import StorageUse
from tests.harness.backups import backups_of, hang_files, latest
from tests.harness.chats import StartChat, Storage
from tests.harness.clients import Person, as_json, assert_problem, http_client, register
from tests.harness.nodes import settings_of
from tests.harness.servers import ChatServer
from tests.harness.shells import done

pytestmark = pytest.mark.one_process


def folder_of(chat: ChatServer) -> Path:
    """Return the folder of a chat's backups."""
    return Path(chat.settings["CHAT_DATA_DIR"]) / "backups"


async def begin(admin: Person) -> httpx.Response:
    return await admin.http.post("/api/admin/backups")


async def acts(admin: Person) -> list[tuple[str, str]]:
    """Return the acts in the audit log about backups, the oldest first."""
    items = as_json(await admin.http.get("/api/admin/audit"))["items"]
    found = [(one["action"], one["detail"]) for one in items if "backup" in one["action"]]
    return found[::-1]


async def test_a_backup_is_made_downloaded_and_restored(
    start_chat: StartChat, empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    chat = start_chat()
    owner, member = await register(chat.url), await register(chat.url)
    await owner.write(member, "kept")
    assert await backups_of(owner) == []

    reply = await begin(owner)

    assert reply.status_code == 202
    begun = as_json(reply)
    assert (begun["state"], begun["size"], begun["failure"]) == ("running", 0, None)
    made = await latest(owner)
    assert made["name"] == begun["name"]
    assert made["state"] == "ready"
    stored = folder_of(chat) / made["name"]
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert stat.S_IMODE(stored.parent.stat().st_mode) == 0o700
    path = f"/api/admin/backups/{made['name']}"
    head = await owner.http.head(path)
    reply = await owner.http.get(path)
    part = await owner.http.get(path, headers={"Range": "bytes=10-19"})
    beyond = await owner.http.get(path, headers={"Range": f"bytes={made['size']}-"})
    assert reply.content == stored.read_bytes()
    assert (part.status_code, part.content) == (206, reply.content[10:20])
    assert_problem(beyond, 416)
    assert (await owner.http.get(path, headers={"Range": "lines=1-2"})).content == reply.content
    assert int(head.headers["content-length"]) == made["size"] == len(reply.content)
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-disposition"] == f'attachment; filename="{made["name"]}"'
    assert await acts(owner) == [
        ("backup_made", made["name"]),
        ("backup_downloaded", made["name"]),
    ]

    downloaded = tmp_path / "downloaded.zip"
    downloaded.write_bytes(reply.content)
    for number, url in enumerate(empty_database_urls.values()):
        settings = Storage("", url, "", tmp_path / f"restored-{number}").settings
        restored = done(settings, "restore", downloaded)
        assert "2 user_account" in restored
        assert "1 message" in restored


async def test_only_names_of_the_list_are_sent(start_chat: StartChat) -> None:
    chat = start_chat()
    owner = await register(chat.url)
    folder = folder_of(chat)
    folder.mkdir()
    (folder / "other.zip").write_text("secret")
    (folder / "chat-20261130-120000.zip").symlink_to(folder / "other.zip")
    (folder / "chat-20261130-120001.zip").mkdir()
    (folder.parent / "chat-20261130-120002.zip").write_text("secret")

    assert await backups_of(owner) == []
    for name in (
        "other.zip",
        "chat-20261130-120000.zip",
        "chat-20261130-120001.zip",
        "..%2fchat-20261130-120002.zip",
        "%2e%2e%2fchat-20261130-120002.zip",
        "chat-20261130-120002.zip%00",
        "chat-20261130-120002.zip%0a",
        "..%2f..%2fsecret.key",
    ):
        assert_problem(await owner.http.get(f"/api/admin/backups/{name}"), 404)


async def test_a_node_that_stops_leaves_nothing_half_made(start_chat: StartChat) -> None:
    chat = start_chat()
    owner = await register(chat.url)
    hanging = hang_files(folder_of(chat).parent)
    begun = as_json(await begin(owner))
    assert_problem(await begin(owner), 409, "backup_running")

    chat.restart()

    assert list(folder_of(chat).iterdir()) == []
    [failed] = await backups_of(owner)
    assert failed["name"] == begun["name"]
    assert (failed["state"], failed["failure"]) == ("failed", "The chat was stopped meanwhile.")
    assert await acts(owner) == [("backup_failed", f"{begun['name']} stopped")]
    hanging.unlink()
    assert (await begin(owner)).status_code == 202
    assert (await latest(owner))["state"] == "ready"


async def test_two_nodes_make_one_backup(start_chat: StartChat) -> None:
    near = start_chat(pair="postgres+redis")
    far = start_chat(pair="postgres+redis", **near.joining)
    owner = await register(near.url)
    for chat in (near, far):
        hang_files(folder_of(chat).parent)
    token = {"Authorization": f"Bearer {owner.access_token}"}
    async with http_client(far.url, headers=token) as client:
        there = dataclasses.replace(owner, url=far.url, http=client)

        replies = await asyncio.gather(*(begin(one) for one in (owner, there) * 3))

        assert sorted(one.status_code for one in replies) == [202, *[409] * 5]
        for one in (owner, there):
            [running] = await backups_of(one)
            assert running["state"] == "running"


async def test_without_room_nothing_is_begun(start_chat: StartChat) -> None:
    chat = start_chat()
    owner = await register(chat.url)
    url = chat.settings["CHAT_DATABASE_URL"]
    database = Database(settings_of(Storage("", url, "", folder_of(chat).parent)))
    try:
        async with database.writing() as session:
            session.add(StorageUse(user_id=UUID(owner.id), bytes=2**60))
    finally:
        await database.close()

    problem = assert_problem(await begin(owner), 507, "no_space")

    assert str(folder_of(chat).parent) not in str(problem)
    assert await backups_of(owner) == []


async def test_the_newest_backups_are_kept(start_chat: StartChat) -> None:
    chat = start_chat()
    owner = await register(chat.url)
    folder = folder_of(chat)
    folder.mkdir()
    for day in range(KEPT + 1):
        (folder / f"chat-202601{day + 10}-000000.zip").write_text("old")
    (folder / "by-hand.zip").write_text("of the operator")

    assert (await begin(owner)).status_code == 202
    await latest(owner)

    names = [one["name"] for one in await backups_of(owner)]
    assert len(names) == KEPT
    assert names[1:] == [f"chat-202601{day + 10}-000000.zip" for day in range(KEPT, 1, -1)]
    assert (folder / "by-hand.zip").exists()
