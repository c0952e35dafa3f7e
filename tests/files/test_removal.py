"""The removal: what is not sent expires, and bytes without a row go."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.core.maintenance import Maintenance
from chat_app.files.disk import Disk
from chat_app.files.metrics import FileMetrics
from chat_app.files.removal import FileRemoval
from chat_app.models.tables import FILES, MEMBERS, STORAGE_USES
from chat_app.node.node import Node
from chat_app.node.parts import JOBS
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.files import begin_file, disk_of, ready_file
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_still_node, to_conversation, to_user


def removal_of(node: Node) -> FileRemoval:
    """Return a removal that runs when it is told to."""
    return FileRemoval(database=node.database, storage=node.file_storage, metrics=FileMetrics())


async def age(node: Node, *file_ids: UUID) -> None:
    """Let files be more than a day old."""
    then = utc_now() - timedelta(days=1, minutes=1)
    old = update(FILES).where(FILES.c.id.in_(file_ids)).values(created_at=then)
    await node.database.transact(lambda connection: connection.execute(old))


async def stored_bytes(node: Node, user_id: UUID) -> tuple[int, int]:
    """Return the room that a user takes by the counter, and by the rows."""
    counter = select(STORAGE_USES.c.bytes).where(STORAGE_USES.c.user_id == user_id)
    rows = select(func.sum(FILES.c.reserved)).where(FILES.c.owner_id == user_id)
    return await node.database.transact(
        lambda connection: (connection.scalar(counter) or 0, connection.scalar(rows) or 0)
    )


async def until_gone(node: Node, user_id: UUID, file_id: UUID) -> None:
    """Wait until nothing of a user's only file is left: the node removes it at the same time."""
    async with asyncio.timeout(PATIENCE_S):
        while (
            disk_of(node).path(file_id).exists()
            or disk_of(node).upload_path(file_id).exists()
            or await stored_bytes(node, user_id) != (0, 0)
        ):
            await asyncio.sleep(0.02)


async def test_unsent_files_go_within_a_day_and_sent_ones_stay(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        sent, old, young = [await ready_file(node, alice) for _ in range(3)]
        await node.messages.send(to_user(alice, bob, "")._replace(file_ids=(sent,)))
        await age(node, sent, old)

        removed = await Maintenance(node.database, JOBS).remove_expired()
        await removal_of(node).remove_all()

        assert removed["unsent_files"] == 1
        there = [disk_of(node).path(one).exists() for one in (sent, old, young)]
        assert there == [True, False, True]
        assert await stored_bytes(node, alice) == (20, 20)


async def test_a_deleted_group_takes_its_files_along(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        alice = await new_user(node)
        group = await add_group(node, actor_id=alice, title="group", member_ids=[alice])
        file_id = await ready_file(node, alice)
        await node.messages.send(to_conversation(alice, group, "")._replace(file_ids=(file_id,)))
        own = update(MEMBERS).where(MEMBERS.c.user_id == alice).values(role="owner")
        await node.database.transact(lambda connection: connection.execute(own))
        await node.groups.delete(actor_id=alice, conversation_id=group)

        await Maintenance(node.database, JOBS).remove_expired()
        await removal_of(node).remove_all()

        await until_gone(node, alice, file_id)


async def test_bytes_without_a_row_go_when_they_are_old(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        alice = await new_user(node)
        file_id, orphan = await ready_file(node, alice), new_id()
        disk_of(node).path(orphan).parent.mkdir(exist_ok=True, parents=True)
        paths = [disk_of(node).path(orphan), disk_of(node).thumbnail_path(orphan)]
        for path in paths:
            path.write_bytes(b"x")
        removal = removal_of(node)

        assert await removal.sweep(orphan.hex[-2:]) == 0
        for path in (*paths, disk_of(node).path(file_id)):
            os.utime(path, (1, 1))
        assert await removal.sweep(orphan.hex[-2:]) == 1
        await removal.sweep(file_id.hex[-2:])

        assert not any(path.exists() for path in paths)
        assert disk_of(node).path(file_id).exists()


async def test_the_removal_of_a_file_and_its_forwarding_wait_for_each_other(
    storage: Storage,
) -> None:
    async with open_still_node(storage) as node:
        alice, bob, carol = [await new_user(node) for _ in range(3)]
        file_id = await ready_file(node, alice)
        sent = await node.messages.send(to_user(alice, bob, "")._replace(file_ids=(file_id,)))
        forward = to_user(bob, carol, "")._replace(forward_of=sent.message.id)
        forwarded = await node.messages.send(forward)
        await node.messages.delete(actor_id=alice, message_id=sent.message.id)
        await removal_of(node).remove_all()
        assert disk_of(node).path(file_id).exists()

        await node.messages.delete(actor_id=bob, message_id=forwarded.message.id)
        await removal_of(node).remove_all()

        await until_gone(node, alice, file_id)


async def test_a_file_that_is_discarded_during_its_check_leaves_nothing(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_still_node(storage) as node:
        alice = await new_user(node)
        keep = Disk.keep
        ended = asyncio.Event()

        async def discard_and_keep(
            disk: Disk, file_id: UUID, source: Path, thumbnail: Path | None = None
        ) -> tuple[int, str]:
            data = await asyncio.to_thread(source.read_bytes)
            await node.uploads.discard(owner_id=alice, upload_id=file_id)
            await removal_of(node).remove_all()
            await asyncio.to_thread(source.write_bytes, data)
            result = await keep(disk, file_id, source, thumbnail)
            ended.set()
            return result

        monkeypatch.setattr(Disk, "keep", discard_and_keep)
        file_id = await begin_file(node, alice, b"bytes")
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
        await until_gone(node, alice, file_id)
