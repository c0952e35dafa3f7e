"""Avatars on a page: a change is shown like one that was there before the page was opened."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from chat_app.accounts.schemas import Identity
from chat_app.conversations.groups.schemas import GroupRequest
from chat_app.messages.schemas import NewMessage
from chat_app.node.node import Node
from chat_app.realtime.events import decode
from chat_app.realtime.outlet import Outlet
from chat_app.ui.current_node import serving
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.files import picture, ready_file
from tests.harness.nodes import new_users, open_node
from tests.harness.replicas import Pages, ReplicaTab

# The lists whose rows have a face.
LISTS = ("conversations", "chats", "authors", "group", "members")

Pictures = dict[tuple[str, str], str]


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


async def pictures(tab: ReplicaTab) -> Pictures:
    """Return the pictures on a page, by list and person or conversation."""
    lists = await tab.lists()
    shown = {
        (name, row["id"]): row["picture"]
        for name in LISTS
        for row in lists.get(name, {"rows": []})["rows"]
    }
    details = lists.get("group", {"about": {}})["about"]
    return shown | ({("group", details["id"]): details["picture"]} if details else {})


async def show(tab: ReplicaTab, here: UUID) -> None:
    """Open a conversation with its details, and the list of conversations."""
    await tab.timeline.open(here, str(here))
    await tab.conversations.load()
    await tab.group.open(here)


async def new_avatar(node: Node, owner_id: UUID, side: int) -> UUID:
    """Return an uploaded picture whose avatar is no other one's."""
    return await ready_file(node, owner_id, picture(size=(side, side)))


async def follow_until(tab: ReplicaTab, outlet: Outlet, wanted: Pictures) -> None:
    """Apply events until a page shows these pictures among others."""
    async with asyncio.timeout(PATIENCE_S):
        while not wanted.items() <= (await pictures(tab)).items():
            for envelope in await outlet.take():
                await tab.apply_events(decode(envelope.body))


async def test_a_change_is_shown_like_an_avatar_that_was_there(node: Node, pages: Pages) -> None:
    me, friend = [Identity(one, uuid4()) for one in await new_users(node, 2)]
    group = await node.groups.create(
        actor_id=me.user_id,
        data=GroupRequest(kind="group", title="Choir", member_ids=[friend.user_id]),
    )
    opened = await node.conversations.open_direct(actor_id=me.user_id, user_id=friend.user_id)
    direct = opened.conversation
    for place in (direct.id, group.id):
        words = NewMessage(friend.user_id, "Hello", uuid4().hex, conversation_id=place)
        await node.messages.send(words)
    avatars, who = node.avatars, str(friend.user_id)
    places = (("authors", who), ("members", who), ("conversations", str(direct.id)))
    faces = (("conversations", str(group.id)), ("chats", str(group.id)), ("group", str(group.id)))

    async with await node.open_outlet(me) as outlet:
        tab = pages.open(me)
        await show(tab, group.id)
        await follow_until(tab, outlet, dict.fromkeys((*places, *faces), ""))
        for side in (20, 30):
            file_id = await new_avatar(node, friend.user_id, side)
            own = await avatars.set_own(actor_id=friend.user_id, file_id=file_id)
            file_id = await new_avatar(node, me.user_id, side + 1)
            of_group = await avatars.set_of_group(
                actor_id=me.user_id, conversation_id=group.id, file_id=file_id
            )
            wanted = dict.fromkeys(places, own.avatar_url or "-")
            wanted |= dict.fromkeys(faces, of_group.avatar_url or "-")
            await follow_until(tab, outlet, wanted)
            fresh = pages.open(me)
            await show(fresh, group.id)
            assert await pictures(fresh) == await pictures(tab)

        await avatars.remove_own(actor_id=friend.user_id)
        await avatars.remove_of_group(actor_id=me.user_id, conversation_id=group.id)

        await follow_until(tab, outlet, dict.fromkeys((*places, *faces), ""))
