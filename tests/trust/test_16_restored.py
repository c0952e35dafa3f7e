"""A backup restored under clients that know the future (trust 16): `reset`, never a hole."""

import asyncio
from pathlib import Path

import pytest

from tests.harness.chats import StartChat
from tests.harness.clients import Json, Socket, log_in, register
from tests.harness.shells import done


@pytest.mark.parametrize("knows_generation", [True, False])
async def test_cursors_of_before_a_restore_are_answered_by_reset(
    start_chat: StartChat, tmp_path: Path, *, knows_generation: bool
) -> None:
    chat = start_chat()
    alice, bob = await register(chat.url), await register(chat.url)
    first = await alice.write(bob, "before the backup")
    conversation_id = first["conversation_id"]
    file = tmp_path / "chat.backup"
    done(chat.settings, "backup", file)
    lost = await alice.write_all(bob, *(f"lost {number}" for number in range(5)))
    async with Socket.open(chat.url) as socket:
        await socket.send({"type": "auth", "content": bob.access_token})
        generation = (await socket.expect("ready"))["generation"]
    await asyncio.to_thread(chat.end)
    done(chat.settings, "restore", file, "--replace", "--yes")
    chat.launch()
    await asyncio.to_thread(chat.wait_until_ready)

    # A backup has no sign-ins.
    alice, bob = [await log_in(chat.url, person) for person in (alice, bob)]
    await alice.write_all(bob, *(f"new {number}" for number in range(3)))
    resume: Json = {"type": "resume", "cursors": {conversation_id: lost[-1]["rev"]}}
    if knows_generation:
        resume["generation"] = generation
    async with bob.socket() as socket:
        await socket.send(resume)
        reset = await socket.expect("reset")
        await socket.expect("resumed")

    assert (reset["conversation_id"], reset["last_seq"]) == (conversation_id, 4)
    texts = [one["content"] for one in await bob.whole_history(alice)]
    assert texts == ["before the backup", "new 0", "new 1", "new 2"]
