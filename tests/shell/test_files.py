"""The command `files verify`: it names what is missing or damaged."""

from uuid import UUID

from chat_app.accounts.schemas import OwnUser
from chat_app.files.queries import avatar_file
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.files import disk_of, picture, ready_file
from tests.harness.nodes import new_user, open_node
from tests.harness.s3 import TestBucket
from tests.harness.shells import done, refused, shell


async def test_stored_files_are_compared_with_their_digests(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice = await new_user(node)
        whole = await ready_file(node, alice, picture())
        missing, damaged, bare = [await ready_file(node, alice, picture()) for _ in range(3)]
        paths = [disk_of(node).path(one) for one in (whole, missing, damaged)]
        thumbnail = disk_of(node).thumbnail_path(bare)

    assert done(storage.settings, "files", "verify").startswith("4 files are whole, 0 missing")

    paths[0].with_name(f"{'0' * 32}").write_bytes(b"of no file")
    paths[1].unlink()
    paths[2].write_bytes(b"other bytes")
    thumbnail.unlink()
    ran = shell(storage.settings, "files", "verify")

    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    assert {f"missing  {missing}", f"missing  {bare}", f"damaged  {damaged}"} == set(lines[:3])
    assert lines[3] == ("1 files are whole, 2 missing, 1 damaged; 1 beside them are no file's.")


async def test_files_in_s3_are_compared_with_their_digests(
    storage: Storage, bucket: TestBucket
) -> None:
    settings = {**storage.settings, **bucket.settings()}
    with bucket.used():
        async with open_node(storage) as node:
            alice = await new_user(node)
            damaged, missing, _ = [await ready_file(node, alice) for _ in range(3)]
    bucket.put(f"{damaged.hex[-2:]}/{damaged.hex}", b"other bytes")
    bucket.delete(f"{missing.hex[-2:]}/{missing.hex}")
    bucket.put(f"00/{'0' * 32}", b"of no file")

    ran = shell(settings, "files", "verify")
    # A port where nobody listens.
    away = refused({**settings, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "files", "verify")

    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    assert {f"missing  {missing}", f"damaged  {damaged}"} == set(lines[:2])
    assert lines[2] == ("1 files are whole, 1 missing, 1 damaged; 1 beside them are no file's.")
    assert away == "Error: CHAT_FILES_URL: S3: no answer"


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
        path = disk_of(node).path(await avatar_of(node, user))

    assert done(storage.settings, "files", "verify").startswith("1 files are whole, 0 missing")

    path.write_bytes(b"other bytes")
    ran = shell(storage.settings, "files", "verify")

    assert ran.returncode == 1
    assert f"damaged  {UUID(path.name)}" in ran.stdout.splitlines()


async def avatar_of(node: Node, user: OwnUser) -> UUID:
    """Return the file of the avatar of a user."""
    return await avatar_file(node.database, avatar=str(user.avatar_url).rpartition("/")[2])
