"""The delivery of pushes: a new look at those that have waited, and the share of each user."""

import asyncio
import time

import pytest

from chat_app.conversations.groups.schemas import MembershipRequest
from chat_app.node.node import Node
from chat_app.push import delivery
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_user
from tests.harness.push import PushServer, Received
from tests.harness.subscribers import (
    Reader,
    reader_of,
    send,
    sign_in,
    subscribe,
    until_outcome,
    until_waiting,
)

pytestmark = pytest.mark.usefixtures("patient_delivery")


async def keep_busy(node: Node, service: PushServer, reader: Reader) -> None:
    """Keep the subscription of a reader busy with a push whose answer is held back."""
    service.may_answer.clear()
    before = len(service.received)
    await send(node, to_user(await new_user(node, "Tomas"), reader.id))
    await service.until(lambda: len(service.received) > before)


async def go_on(service: PushServer) -> None:
    """Let the subscription take what has waited for longer than a push stays fresh."""
    await asyncio.sleep(delivery.FRESH_S + 0.1)
    service.may_answer.set()


async def test_a_waiting_push_is_not_sent_to_a_session_that_has_ended(
    node: Node, service: PushServer
) -> None:
    mira = await reader_of(node, service)
    await mira.change(push_preview=True)
    await keep_busy(node, service, mira)
    await send(node, to_user(await new_user(node, "Zoe"), mira.id, "a secret"))
    await until_waiting(node, 1)

    await node.accounts.logout(mira.identity)
    await go_on(service)

    await until_outcome(node, "outdated")
    assert len(service.received) == 1


async def test_a_waiting_push_has_no_text_where_it_is_not_wanted_any_more(
    node: Node, service: PushServer
) -> None:
    mira = await reader_of(node, service)
    await mira.change(push_preview=True)
    await keep_busy(node, service, mira)
    sent = await send(node, to_user(await new_user(node, "Zoe"), mira.id, "a secret"))
    await until_waiting(node, 1)

    await mira.change(push_preview=False)
    await go_on(service)

    [_, content] = await service.next_for("phone", 2)
    assert content["message_id"] == sent
    assert content.keys().isdisjoint({"title", "body"})


async def test_a_waiting_push_is_not_sent_after_a_mute(node: Node, service: PushServer) -> None:
    mira = await reader_of(node, service)
    await keep_busy(node, service, mira)
    sent = (await node.messages.send(to_user(await new_user(node), mira.id))).message
    await until_waiting(node, 1)

    await node.groups.change_membership(
        actor_id=mira.id,
        conversation_id=sent.conversation_id,
        data=MembershipRequest(muted_until="forever"),
    )
    await go_on(service)

    await until_outcome(node, "outdated")
    assert len(service.received) == 1


async def test_a_waiting_push_has_the_text_of_an_edit(node: Node, service: PushServer) -> None:
    mira = await reader_of(node, service)
    await mira.change(push_preview=True)
    await keep_busy(node, service, mira)
    tomas = await new_user(node)
    sent = (await node.messages.send(to_user(tomas, mira.id, "a slip"))).message
    await until_waiting(node, 1)

    await node.messages.edit(actor_id=tomas, message_id=sent.id, content="as meant")
    await go_on(service)

    [_, content] = await service.next_for("phone", 2)
    assert content["body"] == "as meant"


async def test_a_waiting_push_of_a_deleted_message_is_dropped(
    node: Node, service: PushServer
) -> None:
    mira = await reader_of(node, service)
    tomas = await new_user(node)
    # Also where something else is unread.
    await send(node, to_user(tomas, mira.id))
    await service.next_for("phone")
    await keep_busy(node, service, mira)
    sent = (await node.messages.send(to_user(tomas, mira.id, "a slip"))).message
    await until_waiting(node, 1)

    await node.messages.delete(actor_id=tomas, message_id=sent.id)
    await until_waiting(node, 0)


@pytest.mark.parametrize("pair", ["postgres+redis"], indirect=True)
async def test_a_waiting_push_of_a_message_that_another_node_has_deleted_is_not_sent(
    storage: Storage, service: PushServer
) -> None:
    async with open_node(storage) as near, open_node(storage) as far:
        mira = await reader_of(near, service)
        tomas = await new_user(near)
        await send(near, to_user(tomas, mira.id))
        await service.next_for("phone")
        await keep_busy(near, service, mira)
        sent = (await near.messages.send(to_user(tomas, mira.id))).message
        await until_waiting(near, 1)

        await far.messages.delete(actor_id=tomas, message_id=sent.id)
        await go_on(service)
        await until_outcome(near, "outdated")


@pytest.mark.parametrize("pair", ["postgres+redis"], indirect=True)
async def test_a_waiting_push_is_not_sent_after_another_node_has_stored_a_mark(
    storage: Storage, service: PushServer
) -> None:
    async with open_node(storage) as near, open_node(storage) as far:
        mira = await reader_of(near, service)
        await keep_busy(near, service, mira)
        sent = (await near.messages.send(to_user(await new_user(near), mira.id))).message
        await until_waiting(near, 1)

        await far.conversations.mark_read(
            actor_id=mira.id, conversation_id=sent.conversation_id, seq=sent.seq
        )
        await go_on(service)
        await until_outcome(near, "outdated")


async def test_a_waiting_withdrawal_is_not_sent_to_a_session_that_has_ended(
    node: Node, service: PushServer
) -> None:
    mira = await reader_of(node, service)
    await subscribe(node, service, await sign_in(node, mira.id), "tablet")
    sent = (await node.messages.send(to_user(await new_user(node), mira.id))).message
    for name in ("phone", "tablet"):
        await service.next_for(name)
    await keep_busy(node, service, mira)
    await node.conversations.mark_read(
        actor_id=mira.id, conversation_id=sent.conversation_id, seq=sent.seq
    )
    await until_waiting(node, 2)

    await node.accounts.logout(mira.identity)
    await go_on(service)

    await until_outcome(node, "outdated")
    contents = await service.next_for("tablet", 3)
    assert contents[2]["type"] == "read"
    assert len(service.contents("phone")) == 2


async def test_a_user_has_two_pushes_under_way_and_others_go_on(
    node: Node, service: PushServer
) -> None:
    mira = await reader_of(node, service, "phone-0")
    names = [f"phone-{number}" for number in range(5)]
    for name in names[1:]:
        await subscribe(node, service, await sign_in(node, mira.id), name)
    other = await reader_of(node, service, "other")
    service.may_answer.clear()

    await send(node, to_user(await new_user(node), mira.id))
    await until_waiting(node, 3)
    await send(node, to_user(await new_user(node), other.id))
    await service.next_for("other")
    await service.until(lambda: len(service.received) == 3)
    service.may_answer.set()

    for name in names:
        await service.next_for(name)


async def test_a_full_service_of_one_user_leaves_room_for_others(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_WAITING_OF_USER", 2)
    mira, other = await reader_of(node, service), await reader_of(node, service, "other")
    await keep_busy(node, service, mira)

    for _ in range(3):
        await send(node, to_user(await new_user(node), mira.id))
    await until_outcome(node, "dropped")
    await send(node, to_user(await new_user(node), other.id))
    await service.next_for("other")
    service.may_answer.set()

    assert len(await service.next_for("phone", 3)) == 3


async def test_a_new_message_makes_no_pause_of_a_failing_subscription_shorter(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.1)
    mira = await reader_of(node, service)
    tomas = await new_user(node)
    times: list[float] = []

    def refuse(_request: Received) -> str:
        times.append(time.monotonic())
        return "503 Busy\r\nRetry-After: 0"

    service.answer = refuse
    await send(node, to_user(tomas, mira.id))
    await service.next_for("phone", 4)

    last = await send(node, to_user(tomas, mira.id))
    await service.until(lambda: service.contents("phone")[-1]["message_id"] == last)
    ids = [one["message_id"] for one in service.contents("phone")]
    after = ids.index(last)
    await service.next_for("phone", after + 2)

    # The fifth failure, or a later one.
    assert times[after + 1] - times[after] >= 0.8
