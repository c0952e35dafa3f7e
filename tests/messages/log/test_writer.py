"""The log writer: dense numbers, one message a `client_id`, answers after the commit only."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlmodel import col

from chat_app.conversations.errors import CannotMessage, ConversationNotFound, ReceiverIsSelf
from chat_app.conversations.queries import get_conversation
from chat_app.core.errors import NotFound, Unavailable
from chat_app.core.supervisor import Supervisor
from chat_app.messages.errors import IdempotencyConflict
from chat_app.messages.log import writer as log_writer
from chat_app.messages.log.writer import Committed, Published
from chat_app.messages.queries import direct_history, history
from chat_app.models import Message as MessageRow
from chat_app.node.node import Node
from chat_app.realtime.shapes import Message
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.groups import add_group
from tests.harness.nodes import delete_user, new_user, open_node, to_conversation, to_user


async def stored(node: Node, viewer_id: UUID, conversation_id: UUID) -> list[Message]:
    page = await history(
        node.database, viewer_id=viewer_id, conversation_id=conversation_id, after=0, limit=1000
    )
    return page.items


async def count(node: Node) -> int:
    async with node.database.reading() as session:
        return int((await session.execute(select(func.count(col(MessageRow.id))))).scalar_one())


async def test_parallel_sends_are_numbered_without_a_hole(storage: Storage) -> None:
    async with open_node(storage) as node:
        people = [await new_user(node) for _ in range(5)]
        groups = [
            await add_group(node, actor_id=people[0], title="group", member_ids=people)
            for _ in range(3)
        ]

        sent = await asyncio.gather(
            *(
                node.messages.send(to_conversation(sender, group, f"{turn}"))
                for turn in range(20)
                for group in groups
                for sender in people
            )
        )

        for group in groups:
            kept = await stored(node, people[0], group)
            acked = sorted(
                (s.message for s in sent if s.message.conversation_id == group),
                key=lambda message: message.seq,
            )
            assert [message.seq for message in kept] == list(range(1, 101))
            assert [message.rev for message in kept] == list(range(1, 101))
            assert kept == acked


async def test_two_nodes_share_one_numbering(storage: Storage) -> None:
    if not storage.database_url:
        # One process owns an embedded database; several nodes need a server.
        return
    async with open_node(storage) as one, open_node(storage) as other:
        alice, bob = await new_user(one), await new_user(one)

        sent = await asyncio.gather(
            *(one.messages.send(to_user(alice, bob)) for _ in range(100)),
            *(other.messages.send(to_user(bob, alice)) for _ in range(100)),
        )

        assert sorted(s.message.seq for s in sent) == list(range(1, 201))
        assert len({s.message.conversation_id for s in sent}) == 1


async def test_one_client_id_in_parallel_is_one_message(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        same = to_user(alice, bob, "once", key="k")

        sent = await asyncio.gather(*(node.messages.send(same) for _ in range(50)))

        assert len({s.message.id for s in sent}) == 1
        assert [s.replayed for s in sent].count(False) == 1
        assert await count(node) == 1


async def test_one_client_id_over_two_nodes_is_one_message(storage: Storage) -> None:
    if not storage.database_url:
        return  # as above: an embedded database has one process
    async with open_node(storage) as one, open_node(storage) as other:
        alice, bob = await new_user(one), await new_user(one)
        same = to_user(alice, bob, "once", key="k")

        sent = await asyncio.gather(
            *(node.messages.send(same) for _ in range(25) for node in (one, other))
        )

        assert len({s.message.id for s in sent}) == 1
        assert await count(one) == 1


@pytest.mark.parametrize("change", ["text", "receiver"])
async def test_a_used_client_id_takes_no_other_message(storage: Storage, change: str) -> None:
    async with open_node(storage) as node:
        alice, bob, carol = [await new_user(node) for _ in range(3)]
        await node.messages.send(to_user(alice, bob, "first", key="k"))
        other = {
            "text": to_user(alice, bob, "second", key="k"),
            "receiver": to_user(alice, carol, "first", key="k"),
        }[change]

        with pytest.raises(IdempotencyConflict):
            await node.messages.send(other)
        assert await count(node) == 1


async def test_a_client_id_belongs_to_its_sender(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)

        one = await node.messages.send(to_user(alice, bob, "from alice", key="k"))
        other = await node.messages.send(to_user(bob, alice, "from bob", key="k"))

        assert one.message.id != other.message.id
        assert not other.replayed


async def test_bad_sends_fail_alone_in_a_full_batch(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, carol, gone = [await new_user(node) for _ in range(4)]
        kept = await node.messages.send(to_user(alice, bob))
        await delete_user(node, gone)

        outcomes = await asyncio.gather(
            node.messages.send(to_user(alice, bob, "good")),
            node.messages.send(to_user(alice, alice)),
            node.messages.send(to_user(alice, uuid4())),
            node.messages.send(to_user(alice, gone)),
            node.messages.send(to_conversation(carol, kept.message.conversation_id)),
            node.messages.send(to_conversation(carol, uuid4())),
            node.messages.send(to_user(alice, bob, "good too")),
            return_exceptions=True,
        )

        kinds = [type(outcome).__name__ for outcome in outcomes]
        expected = (ReceiverIsSelf, NotFound, CannotMessage, *[ConversationNotFound] * 2)
        assert kinds == ["Sent", *(kind.__name__ for kind in expected), "Sent"]
        assert [m.seq for m in await stored(node, alice, kept.message.conversation_id)] == [1, 2, 3]


async def test_what_waits_is_stored_before_the_node_ends(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        waiting = [await node.messages.submit(to_user(alice, bob)) for _ in range(300)]

    assert all(future.done() and not future.exception() for future in waiting)
    with pytest.raises(Unavailable):
        await node.messages.send(to_user(alice, bob))


async def test_a_stuck_log_writer_can_be_closed(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "FLUSH_S", 0.1)
    stuck = asyncio.Event()

    class StuckPublisher:
        def publish(self, fresh: Sequence[Committed]) -> Published:
            return Published([], list(fresh))

        async def introduce(self, _unintroduced: Sequence[Committed]) -> None:
            stuck.set()
            await asyncio.get_running_loop().create_future()

    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        log = log_writer.MessageLog(node.database, StuckPublisher(), node.tail, node.broker)
        log.start(Supervisor())
        first = log.append(to_user(alice, bob))
        await stuck.wait()
        waits = log.append(to_user(alice, bob))
        async with asyncio.timeout(PATIENCE_S):
            await log.close()

        assert (await first).message.seq == 1, "stored is acked"
        with pytest.raises(Unavailable):
            await waits


async def test_a_send_moves_the_read_mark(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.messages.send(to_user(alice, bob))
        sent = await node.messages.send(to_user(bob, alice))

        page = await direct_history(node.database, viewer_id=bob, user_id=alice, online=node.online)
        async with node.database.reading() as session:
            view = await get_conversation(
                session,
                viewer_id=bob,
                conversation_id=sent.message.conversation_id,
                online=node.online,
            )
        assert (view.unread, view.last_read_seq) == (0, 2)
        assert [message.receiver_id for message in page.items] == [bob, alice]


async def test_a_locked_database_answers_unavailable_and_then_recovers(tmp_path: Path) -> None:
    storage = Storage("sqlite+memory", "", "", tmp_path)
    async with open_node(storage) as node, open_node(storage) as blocker:
        alice, bob = await new_user(node), await new_user(node)
        await node.messages.send(to_user(alice, bob, "before", key="before"))

        async with blocker.database.transaction():
            with pytest.raises(Unavailable):
                await node.messages.send(to_user(alice, bob, "during", key="during"))

        assert await count(node) == 1
        sent = await node.messages.send(to_user(alice, bob, "during", key="during"))
        assert (sent.message.seq, sent.replayed) == (2, False)


async def test_a_full_disk_answers_unavailable_and_stores_nothing(tmp_path: Path) -> None:
    async with open_node(Storage("sqlite+memory", "", "", tmp_path)) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.messages.send(to_user(alice, bob))
        async with node.database.engine.connect() as connection:
            pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()

        # The limit is a connection's own: it must be the one that the log writes with.
        await _limit_pages(node, int(pages))
        big = [to_user(alice, bob, "x" * 8000) for _ in range(20)]
        with pytest.raises(Unavailable):
            await asyncio.gather(*(node.messages.send(message) for message in big))
        before = await count(node)
        await _limit_pages(node, 1_000_000)

        sent = await node.messages.send(to_user(alice, bob))
        assert sent.message.seq == before + 1


async def _limit_pages(node: Node, pages: int) -> None:
    pragma = text(f"PRAGMA max_page_count={pages}")
    await node.database.transact(lambda connection: connection.execute(pragma).close())
