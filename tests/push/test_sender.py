"""The push sender: which devices get a push, and what becomes of it at the push service."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from chat_app.conversations.groups.schemas import GroupRequest, MembershipRequest
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.models import Block, PushSubscription, User
from chat_app.node.node import Node
from chat_app.push import delivery, sender, store, visible_tabs
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_node, to_conversation, to_user
from tests.harness.push import PushServer
from tests.harness.statements import statements
from tests.harness.subscribers import reader_of, send, sign_in, subscribe, until_waiting


async def count_subscriptions(node: Node) -> int:
    async with node.database.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(PushSubscription)) or 0)


async def test_a_message_is_pushed_to_a_device_without_a_tab(
    node: Node, service: PushServer
) -> None:
    mira = await reader_of(node, service)
    tomas = await new_user(node, "Tomas")

    sent = (await node.messages.send(to_user(tomas, mira.id, "a secret"))).message

    [content] = await service.next_for("phone")
    assert content == {
        "type": "message",
        "conversation_id": str(sent.conversation_id),
        "message_id": str(sent.id),
        "unread": 1,
    }
    headers = service.received[0].headers
    assert headers["topic"] == sent.conversation_id.hex
    assert (headers["ttl"], headers["content-encoding"]) == ("86400", "aes128gcm")
    assert headers["authorization"].endswith(node.push_subscriptions.key().public_key)


async def test_a_chat_without_devices_looks_for_one_and_no_further(node: Node) -> None:
    tomas, mira = await new_user(node, "Tomas"), await new_user(node, "Mira")

    with statements() as asked:
        for text in ("first", "second"):
            await node.messages.send(to_user(tomas, mira, text))
            looks = sum("push_subscription" in one for one in asked)
            async with asyncio.timeout(PATIENCE_S):
                while sum("push_subscription" in one for one in asked) == looks:
                    await asyncio.sleep(0.01)

    about_push = {one for one in asked if "push" in one}
    assert len(about_push) == 1, about_push


async def test_the_text_is_in_a_push_only_where_it_is_wanted(
    node: Node, service: PushServer
) -> None:
    mira = await reader_of(node, service)
    await mira.change(push_preview=True)
    tomas = await new_user(node, "Tomas")
    group = await node.groups.create(
        actor_id=tomas,
        data=GroupRequest.model_validate(
            {"kind": "group", "title": "Garden", "member_ids": [str(mira.id)]}
        ),
    )

    await send(node, to_user(tomas, mira.id, "x" * 8_000))
    [direct] = await service.next_for("phone")
    await send(node, to_conversation(tomas, group.id, "Water it"))
    [_, grouped] = await service.next_for("phone", 2)

    assert (direct["title"], direct["body"][:3]) == ("Tomas", "xxx")
    assert len(direct["body"]) <= 300
    assert (grouped["title"], grouped["body"]) == ("Garden", "Tomas: Water it")


async def test_a_device_gets_no_push_that_is_not_for_it(node: Node, service: PushServer) -> None:
    mira = await reader_of(node, service)
    tomas, zoe = await new_user(node, "Tomas"), await new_user(node, "Zoe")
    ids = [str(mira.id), str(zoe)]
    data = {"kind": "group", "title": "Garden", "member_ids": ids}
    group = await node.groups.create(actor_id=tomas, data=GroupRequest.model_validate(data))
    async with node.database.writing() as session:
        session.add(Block(blocker_id=mira.id, blocked_id=zoe))
        name = (await session.get_one(User, mira.id)).username

    await send(node, to_user(mira.id, tomas, "my own"))
    await send(node, to_conversation(zoe, group.id, "from somebody blocked"))
    await node.groups.change_membership(
        actor_id=mira.id, conversation_id=group.id, data=MembershipRequest(muted_until="forever")
    )
    await send(node, to_conversation(tomas, group.id, "muted"))
    await send(node, to_conversation(tomas, group.id, "@all muted, too"))
    mention = await send(node, to_conversation(tomas, group.id, f"@{name} not muted"))

    [first] = await service.next_for("phone")
    assert first["message_id"] == mention
    last = await send(node, to_user(tomas, mira.id))
    contents = await service.next_for("phone", 2)
    assert [one["message_id"] for one in contents] == [mention, last]


async def test_quiet_hours_are_quiet(node: Node, service: PushServer) -> None:
    mira, zoe = await reader_of(node, service), await reader_of(node, service, "other")
    tomas = await new_user(node)
    data = {"kind": "group", "title": "Garden", "member_ids": [str(mira.id), str(zoe.id)]}
    group = await node.groups.create(actor_id=tomas, data=GroupRequest.model_validate(data))
    now = datetime.now(UTC)
    hours = {
        "from": (now - timedelta(hours=1)).strftime("%H:%M"),
        "to": (now + timedelta(hours=1)).strftime("%H:%M"),
        "time_zone": "UTC",
    }

    await mira.change(quiet_hours=hours)
    await send(node, to_conversation(tomas, group.id))
    # Both were looked at together.
    await service.next_for("other")
    await mira.change(quiet_hours=None)
    loud = await send(node, to_conversation(tomas, group.id))

    [content] = await service.next_for("phone")
    assert (content["message_id"], content["unread"]) == (loud, 2)


async def test_a_visible_tab_needs_no_push(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_tabs, "PAUSE_S", 0.01)
    mira = await reader_of(node, service)
    await subscribe(node, service, await sign_in(node, mira.id), "tablet")
    tomas = await new_user(node)

    node.visible_tabs.show("a tab", mira.identity.session_id)
    await visible(node, count=1)
    await send(node, to_user(tomas, mira.id))
    await service.next_for("tablet")
    node.visible_tabs.hide("a tab")
    await visible(node, count=0)
    hidden = await send(node, to_user(tomas, mira.id))

    [content] = await service.next_for("phone")
    assert content["message_id"] == hidden


async def visible(node: Node, *, count: int) -> None:
    """Wait until so many subscriptions have a visible tab."""
    is_visible = col(PushSubscription.visible_until) > utc_now()
    async with asyncio.timeout(30):
        while True:
            async with node.database.reading() as session:
                found = await session.scalar(
                    select(func.count()).select_from(PushSubscription).where(is_visible)
                )
            if found == count:
                return
            await asyncio.sleep(0.02)


async def test_the_push_of_a_read_or_deleted_message_is_withdrawn(
    node: Node, service: PushServer
) -> None:
    mira = await reader_of(node, service)
    tomas = await new_user(node)
    sent = (await node.messages.send(to_user(tomas, mira.id))).message
    await service.next_for("phone")

    await node.conversations.mark_read(
        actor_id=mira.id, conversation_id=sent.conversation_id, seq=1
    )
    contents = await service.next_for("phone", 2)
    withdrawn = {"type": "read", "conversation_id": str(sent.conversation_id), "unread": 0}
    assert contents[1] == withdrawn

    again = (await node.messages.send(to_user(tomas, mira.id))).message
    await service.next_for("phone", 3)
    await node.messages.delete(actor_id=tomas, message_id=again.id)
    contents = await service.next_for("phone", 4)
    assert contents[3] == withdrawn


async def test_nothing_is_withdrawn_where_silent_pushes_end_a_subscription(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "NEVER_SILENT", f"https://127.0.0.1:{service.port}/")
    mira = await reader_of(node, service)
    tomas = await new_user(node)
    sent = (await node.messages.send(to_user(tomas, mira.id))).message
    await service.next_for("phone")

    await node.conversations.mark_read(
        actor_id=mira.id, conversation_id=sent.conversation_id, seq=1
    )
    await node.messages.send(to_user(tomas, mira.id))

    kinds = [content["type"] for content in await service.next_for("phone", 2)]
    assert kinds == ["message", "message"]


async def test_the_push_of_a_group_is_withdrawn_from_who_is_in_it_no_more(
    node: Node, service: PushServer
) -> None:
    mira, zoe = await reader_of(node, service), await reader_of(node, service, "other")
    tomas = await new_user(node)
    data = {"kind": "group", "title": "Garden", "member_ids": [str(mira.id), str(zoe.id)]}
    group = await node.groups.create(actor_id=tomas, data=GroupRequest.model_validate(data))
    await send(node, to_conversation(tomas, group.id))
    for name in ("phone", "other"):
        await service.next_for(name)
    withdrawn = {"type": "read", "conversation_id": str(group.id), "unread": 0}

    await node.groups.remove_member(actor_id=tomas, conversation_id=group.id, user_id=mira.id)
    contents = await service.next_for("phone", 2)
    assert contents[1] == withdrawn
    assert len(service.contents("other")) == 1

    await node.groups.delete(actor_id=tomas, conversation_id=group.id)
    contents = await service.next_for("other", 2)
    assert contents[1] == withdrawn


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_dead_subscription_is_removed(node: Node, service: PushServer, status: str) -> None:
    mira = await reader_of(node, service)
    service.answer = lambda _request: status

    await send(node, to_user(await new_user(node), mira.id))

    await service.next_for("phone")
    async with asyncio.timeout(30):
        while await count_subscriptions(node):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "status", ["429 Too Many Requests\r\nRetry-After: 0", "500 Server Error\r\nRetry-After: 0", ""]
)
async def test_a_push_is_tried_again(
    node: Node, service: PushServer, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr("chat_app.push.push_service.ANSWER_S", 1.0)
    mira = await reader_of(node, service)
    await subscribe(node, service, await sign_in(node, mira.id), "tablet")
    answers = iter([status, status])
    service.answer = lambda request: (
        (next(answers, "201 Created") or None) if request.name == "phone" else "201 Created"
    )

    sent = await send(node, to_user(await new_user(node), mira.id))

    contents = await service.next_for("phone", 3)
    assert [one["message_id"] for one in contents] == [sent] * 3
    assert len(service.contents("tablet")) == 1


async def test_a_message_that_was_read_meanwhile_is_not_tried_again(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.5)
    mira = await reader_of(node, service)
    tomas = await new_user(node)
    answers = iter(["503 Busy"])
    service.answer = lambda _request: next(answers, "201 Created")
    sent = (await node.messages.send(to_user(tomas, mira.id))).message
    await service.next_for("phone")

    await node.conversations.mark_read(
        actor_id=mira.id, conversation_id=sent.conversation_id, seq=1
    )

    contents = await service.next_for("phone", 2)
    assert [one["type"] for one in contents] == ["message", "read"]


async def test_a_subscription_ends_with_its_session(node: Node, service: PushServer) -> None:
    mira = await reader_of(node, service)
    other = await sign_in(node, mira.id)
    await subscribe(node, service, other, "tablet")

    await node.accounts.logout(mira.identity)
    assert await count_subscriptions(node) == 1
    await send(node, to_user(await new_user(node), mira.id))

    await service.next_for("tablet")
    assert service.contents("phone") == []


@pytest.mark.parametrize("pair", ["postgres+redis"], indirect=True)
async def test_two_nodes_send_one_push(storage: Storage, service: PushServer) -> None:
    async with open_node(storage) as near, open_node(storage) as far:
        mira = await reader_of(near, service)
        tomas = await new_user(near)
        first = await send(far, to_user(tomas, mira.id))
        await service.next_for("phone")
        sent = (await near.messages.send(to_user(tomas, mira.id))).message
        await service.next_for("phone", 2)
        await far.conversations.mark_read(
            actor_id=mira.id, conversation_id=sent.conversation_id, seq=2
        )
        await service.next_for("phone", 3)
        last = await send(near, to_user(tomas, mira.id))
        contents = await service.next_for("phone", 4)

    told = [one.get("message_id", one["type"]) for one in contents]
    assert told == [first, str(sent.id), "read", last]


async def test_a_database_that_is_away_loses_no_push(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mira = await reader_of(node, service)
    tomas = await new_user(node)
    sent = (await node.messages.send(to_user(tomas, mira.id))).message
    await service.next_for("phone")
    fails = {"is_any", "receivers_of", "readers_of", "take"}

    def failing_once(name: str) -> Callable[..., Awaitable[object]]:
        real = getattr(store, name)

        async def run(*args: object, **options: object) -> object:
            if name in fails:
                fails.remove(name)
                raise Unavailable
            return await real(*args, **options)

        return run

    for name in fails:
        monkeypatch.setattr(store, name, failing_once(name))
    await node.conversations.mark_read(
        actor_id=mira.id, conversation_id=sent.conversation_id, seq=1
    )
    contents = await service.next_for("phone", 2)
    assert contents[1]["type"] == "read"
    last = await send(node, to_user(tomas, mira.id))

    contents = await service.next_for("phone", 3)
    assert contents[2]["message_id"] == last
    assert fails == set()


async def test_messages_behind_a_failed_look_wait_for_no_other(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mira = await reader_of(node, service)
    monkeypatch.setattr(sender, "BATCH_SIZE", 2)
    real, failures = store.is_any, iter([RuntimeError])

    async def fail_once(database: Database) -> bool:
        for failure in failures:
            raise failure
        return await real(database)

    tomas, zoe = await new_user(node), await new_user(node)
    monkeypatch.setattr(store, "is_any", fail_once)
    # Stored at once, they come to the sender together.
    await asyncio.gather(*(send(node, to_user(one, mira.id)) for one in (tomas, zoe)))

    await service.next_for("phone")


@pytest.mark.usefixtures("patient_delivery")
async def test_a_mark_of_a_part_withdraws_nothing(node: Node, service: PushServer) -> None:
    mira = await reader_of(node, service)
    tomas = await new_user(node, "Tomas")
    first = (await node.messages.send(to_user(tomas, mira.id))).message
    await service.next_for("phone")
    service.may_answer.clear()
    await send(node, to_user(await new_user(node, "Zoe"), mira.id))
    await service.next_for("phone", 2)
    second = await send(node, to_user(tomas, mira.id))
    await until_waiting(node, 1)

    await node.conversations.mark_read(
        actor_id=mira.id, conversation_id=first.conversation_id, seq=1
    )
    # The sender comes to it after the mark.
    await send(node, to_user(await new_user(node, "Lea"), mira.id))
    await until_waiting(node, 2)
    service.may_answer.set()
    contents = await service.next_for("phone", 4)
    assert second in [one["message_id"] for one in contents]

    await node.conversations.mark_read(
        actor_id=mira.id, conversation_id=first.conversation_id, seq=2
    )
    contents = await service.next_for("phone", 5)
    assert contents[4] == {
        "type": "read",
        "conversation_id": str(first.conversation_id),
        "unread": 0,
    }


@pytest.mark.usefixtures("patient_delivery")
async def test_an_earlier_read_mark_drops_no_withdrawal(node: Node, service: PushServer) -> None:
    mira = await reader_of(node, service)
    first = (await node.messages.send(to_user(await new_user(node), mira.id))).message
    await service.next_for("phone")
    service.may_answer.clear()
    await send(node, to_user(await new_user(node), mira.id))
    await service.next_for("phone", 2)

    await node.conversations.mark_read(
        actor_id=mira.id, conversation_id=first.conversation_id, seq=1
    )
    await until_waiting(node, 1)
    # Sending implies reading.
    await send(node, to_conversation(mira.id, first.conversation_id))
    # The sender comes to it after that.
    await send(node, to_user(await new_user(node), mira.id))
    await until_waiting(node, 2)
    service.may_answer.set()

    contents = await service.next_for("phone", 4)
    assert "read" in [one["type"] for one in contents]


async def test_a_message_that_is_deleted_at_once_is_not_pushed(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mira = await reader_of(node, service)
    tomas = await new_user(node)
    real, may_look, looks = store.is_any, asyncio.Event(), asyncio.Event()

    async def look_later(database: Database) -> bool:
        looks.set()
        await may_look.wait()
        return await real(database)

    monkeypatch.setattr(store, "is_any", look_later)
    await send(node, to_user(await new_user(node, "Zoe"), mira.id))
    await looks.wait()
    # The sender comes to all of these together.
    first = await send(node, to_user(tomas, mira.id))
    slip = (await node.messages.send(to_user(tomas, mira.id))).message
    await node.messages.delete(actor_id=tomas, message_id=slip.id)
    may_look.set()

    contents = await service.next_for("phone", 2)
    assert contents[1]["message_id"] == first
