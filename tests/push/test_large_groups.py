"""Pushes of a large group hold the event loop for five milliseconds at most in one piece."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update

from chat_app.accounts.schemas import Device
from chat_app.accounts.store import open_session
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models import Conversation, Member, PushedConversation, PushSubscription, User
from chat_app.node.node import Node
from chat_app.push import delivery
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.loop_holds import LONGEST_S, ServedNode, longest_piece
from tests.harness.nodes import new_users, settings_of, to_conversation
from tests.harness.push import Browser

SIZE = 1_000
TEXT = "\N{GRINNING FACE}" * 8_000


async def make_group(node: Node) -> tuple[UUID, list[UUID]]:
    """Make a group of which all members have a device and want texts."""
    people = await new_users(node, SIZE)
    group = Conversation(
        id=new_id(),
        kind="group",
        title="Garden",
        members_count=SIZE,
        created_by=people[0],
        updated_at=utc_now(),
        changed_at=utc_now(),
    )
    browser = Browser("phone", "https://93.184.216.34/push")
    keys = browser.subscription["keys"]
    async with node.database.writing() as session:
        sessions = [
            open_session(
                session, user_id=one, device=Device("one", "::1"), lifetime=timedelta(days=1)
            )[0]
            for one in people
        ]
        session.add(group)
        await session.flush()
        await session.execute(
            insert(Member),
            [
                Member(conversation_id=group.id, user_id=one, opened=True).model_dump()
                for one in people
            ],
        )
        await session.execute(
            insert(PushSubscription),
            [
                PushSubscription(
                    session_id=session_id,
                    user_id=one,
                    endpoint=browser.endpoint,
                    endpoint_hash=session_id.hex,
                    **keys,
                ).model_dump()
                for one, session_id in zip(people, sessions, strict=True)
            ],
        )
        await session.execute(update(User).values(push_preview=True))
    return group.id, people


async def until_pushed(node: Node, count: int) -> None:
    """Wait until devices of so many members may show a conversation."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with node.database.reading() as session:
                if count == await session.scalar(
                    select(func.count()).select_from(PushedConversation)
                ):
                    return
            await asyncio.sleep(0.02)


async def test_no_push_of_a_large_group_holds_the_event_loop(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of them wait, and nothing is sent.
    monkeypatch.setattr(delivery, "MAX_AT_ONCE", 0)
    with ServedNode(settings_of(storage)) as served:
        node = served.node
        group_id, (sender, *readers) = await served.run(make_group(node))

        async def push_and_withdraw() -> None:
            sent = (await node.messages.send(to_conversation(sender, group_id, TEXT))).message
            await until_pushed(node, len(readers))
            marks = [
                await node.conversations.submit_mark(
                    actor_id=one, conversation_id=group_id, seq=sent.seq
                )
                for one in readers
            ]
            await asyncio.gather(*marks)
            await until_pushed(node, 0)

        longest_s = await longest_piece(served, lambda: served.run(push_and_withdraw()))

    assert longest_s <= LONGEST_S
