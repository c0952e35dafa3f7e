"""The indexer: what is in the index after it has followed the log, or has begun anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text as sql

from chat_app.archive import service
from chat_app.conversations.groups.schemas import GroupRequest
from chat_app.core.maintenance import Maintenance
from chat_app.node.node import Node
from chat_app.node.parts import JOBS
from chat_app.realtime.shapes import Message
from chat_app.search import indexer, words
from chat_app.search.embedded.store import index_file
from chat_app.search.indexer import Indexer
from chat_app.search.rebuild import open_index
from tests.harness.archives import UNWATCHED
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_node, settings_of, to_conversation, to_user
from tests.harness.searches import all_found, until_indexed
from tests.harness.shells import done

# Messages that are stored at one moment, and more.
AT_ONCE, BATCH_SIZE = 5, 7


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the nodes of a test fill no index."""
    monkeypatch.setattr(Indexer, "start", lambda *_: None)


@asynccontextmanager
async def indexer_of(node: Node) -> AsyncIterator[Indexer]:
    """Yield an indexer beside the node's own."""
    async with open_index(node.database) as index:
        yield Indexer(database=node.database, index=index)


async def until_last(one: Indexer) -> int:
    """Do all the steps there are; return how many messages they put into the index."""
    documents = 0
    while True:
        step = await one.step()
        documents += step.documents
        if step.is_last:
            return documents


async def written(node: Node, *, count: int = 12) -> list[Message]:
    """Write messages of one word between two users, and change two of them."""
    alice, bob = await new_user(node), await new_user(node)
    first = (await node.messages.send(to_user(alice, bob, "word 0"))).message
    sent: list[Message] = []
    for start in range(1, count, AT_ONCE):
        texts = [f"word {number}" for number in range(start, min(start + AT_ONCE, count))]
        some = (to_conversation(alice, first.conversation_id, content) for content in texts)
        stored = await asyncio.gather(*map(node.messages.send, some))
        sent += sorted((one.message for one in stored), key=lambda message: message.seq)
    edited = await node.messages.edit(actor_id=alice, message_id=first.id, content="word anew")
    last = sent.pop()
    await node.messages.delete(actor_id=last.sender_id, message_id=last.id)
    return [edited, *sent]


async def ids_found(node: Node, viewer_id: UUID, text: str = "word") -> list[UUID]:
    return [one.message.id for one in await all_found(node, viewer_id, text)]


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("batch_size", [BATCH_SIZE, 500])
async def test_messages_are_found_newest_first_however_they_came_into_the_index(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    monkeypatch.setattr(indexer, "BATCH_SIZE", batch_size)
    async with open_node(storage) as node, indexer_of(node) as one:
        assert await until_last(one) == 0
        messages = await written(node)
        viewer = messages[0].sender_id
        newest_first = [message.id for message in messages[::-1]]
        assert await ids_found(node, viewer) == []

        await until_last(one)
        assert await ids_found(node, viewer) == newest_first
        assert await until_last(one) == 0

        await one.begin_anew()
        assert await until_last(one) == len(messages) + 1
        assert await ids_found(node, viewer) == newest_first
        assert await ids_found(node, viewer, "anew") == [messages[0].id]


@pytest.mark.usefixtures("by_hand")
async def test_an_index_that_has_missed_entries_is_built_anew(storage: Storage) -> None:
    async with open_node(storage) as node, indexer_of(node) as one:
        messages = await written(node)
        await until_last(one)
        more = await written(node)
        async with node.database.transaction() as connection:
            await connection.execute(sql("DELETE FROM change_log"))
        last = await written(node)
        await until_last(one)

        for some in (messages, more, last):
            wanted = [message.id for message in some[::-1]]
            assert await ids_found(node, some[0].sender_id) == wanted


@pytest.mark.usefixtures("by_hand")
async def test_an_index_of_other_words_is_built_anew(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_node(storage) as node, indexer_of(node) as one:
        messages = await written(node)
        await until_last(one)
        monkeypatch.setattr(words, "VERSION", words.VERSION + 1)

        assert await until_last(one) == len(messages) + 1
        assert len(await ids_found(node, messages[0].sender_id)) == len(messages)


@pytest.mark.usefixtures("by_hand")
async def test_two_processes_that_fill_one_index_put_each_message_there_once(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "BATCH_SIZE", BATCH_SIZE)
    async with open_node(storage) as node, indexer_of(node) as one, indexer_of(node) as other:
        written_before = await written(node, count=40)
        await asyncio.gather(one.begin_anew(), other.begin_anew())
        await asyncio.gather(until_last(one), until_last(other))
        written_after = await written(node, count=40)
        await asyncio.gather(until_last(one), until_last(other))

        for messages in (written_before, written_after):
            wanted = [message.id for message in messages[::-1]]
            assert await ids_found(node, messages[0].sender_id) == wanted


async def test_a_restored_chat_is_searched_as_it_was_then(storage: Storage, tmp_path: Path) -> None:
    file, settings = tmp_path / "chat.backup", settings_of(storage)
    async with open_node(storage) as node:
        messages = await written(node)
    await service.backup(settings, file, progress=UNWATCHED)
    async with open_node(storage) as node:
        viewer, peer = messages[0].sender_id, messages[0].receiver_id
        assert peer is not None
        await node.messages.send(to_user(viewer, peer, "word of later"))
        await until_indexed(node, one=viewer, other=peer)
    await service.restore(settings, file, replace=True, progress=UNWATCHED)
    async with open_node(storage) as node:
        await until_indexed(node, one=viewer, other=peer)

        assert await ids_found(node, viewer) == [message.id for message in messages[::-1]]
        assert await ids_found(node, viewer, "later") == []


async def test_the_shell_builds_the_index_anew_while_a_node_runs(storage: Storage) -> None:
    async with open_node(storage) as node:
        messages = await written(node)
        viewer, peer = messages[0].sender_id, messages[0].receiver_id
        assert peer is not None
        await until_indexed(node, one=viewer, other=peer)

        output = await asyncio.to_thread(done, storage.settings, "reindex")

        await until_indexed(node, one=viewer, other=peer)
        assert "the search has them all" in output
        assert await ids_found(node, viewer) == [message.id for message in messages[::-1]]


@pytest.mark.parametrize("pair", ["sqlite+memory"], indirect=True)
async def test_a_lost_or_damaged_file_is_made_anew(storage: Storage) -> None:
    database = Path(storage.folder) / "chat.db"
    file = index_file(database)
    async with open_node(storage) as node:
        messages = await written(node)
        viewer, peer = messages[0].sender_id, messages[0].receiver_id
    assert peer is not None
    assert file.name == "search.db"
    assert file.stat().st_mode & 0o077 == 0
    for content in (None, b"", b"no database", b"SQLite format 3\x00" + bytes(5000)):
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        async with open_node(storage) as node:
            await until_indexed(node, one=viewer, other=peer)
            assert await ids_found(node, viewer) == [message.id for message in messages[::-1]]


async def test_a_search_that_cannot_be_filled_leaves_the_chat_ready(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_indexer: Indexer) -> None:
        message = uuid4().hex
        raise RuntimeError(message)

    monkeypatch.setattr(Indexer, "step", fail)
    async with open_node(storage) as node:
        sent = await written(node)

        assert len(sent) > 0
        assert node.supervisor.failing() == []


@pytest.mark.parametrize("pair", ["postgres+redis"], indirect=True)
async def test_entries_of_a_deleted_group_go_with_it(storage: Storage) -> None:
    async with open_node(storage) as node:
        messages = await written(node)
        viewer, peer = messages[0].sender_id, messages[0].receiver_id
        assert peer is not None
        group = await node.groups.create(
            actor_id=viewer, data=GroupRequest(kind="group", title="Group", member_ids=[peer])
        )
        for number in range(3):
            await node.messages.send(to_conversation(viewer, group.id, f"word {number}"))
        await until_indexed(node, one=viewer, other=peer)
        await node.groups.delete(actor_id=viewer, conversation_id=group.id)

        removed = await Maintenance(node.database, JOBS).remove_expired()

        assert removed["search_entries"] == 3
        assert await ids_found(node, viewer) == [message.id for message in messages[::-1]]


async def test_an_indexer_reads_the_log_only_when_there_may_be_something_new(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "INTERVAL_S", 0.01)
    monkeypatch.setattr(indexer, "PAUSE_S", 0.01)
    monkeypatch.setattr(indexer, "IDLE_S", 3_600.0)
    steps: list[None] = []
    original = Indexer.step

    async def counted(one: Indexer) -> indexer.Step:
        steps.append(None)
        return await original(one)

    monkeypatch.setattr(Indexer, "step", counted)
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await until_indexed(node, one=alice, other=bob)
        # The tail may have something of this still to read.
        await node.tail.caught_up()
        await asyncio.sleep(0.3)
        before = len(steps)
        await asyncio.sleep(0.5)
        assert len(steps) == before

        # An own message, of which nobody is woken.
        sent = (await node.messages.send(to_user(alice, bob, "unmistakable"))).message
        async with asyncio.timeout(PATIENCE_S):
            while await ids_found(node, bob, "unmistakable") != [sent.id]:
                await asyncio.sleep(0.02)
