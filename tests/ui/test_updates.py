"""Event updates of screens by pure functions: applying events equals a fresh load.

A random but repeatable talk runs on a real node. Beside it one screen applies every event that its
user receives, and after each step it must come to show what a fresh load shows.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import permutations
from uuid import UUID, uuid4

import pytest_asyncio
from msgspec.structs import replace

from chat_app.accounts.schemas import Device, Identity, ProfileChange, Registration
from chat_app.conversations.queries import get_conversation, list_conversations
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import AppError
from chat_app.core.settings import Settings
from chat_app.messages.queries import history
from chat_app.messages.schemas import NewMessage
from chat_app.node.node import Node, running_node
from chat_app.realtime.events import AnyEvent, Envelope, decode
from chat_app.realtime.outlet import Outlet
from chat_app.ui.conversations import updates as conversation_updates
from chat_app.ui.messages import updates as message_updates
from chat_app.ui.messages.window import Window
from tests.harness.chats import SECRET, Storage
from tests.harness.clients import PASSWORD, PATIENCE_S
from tests.harness.nodes import change_user

STEPS = 120
DELETED = 0.3


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


class Screen:
    """The contents of one user's tab, updated by events alone."""

    def __init__(self, node: Node, viewer: Identity, conversation_id: UUID) -> None:
        self.node = node
        self.viewer_id = viewer.user_id
        self.conversation_id = conversation_id
        self.conversations: conversation_updates.Conversations = ()
        self.window = Window()

    async def load(self) -> None:
        """Load everything afresh."""
        self.conversations, self.window = await self._fresh()

    async def is_true(self) -> bool:
        """Return whether a fresh load would show the same."""
        conversations, window = await self._fresh()
        shown = (_timeless(self.conversations), self.window.messages)
        return shown == (_timeless(conversations), window.messages)

    async def follow(self, outlet: Outlet) -> None:
        """Apply the next events."""
        for envelope in await asyncio.wait_for(outlet.take(), PATIENCE_S):
            event = await self.apply(envelope)
            gap = message_updates.leaves_a_gap(
                self.window, event, conversation_id=self.conversation_id
            )
            assert not gap

    async def apply(self, envelope: Envelope) -> AnyEvent:
        """Apply an event and return it."""
        (event,) = decode(envelope.body)
        missing = conversation_updates.conversation_to_load(
            self.conversations, event, viewer_id=self.viewer_id
        )
        if missing is None:
            self.conversations = conversation_updates.apply(
                self.conversations, event, viewer_id=self.viewer_id
            )
        else:
            await self._load_one(missing)
        self.window = message_updates.apply(
            self.window, event, conversation_id=self.conversation_id
        )
        return event

    async def _load_one(self, conversation_id: UUID) -> None:
        async with self.node.database.reading() as reading:
            fresh = await get_conversation(
                reading,
                viewer_id=self.viewer_id,
                conversation_id=conversation_id,
                online=self.node.online,
            )
        self.conversations = conversation_updates.with_loaded(self.conversations, fresh)

    async def _fresh(self) -> tuple[conversation_updates.Conversations, Window]:
        listed = await list_conversations(
            self.node.database, viewer_id=self.viewer_id, online=self.node.online
        )
        page = await history(
            self.node.database,
            viewer_id=self.viewer_id,
            conversation_id=self.conversation_id,
            limit=100,
        )
        return tuple(listed.items), Window.of(page.items, has_older=page.has_more)


async def test_applying_events_equals_a_fresh_load(node: Node) -> None:
    me, friend, other = [await person(node, name) for name in ("mira", "tomas", "sofia")]
    here, there = await open_direct(node, me, friend), await open_direct(node, me, other)
    screen = Screen(node, me, here)
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


async def test_receipts_turn_sent_into_delivered_and_read(node: Node) -> None:
    me, friend = [await person(node, name) for name in ("mira", "tomas")]
    here = await open_direct(node, me, friend)
    screen = Screen(node, me, here)

    async def shown() -> tuple[int, int]:
        while not await screen.is_true():
            await screen.follow(outlet)
        [receipt] = screen.conversations[0].receipts
        return receipt.delivered_seq, receipt.read_seq

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


async def test_read_marks_that_arrive_out_of_order_end_up_right(node: Node) -> None:
    me, friend = [await person(node, name) for name in ("mira", "tomas")]
    here = await open_direct(node, me, friend)
    screen = Screen(node, me, here)
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
        await screen.load()
        start = (screen.conversations, screen.window)
        envelopes: list[Envelope] = []
        for change in changes:
            await change()
            envelopes += await asyncio.wait_for(outlet.take(), PATIENCE_S)

        for order in permutations(envelopes):
            screen.conversations, screen.window = start
            for envelope in order:
                await screen.apply(envelope)
            assert await screen.is_true()


async def test_applying_friendship_changes_equals_a_fresh_load(node: Node) -> None:
    me, friend, other = [await person(node, name) for name in ("mira", "tomas", "sofia")]
    for hidden in (friend, other):
        # Presence has events of its own: keep it out of the friendship changes.
        await change_user(node, hidden.user_id, share_presence=False)
    here = await open_direct(node, me, friend)
    await open_direct(node, me, other)
    screen = Screen(node, me, here)
    choose = random.Random(7)  # noqa: S311  # repeatable, not secret
    friends = node.friends
    deeds: list[Callable[..., Awaitable[object]]] = [
        *(friends.request, friends.request, friends.accept, friends.accept),
        *(friends.remove_request, friends.unfriend, friends.block, friends.unblock),
    ]

    async with await node.open_outlet(me) as outlet:
        await screen.load()
        seen = set()
        for _ in range(STEPS):
            one, two = choose.sample([me.user_id, choose.choice((friend, other)).user_id], 2)
            with contextlib.suppress(AppError):
                await choose.choice(deeds)(actor_id=one, user_id=two)
            while not await screen.is_true():
                await screen.follow(outlet)
            seen |= {card.friendship for one in screen.conversations for card in one.members}

    assert seen == {"none", "requested", "incoming", "friends", "blocked"}


async def test_a_new_conversation_appears_in_the_list(node: Node) -> None:
    me, friend, stranger = [await person(node, name) for name in ("mira", "tomas", "sofia")]
    screen = Screen(node, me, await open_direct(node, me, friend))

    async with await node.open_outlet(me) as outlet:
        await screen.load()
        await send(node, stranger, await open_direct(node, stranger, me), "May I?")
        while not await screen.is_true():
            await screen.follow(outlet)

    assert [one.unread for one in screen.conversations] == [1, 0]


async def test_an_event_that_was_loaded_already_changes_nothing(node: Node) -> None:
    me, friend = [await person(node, name) for name in ("mira", "tomas")]
    here = await open_direct(node, me, friend)
    screen = Screen(node, me, here)

    async with await node.open_outlet(me) as outlet:
        for number in range(3):
            await send(node, friend, here, f"Message {number}")
        await node.conversations.mark_read(actor_id=me.user_id, conversation_id=here, seq=3)
        await screen.load()
        before = (_timeless(screen.conversations), screen.window)
        await screen.follow(outlet)

    assert (_timeless(screen.conversations), screen.window) == before


def _timeless(conversations: conversation_updates.Conversations) -> list[Conversation]:
    """Clear the last-seen time of online members: it is always the time of the query."""
    return [
        replace(
            one,
            members=[
                replace(card, last_seen_at=None) if card.online else card for card in one.members
            ],
        )
        for one in conversations
    ]


async def test_applying_presence_changes_equals_a_fresh_load(node: Node) -> None:
    me, friend, other = [await person(node, name) for name in ("mira", "tomas", "sofia")]
    here, there = await open_direct(node, me, friend), await open_direct(node, me, other)
    await send(node, friend, here)
    await send(node, other, there)
    screen = Screen(node, me, here)

    def shown() -> list[bool | None]:
        cards = (card for one in screen.conversations for card in one.members)
        return [card.online for card in cards if card.id == friend.user_id]

    async with await node.open_outlet(me) as outlet:
        await screen.load()
        assert shown() == [False]
        async with await node.open_outlet(friend):
            while not (shown() == [True] and await screen.is_true()):
                await screen.follow(outlet)
            await node.accounts.change_profile(
                actor_id=friend.user_id, changes=ProfileChange(share_presence=False)
            )
            while not (shown() == [None] and await screen.is_true()):
                await screen.follow(outlet)
            await node.accounts.change_profile(
                actor_id=friend.user_id, changes=ProfileChange(share_presence=True)
            )
            while not (shown() == [True] and await screen.is_true()):
                await screen.follow(outlet)
        while not (shown() == [False] and await screen.is_true()):
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
