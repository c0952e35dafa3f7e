"""Uploads that another request takes over: the slow one changes nothing any more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from uuid import UUID

import pytest
from sqlalchemy import update

from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.files.disk import LocalFile
from chat_app.files.errors import MoreThanAnnounced, UploadIsBusy, UploadNotFound
from chat_app.files.queries import upload_state
from chat_app.files.schemas import NewUpload
from chat_app.models.tables import FILES
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_node

GOOD = b"the good bytes"


async def one_chunk(data: bytes) -> AsyncIterator[bytes]:
    """Yield a body."""
    yield data


async def end_claims(node: Node, upload_id: UUID) -> None:
    """Let the claim of an upload be over."""
    over = update(FILES).where(FILES.c.id == upload_id).values(claimed_until=utc_now())
    await node.database.transact(lambda connection: connection.execute(over))


@pytest.mark.parametrize(
    ("rest", "errors"),
    [
        (b"EVIL BYTES", (UploadIsBusy, UploadNotFound)),
        (b"more than was announced", (MoreThanAnnounced,)),
    ],
    ids=["fitting", "too long"],
)
async def test_a_request_that_was_overtaken_changes_nothing(
    storage: Storage, rest: bytes, errors: tuple[type[AppError], ...]
) -> None:
    async with open_node(storage) as node:
        alice = await new_user(node)
        upload = await node.uploads.create(NewUpload(alice, "file.bin", len(GOOD)))
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield GOOD[:4]
            begun.set()
            await go_on.wait()
            yield rest

        async def receive(body: AsyncIterator[bytes]) -> None:
            await node.uploads.receive(owner_id=alice, upload_id=upload.id, offset=0, body=body)

        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            overtaken = group.create_task(raised_by(receive(slow())))
            await begun.wait()
            with pytest.raises(UploadIsBusy):
                await receive(one_chunk(GOOD))
            await end_claims(node, upload.id)
            await receive(one_chunk(GOOD))
            while (await upload_state(node.database, owner_id=alice, upload_id=upload.id))[
                0
            ].state != "ready":
                await asyncio.sleep(0.02)
            go_on.set()

        assert isinstance(overtaken.result(), errors)
        stored = await node.file_storage.open(upload.id)
        assert isinstance(stored, LocalFile)
        assert stored.path.read_bytes() == GOOD


async def raised_by(work: Awaitable[None]) -> AppError | None:
    """Return the error that ends some work."""
    try:
        await work
    except AppError as error:
        return error
    return None
