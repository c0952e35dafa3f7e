"""Patches of events, applied by the script of the page: they equal a fresh load.

A random but repeatable talk runs on a real node. Beside it one page applies the patches of every
event that its user receives, and after each step it must come to show what a fresh page shows.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import permutations
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from chat_app.accounts.schemas import Device, Identity, ProfileChange, Registration
from chat_app.conversations.groups.schemas import GroupRequest
from chat_app.conversations.queries import get_conversation
from chat_app.core.errors import AppError
from chat_app.core.settings import Settings
from chat_app.messages.errors import DraftConflict
from chat_app.messages.queries import history
from chat_app.messages.schemas import DraftRequest, NewMessage
from chat_app.node.node import Node, running_node
from chat_app.realtime.events import ConversationDelivered, Envelope, decode
from chat_app.realtime.outlet import Outlet
from chat_app.realtime.shapes import Message
from chat_app.ui.current_node import serving
from tests.harness.chats import SECRET, Storage
from tests.harness.clients import PASSWORD, PATIENCE_S
from tests.harness.nodes import change_user
from tests.harness.replicas import Lists, Pages, ReplicaTab

STEPS = 120
# As many messages as a fresh page has.
NEWEST = 50
DELETED = 0.3
# Chances and sizes of the talk in a group.
SENDS, REPLIES, ADDED, FEW = 0.35, 0.5, 0.7, 8


@pytest_asyncio.fixture
async def node(storage: Storage) -> AsyncIterator[Node]:
    """Yield a running node on fresh storage."""
    settings = Settings.model_validate(
        {
            "data_dir": storage.folder,
            "database_url": storage.database_url,
            "redis_url": storage.redis_url,
            "secret_key": SECRET,
            "limits": "off",
            "presence_grace_seconds": 0.2,
        }
    )
    async with running_node(settings) as running:
        with serving(running):
            yield running


@pytest.fixture
def pages() -> Iterator[Pages]:
    """Yield the pages of this test."""
    with Pages.running() as running:
        yield running


async def person(node: Node, name: str) -> Identity:
    """Return a new user, signed in."""
    signed_in = await node.accounts.register(
        Registration(username=name, password=PASSWORD, tokens=False), device=Device()
    )
    known = await node.accounts.authenticate_cookie(signed_in.cookie)
    assert known is not None
    return known.identity


async def open_direct(node: Node, actor: Identity, other: Identity) -> UUID:
    """Return the conversation of two people."""
    opened = await node.conversations.open_direct(actor_id=actor.user_id, user_id=other.user_id)
    return opened.conversation.id


async def send(node: Node, sender: Identity, conversation_id: UUID, text: str = "Hello") -> int:
    """Send a message and return its `seq`."""
    message = NewMessage(sender.user_id, text, uuid4().hex, conversation_id=conversation_id)
    return (await node.messages.send(message)).message.seq


async def write_draft(
    node: Node, actor: Identity, conversation_id: UUID, choose: random.Random
) -> None:
    """Change or remove a draft, where its version is the present one by chance."""
    text = choose.choice(["", "", "One", "Two"])
    with contextlib.suppress(DraftConflict):
        await node.drafts.write(
            actor_id=actor.user_id,
            conversation_id=conversation_id,
            data=DraftRequest(content=text, base=choose.randint(0, 9)),
        )


class Screen:
    """What one user's page shows, updated by the patches of events alone."""

    def __init__(self, pages: Pages, viewer: Identity, conversation_id: UUID) -> None:
        self._pages = pages
        self._viewer = viewer
        self.conversation_id = conversation_id
        self.tab = pages.open(viewer)

    async def load(self) -> None:
        """Load everything."""
        await load(self.tab, self.conversation_id)

    async def is_true(self) -> bool:
        """Return whether a fresh page would show the same."""
        fresh = self._pages.open(self._viewer)
        await load(fresh, self.conversation_id)
        return comparable(await self.tab.lists()) == comparable(await fresh.lists())

    async def follow(self, outlet: Outlet) -> None:
        """Apply the next events."""
        envelopes = await asyncio.wait_for(outlet.take(), PATIENCE_S)
        await self.apply(*envelopes)

    async def apply(self, *envelopes: Envelope) -> None:
        """Apply events as a tab does."""
        await self.tab.apply_events([one for each in envelopes for one in decode(each.body)])

    async def chat(self) -> dict[str, Any]:
        """Return the row of the open conversation."""
        (row,) = (await self.tab.lists())["chats"]["rows"]
        return dict(row)

    async def people(self) -> list[dict[str, Any]]:
        """Return the rows of the people screen."""
        return list((await self.tab.lists())["people"]["rows"])


async def load(tab: ReplicaTab, conversation_id: UUID) -> None:
    """Open a page with a conversation."""
    await tab.timeline.open(conversation_id, str(conversation_id))
    await tab.conversations.load()
    await tab.people.open()


def comparable(lists: Lists) -> Lists:
    """Return the lists without what is of the time when a page was opened, and times of seeing."""
    passing = {"notification", "unread_from", "own_read_seq", "kept"}
    compared: Lists = {}
    for name, content in lists.items():
        if name in {"typing", "authors"}:
            continue
        about = {key: value for key, value in content["about"].items() if key not in passing}
        rows = content["rows"][-NEWEST:] if name.startswith("messages:") else content["rows"]
        if name == "people":
            # What makes a suggestion has no event: a block that is lifted, a message.
            rows = [row for row in rows if row["group"] != "suggestions"]
        # A fresh page has the newest ones only.
        if len(content["rows"]) > NEWEST:
            about["older"] = True
        compared[name] = {"about": about, "rows": [timeless(unordered(row)) for row in rows]}
    return compared


def is_delivery(envelope: Envelope) -> bool:
    """Return whether an envelope holds a receipt of delivery."""
    return any(isinstance(event, ConversationDelivered) for event in decode(envelope.body))


def timeless(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the moment at which somebody who is gone was last seen."""
    return {**row, "last_seen": bool(row["last_seen"])} if "last_seen" in row else row


def unordered(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the order of its emoji, which a page that stays open does not change."""
    if "reactions" not in row:
        return row
    return {**row, "reactions": sorted(row["reactions"], key=itemgetter("emoji"))}


async def test_applying_events_equals_a_fresh_load(node: Node, pages: Pages) -> None:
    me, friend, other = [await person(node, name) for name in ("mira", "tomas", "sofia")]
    here, there = await open_direct(node, me, friend), await open_direct(node, me, other)
    screen = Screen(pages, me, here)
    choose = random.Random(7)  # noqa: S311  # repeatable, not secret

    async def read_some(reader: Identity, conversation_id: UUID) -> None:
        view = await _view(node, reader, conversation_id)
        await node.conversations.mark_read(
            actor_id=reader.user_id,
            conversation_id=conversation_id,
            seq=choose.randint(0, view[0]),
        )

    async def change(actor: Identity, conversation_id: UUID) -> None:
        """Edit or delete one of the actor's messages, if there is one that can be."""
        page = await history(
            node.database, viewer_id=actor.user_id, conversation_id=conversation_id, limit=100
        )
        own = [one for one in page.items if one.sender_id == actor.user_id and not one.deleted_at]
        if own:
            one = choose.choice(own)
            by = {"actor_id": actor.user_id, "message_id": one.id}
            if choose.random() < DELETED:
                await node.messages.delete(**by)
            else:
                await node.messages.edit(**by, content=f"{one.content}!")

    async def receive(receiver: Identity, conversation_id: UUID) -> None:
        """Mark the newest messages as delivered, as the API does after a device gets them."""
        page = await history(
            node.database, viewer_id=receiver.user_id, conversation_id=conversation_id
        )
        node.deliveries.record_page(page.items, viewer_id=receiver.user_id)
        await node.deliveries._flush()

    async def mark_unread(conversation_id: UUID) -> None:
        last_seq, _ = await _view(node, me, conversation_id)
        if last_seq:
            await node.conversations.mark_unread(
                actor_id=me.user_id,
                conversation_id=conversation_id,
                seq=choose.randint(1, last_seq),
            )

    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: write_draft(node, me, here, choose),
        lambda: write_draft(node, me, there, choose),
        lambda: send(node, friend, here),
        lambda: send(node, friend, here),
        lambda: send(node, other, there),
        lambda: send(node, me, here),
        lambda: send(node, me, there),
        lambda: read_some(me, here),
        lambda: read_some(me, there),
        lambda: read_some(friend, here),
        lambda: receive(friend, here),
        lambda: receive(me, there),
        lambda: change(friend, here),
        lambda: change(other, there),
        lambda: change(me, here),
        lambda: mark_unread(here),
    ]
    async with await node.open_outlet(me) as outlet:
        await screen.load()
        for _ in range(STEPS):
            await choose.choice(steps)()
            while not await screen.is_true():
                await screen.follow(outlet)


class GroupTalk:
    """People of a group who reply, forward, react, pin, edit and delete at random."""

    def __init__(self, node: Node, people: list[Identity], here: UUID) -> None:
        self._node = node
        self._people = people
        self._here = here
        self._choose = random.Random(7)  # noqa: S311  # repeatable, not secret

    async def act(self) -> None:
        """Do one thing, which may be refused."""
        actor = self._choose.choice(self._people)
        page = await history(
            self._node.database, viewer_id=actor.user_id, conversation_id=self._here, limit=100
        )
        known = [one for one in page.items if one.kind == "text"]
        with contextlib.suppress(AppError):
            if not known or self._choose.random() < SENDS:
                await self._send(actor, known)
            else:
                await self._change(actor, self._choose.choice(known[-FEW:]))

    async def _send(self, actor: Identity, known: list[Message]) -> None:
        sent = NewMessage(actor.user_id, "Hello", uuid4().hex, conversation_id=self._here)
        if known and self._choose.random() < REPLIES:
            sent = sent._replace(reply_to=self._choose.choice(known).id)
        elif known and self._choose.random() < REPLIES:
            sent = sent._replace(content="", forward_of=self._choose.choice(known).id)
        await self._node.messages.send(sent)

    async def _change(self, actor: Identity, one: Message) -> None:
        by = {"actor_id": actor.user_id, "message_id": one.id}
        messages = self._node.messages
        is_on = self._choose.random() < ADDED
        match self._choose.choice(["react", "react", "react", "pin", "edit", "edit", "delete"]):
            case "react":
                await messages.react(**by, emoji=self._choose.choice("👍🎉❤"), added=is_on)
            case "pin":
                await messages.pin(**by, pinned=is_on)
            case "edit":
                await messages.edit(**by, content=f"{one.content}!")
            case _:
                await messages.delete(**by)


async def test_applying_replies_reactions_and_pins_equals_a_fresh_load(
    node: Node, pages: Pages
) -> None:
    me, *others = [await person(node, name) for name in ("mira", "tomas", "sofia", "elif")]
    ids = [str(one.user_id) for one in others]
    group = await node.groups.create(
        actor_id=me.user_id,
        data=GroupRequest.model_validate({"kind": "group", "title": "All", "member_ids": ids}),
    )
    screen = Screen(pages, me, group.id)
    talk = GroupTalk(node, [me, *others], group.id)
    seen = set[str]()

    async with await node.open_outlet(me) as outlet:
        await screen.load()
        for _ in range(STEPS):
            await talk.act()
            while not await screen.is_true():
                await screen.follow(outlet)
            rows = (await screen.tab.lists())[f"messages:{group.id}"]["rows"]
            names = ("quote", "reactions", "pinned", "forwarded")
            seen |= {name for row in rows for name in names if row[name]}

    assert seen == {"quote", "reactions", "pinned", "forwarded"}


async def test_receipts_turn_sent_into_delivered_and_read(node: Node, pages: Pages) -> None:
    me, friend = [await person(node, name) for name in ("mira", "tomas")]
    here = await open_direct(node, me, friend)
    screen = Screen(pages, me, here)

    async def shown() -> tuple[int, int]:
        while not await screen.is_true():
            await screen.follow(outlet)
        chat = await screen.chat()
        return chat["delivered_seq"], chat["read_seq"]

    async with await node.open_outlet(me) as outlet:
        await screen.load()
        await send(node, me, here)
        await send(node, me, here)
        assert await shown() == (0, 0)

        await node.deliveries.record_all(viewer_id=friend.user_id)
        await node.deliveries._flush()
        assert await shown() == (2, 0)

        await node.conversations.mark_read(actor_id=friend.user_id, conversation_id=here, seq=1)
        assert await shown() == (2, 1)


async def test_read_marks_that_arrive_out_of_order_end_up_right(node: Node, pages: Pages) -> None:
    me, friend = [await person(node, name) for name in ("mira", "tomas")]
    here = await open_direct(node, me, friend)
    for _ in range(5):
        await send(node, friend, here)
    marks = node.conversations
    by = {"actor_id": me.user_id, "conversation_id": here}
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: marks.mark_read(**by, seq=5),
        lambda: marks.mark_unread(**by, seq=2),
        lambda: marks.mark_read(**by, seq=3),
        lambda: send(node, friend, here),
        lambda: marks.mark_unread(**by, seq=1),
    ]
    async with await node.open_outlet(me) as outlet:
        screens = [Screen(pages, me, here) for _ in permutations(changes)]
        for screen in screens:
            await screen.load()
        envelopes: list[Envelope] = []
        for change in changes:
            await change()
            received = len(envelopes)
            while len(envelopes) == received:
                taken = await asyncio.wait_for(outlet.take(), PATIENCE_S)
                # The pages that are open have also received what was sent.
                envelopes += [one for one in taken if not is_delivery(one)]

        # On a busy machine others may have come between those of the changes.
        assert len(envelopes) >= len(changes)
        orders = list(permutations(envelopes))
        random.Random(7).shuffle(orders)  # noqa: S311  # repeatable, not secret
        for screen, order in zip(screens, orders, strict=False):
            for envelope in order:
                await screen.apply(envelope)
        fresh = Screen(pages, me, here)
        await fresh.load()
        shown = comparable(await fresh.tab.lists())
        for screen in screens:
            assert comparable(await screen.tab.lists()) == shown


async def test_applying_friendship_changes_equals_a_fresh_load(node: Node, pages: Pages) -> None:
    me, friend, other = [await person(node, name) for name in ("mira", "tomas", "sofia")]
    for hidden in (friend, other):
        # Presence has events of its own: keep it out of the friendship changes.
        await change_user(node, hidden.user_id, share_presence=False)
    here = await open_direct(node, me, friend)
    # A person who has written is suggested.
    await send(node, other, await open_direct(node, me, other))
    screen = Screen(pages, me, here)
    choose = random.Random(7)  # noqa: S311  # repeatable, not secret
    friends = node.friends
    deeds: list[Callable[..., Awaitable[object]]] = [
        *(friends.request, friends.request, friends.accept, friends.accept),
        *(friends.remove_request, friends.unfriend, friends.block, friends.unblock),
    ]

    async with await node.open_outlet(me) as outlet:
        await screen.load()
        seen, groups = set(), set()
        for _ in range(STEPS):
            one, two = choose.sample([me.user_id, choose.choice((friend, other)).user_id], 2)
            with contextlib.suppress(AppError):
                await choose.choice(deeds)(actor_id=one, user_id=two)
            while not await screen.is_true():
                await screen.follow(outlet)
            seen.add((await screen.chat())["friendship"])
            groups |= {row["group"] for row in await screen.people()}

    assert seen == {"none", "requested", "incoming", "friends", "blocked"}
    assert groups == {"friends", "incoming", "outgoing", "suggestions", "blocked"}


async def test_a_new_conversation_appears_in_the_list(node: Node, pages: Pages) -> None:
    me, friend, stranger = [await person(node, name) for name in ("mira", "tomas", "sofia")]
    screen = Screen(pages, me, await open_direct(node, me, friend))

    async with await node.open_outlet(me) as outlet:
        await screen.load()
        await send(node, stranger, await open_direct(node, stranger, me), "May I?")
        while not await screen.is_true():
            await screen.follow(outlet)

        rows = (await screen.tab.lists())["conversations"]["rows"]

    assert [row["unread"] for row in rows] == [0, 1]


async def test_an_event_that_was_loaded_already_changes_nothing(node: Node, pages: Pages) -> None:
    me, friend = [await person(node, name) for name in ("mira", "tomas")]
    here = await open_direct(node, me, friend)
    screen = Screen(pages, me, here)

    async with await node.open_outlet(me) as outlet:
        for number in range(3):
            await send(node, friend, here, f"Message {number}")
        await node.conversations.mark_read(actor_id=me.user_id, conversation_id=here, seq=3)
        await screen.load()
        before = await screen.tab.lists()
        await screen.follow(outlet)

        after = await screen.tab.lists()
    assert after == before


async def test_applying_presence_changes_equals_a_fresh_load(node: Node, pages: Pages) -> None:
    me, friend, other = [await person(node, name) for name in ("mira", "tomas", "sofia")]
    here, there = await open_direct(node, me, friend), await open_direct(node, me, other)
    await send(node, friend, here)
    await send(node, other, there)
    screen = Screen(pages, me, here)

    async def shows(*, presence: bool | None) -> bool:
        chat = await screen.chat()
        known = chat["online"] or (False if chat["last_seen"] else None)
        rows = {row["name"]: row["online"] for row in await screen.people()}
        return known is presence and rows["tomas"] is bool(presence) and await screen.is_true()

    async with await node.open_outlet(me) as outlet:
        await screen.load()
        # Nobody has seen them so far.
        assert await shows(presence=None)
        async with await node.open_outlet(friend):
            while not await shows(presence=True):
                await screen.follow(outlet)
            await node.accounts.change_profile(
                actor_id=friend.user_id, changes=ProfileChange(share_presence=False)
            )
            while not await shows(presence=None):
                await screen.follow(outlet)
            await node.accounts.change_profile(
                actor_id=friend.user_id, changes=ProfileChange(share_presence=True)
            )
            while not await shows(presence=True):
                await screen.follow(outlet)
        while not await shows(presence=False):
            await screen.follow(outlet)


async def _view(node: Node, viewer: Identity, conversation_id: UUID) -> tuple[int, int]:
    async with node.database.reading() as reading:
        view = await get_conversation(
            reading,
            viewer_id=viewer.user_id,
            conversation_id=conversation_id,
            online=node.online,
        )
    return view.last_seq, view.last_read_seq
