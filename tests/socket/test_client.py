"""The client of the documents: every message once and in order on every device."""

import asyncio
import contextlib
import random
import signal
import sqlite3
from pathlib import Path
from uuid import uuid4

import pytest

from chaos.proxy import Link, Network
from docs.client import Client, Json, Refused
from tests.harness.clients import PATIENCE_S, Person, log_in, register
from tests.harness.devices import device, until
from tests.harness.servers import ChatServer

MOST_CHANGES = 500


def network(chat: ChatServer) -> Network:
    return Network(lambda: [chat.port], random.Random(1))  # noqa: S311  # chance, not secrecy


async def test_every_device_of_both_gets_every_message_once(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with (
        device(chat.url, alice) as phone,
        device(chat.url, alice) as laptop,
        device(chat.url, bob) as peer,
    ):
        await phone.client.send("one", receiver_id=bob.id)
        await laptop.client.send("two", receiver_id=bob.id)
        await peer.client.send("three", receiver_id=alice.id)
        for one in (phone, laptop, peer):
            await one.until("one", "two", "three")


async def test_messages_keep_the_order_of_the_calls(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    texts = [f"number {number}" for number in range(50)]
    async with device(chat.url, alice) as phone, device(chat.url, bob) as peer:
        await asyncio.gather(*(phone.client.send(text, receiver_id=bob.id) for text in texts))
        await peer.until(*texts)
        await phone.until(*texts)


async def test_a_killed_server_loses_nothing(restartable_chat: ChatServer) -> None:
    chat = restartable_chat
    alice, bob = await register(chat.url), await register(chat.url)
    texts = [f"number {number}" for number in range(60)]
    async with device(chat.url, alice) as phone, device(chat.url, bob) as peer:
        sends = [asyncio.create_task(phone.client.send(text, receiver_id=bob.id)) for text in texts]
        await until(lambda: len(peer.received) > 5)
        await chat.restart_aside(with_signal=signal.SIGKILL)
        acked = await asyncio.gather(*sends)

        await peer.until(*texts)
        await phone.until(*texts)
    assert [message["seq"] for message in acked] == list(range(1, len(texts) + 1))


async def test_a_message_with_a_lost_ack_is_sent_again(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with (
        Link.open(network(chat)) as link,
        device(link.url, alice) as phone,
        device(chat.url, bob) as peer,
    ):
        first = await phone.client.send("before", receiver_id=bob.id)
        link.cut_at_the_answer()
        message = await phone.client.send("in between", receiver_id=bob.id)
        await phone.client.send("afterwards", receiver_id=bob.id)

        await peer.until("before", "in between", "afterwards")
        await phone.until("before", "in between", "afterwards")
    assert message["seq"] == first["seq"] + 1


async def test_missed_messages_arrive_after_a_reconnect(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with device(chat.url, bob) as peer:
        await alice.write(bob, "while here")
        await peer.until("while here")
    await alice.write_all(bob, "while away", "and one more")
    async with device(chat.url, bob, peer.client.cursors) as again:
        await again.until("while away", "and one more")


async def test_a_device_that_missed_too_much_reads_page_by_page(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with device(chat.url, bob) as peer:
        await alice.write(bob, "while here")
        await peer.until("while here")
    texts = [f"number {number}" for number in range(MOST_CHANGES + 20)]
    await alice.write_fast(bob, *texts)
    async with device(chat.url, bob, peer.client.cursors) as again:
        await again.until(*texts)
        await alice.write(bob, "live")
        await again.until(*texts, "live")


async def test_edits_and_deletions_arrive_live(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with device(chat.url, bob) as peer:
        message = await alice.write(bob, "frist")
        await peer.until("frist")
        await alice.http.patch(f"/api/messages/{message['id']}", json={"content": "first"})
        await peer.until("frist", "first")
        await alice.http.delete(f"/api/messages/{message['id']}")
        await until(lambda: len(peer.received) > 2)

    assert peer.received[2]["deleted_at"]
    assert [message["rev"] for message in peer.received] == [1, 2, 3]


async def test_changes_that_others_replaced_leave_no_hole(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    """Skip the revs of replaced changes: a client that waits for them waits for ever."""
    first, _, third = await alice.write_all(bob, "one", "two", "three")
    for text in ("1", "I", "first"):
        await alice.http.patch(f"/api/messages/{first['id']}", json={"content": text})
    await alice.http.patch(f"/api/messages/{third['id']}", json={"content": "third"})
    async with device(chat.url, bob) as peer:
        await peer.until("two", "first", "third")
        await alice.write(bob, "four")
        await peer.until("two", "first", "third", "four")

    assert [message["rev"] for message in peer.received] == [2, 6, 7, 8]


async def test_changes_missed_before_a_removal_are_not_skipped_after_a_return() -> None:
    received: list[Json] = []
    client = Client("http://nowhere", {}, on_message=received.append)
    client.cursors = {"group": 1}

    async def receive(rev: int) -> None:
        message = {"conversation_id": "group", "rev": rev}
        await client._receive({"type": "message.created", "message": message})

    # The second change is lost. When the client asks for it, its user has been removed.
    await receive(3)
    client.resume_id, client.newest = "asked", {"group": 3}
    removed = {"type": "conversation.removed", "conversation_id": "group", "reason": "removed"}
    await client._receive(removed)
    await client._receive({"type": "resumed", "id": "asked"})
    assert received == []

    await receive(5)
    client.resume_id, client.newest = "asked again", {"group": 5}
    for rev in (2, 3, 4):
        await receive(rev)
    await client._receive({"type": "resumed", "id": "asked again"})

    assert [one["rev"] for one in received] == [2, 3, 4, 5]


async def test_a_removal_while_away_skips_nothing_after_a_return(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    group = (await alice.make_group(bob, history="all"))["id"]
    members = f"/api/conversations/{group}/members"
    second = await alice.write_in(group, "two")
    await alice.http.delete(f"{members}/{bob.id}")
    async with device(chat.url, bob) as peer:
        # The second change has arrived before the first one, and then the link broke.
        peer.client.pending[group][2] = second
        await until(lambda: peer.client.generation and not peer.client.pending)
        assert peer.received == []

        await alice.http.post(members, json={"user_ids": [bob.id]})
        await alice.write_in(group, "five")
        await until(lambda: len(peer.received) == 5)

    assert [message["rev"] for message in peer.received] == [1, 2, 3, 4, 5]


async def test_a_restored_database_is_replayed(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    """Discard a cursor that is ahead of the restored database: waiting for it hides messages."""
    message = await alice.write(bob, "what the backup has")
    async with device(chat.url, bob, {message["conversation_id"]: 7}) as peer:
        await peer.until("what the backup has")
        await alice.write(bob, "and goes on")
        await peer.until("what the backup has", "and goes on")


async def test_a_restored_database_that_has_overtaken_the_cursor_is_replayed(
    chat: ChatServer, alice: Person, bob: Person, tmp_path: Path
) -> None:
    """Remember the generation with the cursors: their revs are of other messages by now."""
    file = str(tmp_path / "bob.db")
    sent = await alice.write_all(bob, "one", "two", "three")
    async with device(chat.url, bob, file=file) as peer:
        await peer.until("one", "two", "three")
        await until(lambda: peer.client.generation)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as stored:
        # As if a backup without these three had been restored, and three others written since.
        stored.execute("UPDATE generation SET name = ?", (str(uuid4()),))

    async with device(chat.url, bob, file=file) as peer:
        await peer.until("one", "two", "three")
        await alice.write(bob, "four")
        await peer.until("one", "two", "three", "four")
    async with device(chat.url, bob, file=file) as peer:
        await alice.write(bob, "five")
        await peer.until("five")
    assert [one["rev"] for one in sent] == [1, 2, 3]


async def test_a_refused_message_does_not_delay_the_next(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with device(chat.url, alice) as phone, device(chat.url, bob) as peer:
        sends = [
            phone.client.send(text, receiver_id=bob.id) for text in ("one", "x" * 8_001, "three")
        ]
        _, refused, _ = await asyncio.gather(*sends, return_exceptions=True)
        assert isinstance(refused, Refused)
        assert str(refused).startswith("invalid: ")
        await peer.until("one", "three")


async def test_the_same_client_id_is_the_same_message(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with device(chat.url, alice) as phone, device(chat.url, alice) as laptop:
        one, again = await asyncio.gather(
            phone.client.send("once", client_id="the-same", receiver_id=bob.id),
            laptop.client.send("once", client_id="the-same", receiver_id=bob.id),
        )
        assert one == again
        with pytest.raises(Refused, match="idempotency_conflict"):
            await laptop.client.send("other", client_id="the-same", receiver_id=bob.id)
        await phone.until("once")


async def test_the_client_signs_in_again_after_its_session_ends(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with device(chat.url, alice) as phone:
        await phone.client.send("one", receiver_id=bob.id)
        async with device(chat.url, await log_in(chat.url, bob)) as peer:
            await peer.until("one")
            await phone.client.call("/api/auth/logout", {})
            await phone.client.send("two", receiver_id=bob.id)
            await peer.until("one", "two")
        await phone.until("one", "two")


async def test_a_wrong_password_is_refused_to_the_client(chat: ChatServer, alice: Person) -> None:
    sign_in = {"username": alice.username, "password": "not the password"}
    client = Client(chat.url, sign_in, on_message=print)
    with pytest.raises(Refused, match="invalid_credentials"):
        async with asyncio.timeout(PATIENCE_S):
            await client.run()


async def test_the_client_waits_for_a_chat_that_is_down(restartable_chat: ChatServer) -> None:
    chat = restartable_chat
    alice, bob = await register(chat.url), await register(chat.url)
    await asyncio.to_thread(chat.end)
    async with device(chat.url, alice) as phone:
        sending = asyncio.create_task(phone.client.send("early", receiver_id=bob.id))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(sending), 1)
        assert not sending.done()
        await chat.restart_aside()
        assert (await sending)["content"] == "early"
        await phone.until("early")


async def test_unacked_messages_are_sent_after_a_crash_of_the_program(
    restartable_chat: ChatServer, tmp_path: Path
) -> None:
    chat = restartable_chat
    alice, bob = await register(chat.url), await register(chat.url)
    file, texts = str(tmp_path / "alice.db"), ["one", "two", "x" * 8_001, "three"]
    await asyncio.to_thread(chat.end)
    async with device(chat.url, alice, file=file) as phone:
        sends = [asyncio.create_task(phone.client.send(text, receiver_id=bob.id)) for text in texts]
        await asyncio.sleep(0)
        for send in sends:
            send.cancel()
        await asyncio.gather(*sends, return_exceptions=True)
    await chat.restart_aside()

    async with device(chat.url, alice, file=file) as again, device(chat.url, bob) as peer:
        await peer.until("one", "two", "three")
        await again.until("one", "two", "three")
        await again.client.send("four", receiver_id=bob.id)
        await peer.until("one", "two", "three", "four")


async def test_handled_messages_are_remembered_after_a_crash_of_the_program(
    chat: ChatServer, alice: Person, bob: Person, tmp_path: Path
) -> None:
    file = str(tmp_path / "bob.db")
    async with device(chat.url, bob, file=file) as peer:
        await alice.write(bob, "while here")
        await peer.until("while here")
    await alice.write(bob, "while away")
    async with device(chat.url, bob, file=file) as again:
        await again.until("while away")


async def test_a_temporary_refusal_is_retried(refilling_chat: ChatServer) -> None:
    """Retry after a temporary refusal, such as a rate limit."""
    chat = refilling_chat
    alice, bob = await register(chat.url), await register(chat.url)
    texts = [f"number {number}" for number in range(12)]
    async with device(chat.url, alice) as phone, device(chat.url, bob) as peer:
        await asyncio.gather(*(phone.client.send(text, receiver_id=bob.id) for text in texts))
        await peer.until(*texts)


async def test_more_cursors_than_a_frame_holds_replay_nothing_else(
    alice: Person, bob: Person
) -> None:
    seen = await alice.write(bob, "seen")
    others = {str(uuid4()): 1 for _ in range(3_000)}
    cursors = {seen["conversation_id"]: seen["rev"], **others}
    await alice.write(bob, "missed")
    async with device(bob.url, bob, cursors) as his:
        await his.until("missed")
