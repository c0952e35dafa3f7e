"""Patches of the details of a group, applied by the script of the page: they equal a fresh load."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from chat_app.accounts.schemas import Identity
from chat_app.conversations.groups.schemas import GroupChange, GroupRequest, MembershipRequest
from chat_app.core.errors import AppError
from chat_app.core.ids import new_id
from chat_app.node.node import Node
from chat_app.realtime.events import decode
from chat_app.realtime.outlet import Outlet
from chat_app.realtime.shapes import Role
from chat_app.ui.current_node import serving
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_users, open_node
from tests.harness.replicas import Lists, Pages

STEPS = 60
RARELY = 0.15
LISTS = ("group", "members")
ROLES: tuple[Role, ...] = ("owner", "admin", "member")
SEARCHED = ("", "", "some", "nobody")


@pytest_asyncio.fixture
async def node(storage: Storage) -> AsyncIterator[Node]:
    """Yield a running node on fresh storage, which tells soon who is gone."""
    async with open_node(storage, CHAT_PRESENCE_GRACE_SECONDS="0.1") as running:
        with serving(running):
            yield running


@pytest.fixture
def pages() -> Iterator[Pages]:
    """Yield the pages of this test."""
    with Pages.running() as running:
        yield running


class Details:
    """The details of a group on a page, updated by the patches of events alone."""

    def __init__(self, pages: Pages, viewer: Identity, group_id: UUID) -> None:
        self._pages = pages
        self._viewer = viewer
        self._group_id = group_id
        self._query = ""
        self.tab = pages.open(viewer)

    @property
    def is_open(self) -> bool:
        """Whether the details are open."""
        return self.tab.group.group_id is not None

    async def open(self) -> None:
        """Open the details, with all members."""
        self._query = ""
        await self.tab.group.open(self._group_id)

    async def search(self, text: str) -> None:
        """Search the members."""
        if self.is_open:
            self._query = text
            await self.tab.group.search(text)

    async def shown(self) -> Lists:
        """Return what the page shows."""
        return details_of(await self.tab.lists())

    async def fresh(self) -> Lists:
        """Return what a page shows that opens the same now; nothing to somebody who is out."""
        tab = self._pages.open(self._viewer)
        await tab.group.open(self._group_id)
        await tab.group.search(self._query)
        if tab.group.group_id is None:
            tab.group.close()
        return details_of(await tab.lists())

    async def follow(self, outlet: Outlet) -> None:
        """Apply the next events."""
        for envelope in await asyncio.wait_for(outlet.take(), PATIENCE_S):
            await self.tab.apply_events(decode(envelope.body))


def details_of(lists: Lists) -> Lists:
    """Return the lists of the details of a group."""
    return {name: lists.get(name, {"about": {}, "rows": []}) for name in LISTS}


class Deeds:
    """What people do in a group, at random but repeatably."""

    def __init__(self, node: Node, group_id: UUID, people: list[Identity]) -> None:
        self._node = node
        self._at = {"conversation_id": group_id}
        self._owner, self._me, *self._others = people
        self._people = people
        self.choose = random.Random(7)  # noqa: S311  # repeatable, not secret

    async def do_something(self) -> None:
        """Do something that is allowed, or not."""
        choice = self.choose.choice
        deeds: list[Callable[[], Awaitable[object]]] = [
            lambda: self._change(title=choice(("Choir", "Band"))),
            lambda: self._change(description=choice(("", "Loud."))),
            lambda: self._change(visibility=choice(("open", "private"))),
            lambda: self._change(posting=choice(("everyone", "admins"))),
            lambda: self._change(history=choice(("all", "joining"))),
            *2 * [lambda: self.add(choice(self._people))],
            lambda: self._remove(self._owner, choice(self._people[1:])),
            lambda: self._remove(self._me, self._me),
            *3 * [self._set_role],
            lambda: self._mark(muted_until=choice((None, "forever"))),
            lambda: self._mark(favourite=choice((True, False))),
            lambda: self._mark(archived=choice((True, False))),
        ]
        with contextlib.suppress(AppError):
            await choice(deeds)()

    async def add(self, one: Identity) -> None:
        """Let the owner add somebody who may be in the group already."""
        await self._node.groups.add_members(
            actor_id=self._owner.user_id, **self._at, user_ids=[one.user_id]
        )

    async def _change(self, **values: str) -> None:
        data = GroupChange.model_validate(values)
        await self._node.groups.change(actor_id=self._owner.user_id, **self._at, data=data)

    async def _remove(self, actor: Identity, one: Identity) -> None:
        await self._node.groups.remove_member(
            actor_id=actor.user_id, **self._at, user_id=one.user_id
        )

    async def _set_role(self) -> None:
        one = self.choose.choice((*[self._me] * 3, *self._others))
        role = self.choose.choice(ROLES)
        await self._node.groups.set_role(
            actor_id=self._owner.user_id, **self._at, user_id=one.user_id, role=role
        )

    async def _mark(self, **values: object) -> None:
        data = MembershipRequest.model_validate(values)
        await self._node.groups.change_membership(actor_id=self._me.user_id, **self._at, data=data)


async def test_following_events_of_a_group_equals_a_fresh_load(node: Node, pages: Pages) -> None:
    people = [Identity(one, new_id()) for one in await new_users(node, 6)]
    owner, me, *others = people
    request = GroupRequest.model_validate(
        {"kind": "group", "title": "Choir", "member_ids": [one.user_id for one in (me, *others)]}
    )
    group_id = (await node.groups.create(actor_id=owner.user_id, data=request)).id
    deeds, screen = Deeds(node, group_id, people), Details(pages, me, group_id)
    choose = deeds.choose
    seen: set[tuple[str, bool]] = set()

    async def settle() -> None:
        while await screen.shown() != await screen.fresh():
            await screen.follow(outlet)
        about = (await screen.shown())["group"]["about"]
        seen.add((about["role"], screen.is_open))

    async with await node.open_outlet(me) as outlet:
        await screen.open()
        for _ in range(STEPS):
            await deeds.do_something()
            await settle()
            if not screen.is_open:
                await deeds.add(me)
                await screen.open()
            if choose.random() < RARELY:
                await screen.search(choose.choice(SEARCHED))
            if choose.random() < RARELY:
                async with await node.open_outlet(choose.choice(others)):
                    await settle()

    assert {role for role, _ in seen} == set(ROLES)
    assert {is_open for _, is_open in seen} == {True, False}
