"""The command `files verify`: it names what is missing or damaged."""

from uuid import UUID

from chat_app.accounts.schemas import OwnUser
from chat_app.files.queries import avatar_file
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.files import picture, ready_file
from tests.harness.nodes import new_user, open_node
from tests.harness.shells import done, shell


async def test_stored_files_are_compared_with_their_digests(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice = await new_user(node)
        whole = await ready_file(node, alice, picture())
        missing, damaged, bare = [await ready_file(node, alice, picture()) for _ in range(3)]
        paths = [node.disk.path(one) for one in (whole, missing, damaged)]
        thumbnail = node.disk.thumbnail_path(bare)

    assert done(storage.settings, "files", "verify").startswith("4 files are whole, 0 missing")

    paths[0].with_name(f"{'0' * 32}").write_bytes(b"of no file")
    paths[1].unlink()
    paths[2].write_bytes(b"other bytes")
    thumbnail.unlink()
    ran = shell(storage.settings, "files", "verify")

    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    assert {f"missing  {missing}", f"missing  {bare}", f"damaged  {damaged}"} == set(lines[:3])
    assert lines[3] == ("1 files are whole, 2 missing, 1 damaged; 1 on the disk are no file's.")


async def test_avatars_are_compared_like_files(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice = await new_user(node)
        for _ in range(2):
            await node.avatars.set_own(
                actor_id=alice, file_id=await ready_file(node, alice, picture())
            )
            await node.avatars.remove_own(actor_id=alice)
        user = await node.avatars.set_own(
            actor_id=alice, file_id=await ready_file(node, alice, picture())
        )
        path = node.disk.path(await avatar_of(node, user))

    assert done(storage.settings, "files", "verify").startswith("1 files are whole, 0 missing")

    path.write_bytes(b"other bytes")
    ran = shell(storage.settings, "files", "verify")

    assert ran.returncode == 1
    assert f"damaged  {UUID(path.name)}" in ran.stdout.splitlines()


async def avatar_of(node: Node, user: OwnUser) -> UUID:
    """Return the file of the avatar of a user."""
    return await avatar_file(node.database, avatar=str(user.avatar_url).rpartition("/")[2])
