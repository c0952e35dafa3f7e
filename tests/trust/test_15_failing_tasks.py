"""Lasting tasks that throw again and again (trust 15): `ready` says so, and nothing is lost.

That each of them runs again is in tests/node/test_failing_tasks.py.
"""

import asyncio
import re

from tests.harness.chats import StartChat
from tests.harness.clients import Person, register

ROUNDS = 60
FAIL_WITHIN_S = "7"


async def failures(person: Person) -> int:
    """Return how many tasks have failed so far."""
    text = (await person.http.get("/api/metrics")).text
    found = re.findall(r'^chat_task_failures_total\{task="\w+"\} (\d+)', text, re.MULTILINE)
    return sum(map(int, found))


async def test_messages_arrive_while_every_task_throws(start_chat: StartChat) -> None:
    chat = start_chat(TEST_TASKS_FAIL_WITHIN_S=FAIL_WITHIN_S)
    alice, bob = await register(chat.url), await register(chat.url)
    sent = 0
    async with bob.socket() as receiver:
        async with asyncio.timeout(120):
            while sent < ROUNDS or await failures(alice) < ROUNDS // 4:
                await alice.write(bob, f"number {sent}")
                event = await receiver.expect("message.created")
                assert event["message"]["content"] == f"number {sent}"
                sent += 1
                await asyncio.sleep(0.1)
        ready = await alice.http.get("/api/health/ready")
        assert (ready.status_code, ready.json()["tasks"]) == (503, "failing")

    assert "is made to fail" in chat.log()
    assert [one["seq"] for one in await bob.whole_history(alice)] == list(range(1, sent + 1))
