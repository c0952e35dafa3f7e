"""Search results of people follow events: applying one equals searching again."""

import asyncio
from collections.abc import Awaitable, Callable
from types import UnionType
from uuid import UUID

import pytest
from msgspec.structs import replace

from chat_app.accounts.schemas import ProfileChange, UserCard
from chat_app.friends.queries import search_users
from chat_app.node.node import Node
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRead,
    ConversationUpdated,
    Envelope,
    FriendAccepted,
    FriendRemoved,
    FriendRequested,
    Presence,
    decode,
)
from chat_app.ui.people import updates
from chat_app.ui.people.rows import number_found, person_row
from tests.accounts.test_leaving import joined, leave
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_node
from tests.harness.texts import in_english

KINDS = FriendRequested | FriendAccepted | FriendRemoved


async def search(node: Node, viewer: UUID) -> updates.Cards:
    """Search afresh."""
    async with node.database.reading() as session:
        cards = await search_users(session, viewer_id=viewer, text="pat", online=node.online)
    return tuple(cards)


async def test_applying_friendship_events_equals_searching_again(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        me, other = await new_user(node, "Me"), await new_user(node, "Pat One")
        await new_user(node, "Pat Two")
        cards = await search(node, me)
        outlet = await node.hub.open(user_id=me, session_id=me)
        friends = node.friends
        steps = (
            (friends.request, me, other),
            (friends.remove_request, other, me),
            (friends.request, other, me),
            (friends.accept, me, other),
            (friends.unfriend, other, me),
            (friends.request, me, other),
            (friends.request, other, me),
            (friends.block, other, me),
        )
        for step, actor_id, user_id in steps:
            await step(actor_id=actor_id, user_id=user_id)
            async with asyncio.timeout(PATIENCE_S):
                event = await next_of(KINDS, outlet.take)
            again = updates.must_search_again(cards, event)
            cards = await search(node, me) if again else updates.apply(cards, event)

            assert cards == await search(node, me)
        assert [card.display_name for card in cards] == ["Pat Two"]
        await outlet.close()


async def test_applying_changed_profiles_equals_searching_again(storage: Storage) -> None:
    async with open_node(storage) as node:
        me, other = await new_user(node, "Me"), await new_user(node, "Pat One")
        cards = await search(node, me)
        outlet = await node.hub.open(user_id=me, session_id=me)
        await node.conversations.open_direct(actor_id=me, user_id=other)
        async with asyncio.timeout(PATIENCE_S):
            await next_of(ConversationUpdated, outlet.take)
        for change in ({"display_name": "Pat Uno"}, {"status_text": "In the garden"}):
            changes = ProfileChange.model_validate(change)
            await node.accounts.change_profile(actor_id=other, changes=changes)
            async with asyncio.timeout(PATIENCE_S):
                event = await next_of(ConversationUpdated, outlet.take)
            assert not updates.must_search_again(cards, event)
            cards = updates.apply(cards, event)

            assert cards == await search(node, me)

        await outlet.close()


async def test_the_deletion_of_an_account_found_is_searched_again(storage: Storage) -> None:
    async with open_node(storage) as node:
        me, other = await new_user(node, "Me"), await joined(node)
        cards = (replace(CARD, id=other.user_id),)
        outlet = await node.hub.open(user_id=me, session_id=me)
        await node.conversations.open_direct(actor_id=me, user_id=other.user_id)
        async with asyncio.timeout(PATIENCE_S):
            await next_of(ConversationUpdated, outlet.take)
            await leave(node, other)
            event = await next_of(ConversationUpdated, outlet.take)

        assert updates.must_search_again(cards, event)
        await outlet.close()


async def next_of(
    kinds: UnionType | type[AnyEvent], take: Callable[[], Awaitable[list[Envelope]]]
) -> AnyEvent:
    """Return the next event of some kinds."""
    while True:
        for envelope in await take():
            for event in decode(envelope.body):
                if isinstance(event, kinds):
                    return event


CARD = UserCard(
    id=UUID(int=1),
    username="pat",
    display_name="Pat",
    avatar_url=None,
    status_text="",
    online=None,
    last_seen_at=None,
    friendship="none",
)


@pytest.mark.parametrize("online", [True, False, None])
def test_presence_shows_at_once(online: bool | None) -> None:  # noqa: FBT001  # a parameter of the test
    [card] = updates.apply((CARD,), Presence(user_id=CARD.id, online=online, last_seen_at=None))

    assert card.online is online
    assert person_row(card, 0)["online"] is (online is True)


def test_events_about_other_people_change_nothing() -> None:
    cards = (CARD,)
    stranger = UUID(int=2)

    for event in (
        Presence(user_id=stranger, online=True, last_seen_at=None),
        ConversationRead(conversation_id=CARD.id, user_id=CARD.id, seq=1),
    ):
        assert updates.apply(cards, event) is cards
    assert not updates.must_search_again(cards, FriendRemoved(user_id=stranger))


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 people found"), (1, "1 person found"), (12, "12 people found")],
)
def test_the_number_of_people_found_is_written_out(number: int, words: str) -> None:
    assert in_english(number_found(number)) == words
