"""Patches of what is scheduled, applied by the script of the page: they equal a fresh load."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from chat_app.accounts.schemas import Device, Identity, Registration
from chat_app.conversations.groups.schemas import GroupChange, GroupRequest
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.messages.due.queries import list_scheduled
from chat_app.messages.schemas import NewMessage, ScheduledChange, ScheduleRequest
from chat_app.node.node import Node
from chat_app.realtime.events import decode
from chat_app.realtime.outlet import Outlet
from chat_app.realtime.shapes import Conversation
from chat_app.ui.current_node import serving
from tests.harness.chats import Storage
from tests.harness.clients import PASSWORD, PATIENCE_S
from tests.harness.nodes import open_node
from tests.harness.replicas import Lists, Pages

STEPS = 60
MESSAGES = 3
LISTS = ("scheduled", "reminders")
AT_ONCE = timedelta(milliseconds=50)


@pytest_asyncio.fixture
async def node(storage: Storage) -> AsyncIterator[Node]:
    """Yield a running node on fresh storage."""
    async with open_node(storage) as running:
        with serving(running):
            yield running


@pytest.fixture
def pages() -> Iterator[Pages]:
    """Yield the pages of this test."""
    with Pages.running() as running:
        yield running


async def person(node: Node, name: str) -> Identity:
    """Return a new user, signed in."""
    data = Registration(username=name, password=PASSWORD, tokens=False)
    signed_in = await node.accounts.register(data, device=Device())
    known = await node.accounts.authenticate_cookie(signed_in.cookie)
    assert known is not None
    return known.identity


class Talk:
    """A user who schedules messages at random; a group that they are in changes meanwhile."""

    def __init__(self, node: Node, me: Identity, friend: Identity, group: Conversation) -> None:
        self._node = node
        self._me = me
        self._friend = friend
        self._group = group
        self._messages: list[UUID] = []
        self._choose = random.Random(7)  # noqa: S311  # repeatable, not secret

    async def act(self) -> None:
        """Do one thing, which may be refused."""
        steps: list[Callable[[], Awaitable[object]]] = [
            *[self._schedule] * 4,
            *[self._change] * 2,
            self._send_now,
            self._send_without_membership,
            self._cancel,
            self._rename,
            self._edit,
            self._move,
            *[self._remind] * 2,
            self._remind_at_once,
            self._forget,
        ]
        with contextlib.suppress(AppError):
            await self._choose.choice(steps)()

    async def _schedule(self) -> None:
        to = (
            {"conversation_id": str(self._group.id)}
            if self._choose.random() < 0.5  # one of both addresses
            else {"receiver_id": str(self._friend.user_id)}
        )
        minutes = timedelta(minutes=self._choose.randint(1, 600))
        data = {"content": "Later", "client_id": uuid4().hex, "send_at": str(utc_now() + minutes)}
        await self._node.due_items.schedule(
            actor_id=self._me.user_id, data=ScheduleRequest.model_validate(data | to)
        )

    async def _change(self) -> None:
        minutes = timedelta(minutes=self._choose.randint(1, 600))
        await self._change_one(
            ScheduledChange(content=self._choose.choice("ab"), send_at=utc_now() + minutes)
        )

    async def _send_now(self) -> None:
        await self._change_one(ScheduledChange(send_at=utc_now() + AT_ONCE))

    async def _send_without_membership(self) -> None:
        """Schedule a message in the group, and be removed before it is sent."""
        data = {"content": "Later", "client_id": uuid4().hex, "send_at": str(utc_now() + AT_ONCE)}
        to = {"conversation_id": str(self._group.id)}
        await self._node.due_items.schedule(
            actor_id=self._me.user_id, data=ScheduleRequest.model_validate(data | to)
        )
        await self._move()

    async def _change_one(self, data: ScheduledChange) -> None:
        found = await list_scheduled(self._node.database, viewer_id=self._me.user_id)
        if found.items:
            one = self._choose.choice(found.items)
            await self._node.due_items.change(actor_id=self._me.user_id, item_id=one.id, data=data)

    async def _cancel(self) -> None:
        found = await list_scheduled(self._node.database, viewer_id=self._me.user_id)
        if found.items:
            one = self._choose.choice(found.items)
            await self._node.due_items.cancel(actor_id=self._me.user_id, item_id=one.id)

    async def _rename(self) -> None:
        await self._node.groups.change(
            actor_id=self._friend.user_id,
            conversation_id=self._group.id,
            data=GroupChange(title=self._choose.choice(["One", "Two", "Three"])),
        )

    async def _edit(self) -> None:
        await self._node.messages.edit(
            actor_id=self._friend.user_id,
            message_id=await self._a_message(),
            content=f"Hello {self._choose.random()}",
        )

    async def _remind(self) -> None:
        """Remind the user of a message, or change when."""
        minutes = timedelta(minutes=self._choose.randint(1, 600))
        await self._remind_in(minutes)

    async def _remind_at_once(self) -> None:
        await self._remind_in(AT_ONCE)

    async def _remind_in(self, time: timedelta) -> None:
        await self._node.due_items.remind(
            actor_id=self._me.user_id, message_id=await self._a_message(), at=utc_now() + time
        )

    async def _forget(self) -> None:
        await self._node.due_items.forget(
            actor_id=self._me.user_id, message_id=await self._a_message()
        )

    async def _a_message(self) -> UUID:
        """Return one of three messages of the friend in the group."""
        if len(self._messages) < MESSAGES:
            message = NewMessage(
                self._friend.user_id, "Hello", uuid4().hex, conversation_id=self._group.id
            )
            self._messages.append((await self._node.messages.send(message)).message.id)
        return self._choose.choice(self._messages)

    async def _move(self) -> None:
        """Remove the user from the group, or add them again."""
        friend = self._friend.user_id
        here = {"actor_id": friend, "conversation_id": self._group.id}
        try:
            await self._node.groups.remove_member(**here, user_id=self._me.user_id)
        except AppError:
            await self._node.groups.add_members(**here, user_ids=[self._me.user_id])


async def test_applying_events_of_scheduled_messages_equals_a_fresh_load(
    node: Node, pages: Pages
) -> None:
    me, friend = [await person(node, name) for name in ("mira", "tomas")]
    group = await node.groups.create(
        actor_id=friend.user_id,
        data=GroupRequest.model_validate(
            {"kind": "group", "title": "All", "member_ids": [str(me.user_id)]}
        ),
    )
    talk = Talk(node, me, friend, group)
    tab = pages.open(me)
    seen = set[str]()

    async def shown() -> Lists:
        return of_later(await tab.lists())

    async def fresh() -> Lists:
        other = pages.open(me)
        await other.scheduled.open()
        return of_later(await other.lists())

    async def follow(outlet: Outlet) -> None:
        taken = await asyncio.wait_for(outlet.take(), PATIENCE_S)
        await tab.apply_events([event for one in taken for event in decode(one.body)])

    async with await node.open_outlet(me) as outlet:
        await tab.scheduled.open()
        for _ in range(STEPS):
            await talk.act()
            while await shown() != await fresh():
                await follow(outlet)
            seen |= {row["state"] for row in (await shown())["scheduled"]["rows"]}

    assert seen == {"waiting", "refused"}


def of_later(lists: Lists) -> Lists:
    """Return what the page shows of scheduled messages and reminders."""
    empty: dict[str, Any] = {"rows": [], "about": {}}
    return {name: lists.get(name, empty) for name in LISTS}
