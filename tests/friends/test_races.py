"""Concurrent changes between two users: in any order, the result is one of the valid ones."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from chat_app.core import database
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.friends.errors import AlreadyFriends, AlreadyRequested, PersonNotFound
from chat_app.friends.queries import list_friends
from chat_app.models import Block, FriendRequest, Friendship
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node

ROUNDS = 10


@pytest.fixture(autouse=True)
def _patient_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the time limits of the database: a slow machine must not turn a race into a refusal."""
    monkeypatch.setattr(database, "ANSWER_S", 60.0)
    monkeypatch.setattr(database, "POOL_WAIT_S", 60)


async def at_once(*deeds: Coroutine[Any, Any, object]) -> list[object]:
    """Do everything at the same time; what is refused is returned, any other failure raised."""
    outcomes = await asyncio.gather(*deeds, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, AppError):
            raise outcome
    return outcomes


async def rows(node: Node) -> tuple[int, int, int]:
    """Count the sides of friendships, the requests and the blocks."""
    async with node.database.reading() as session:
        friendships = select(func.count(col(Friendship.user_id)))
        requests = select(func.count(col(FriendRequest.sender_id)))
        blocks = select(func.count(col(Block.blocker_id)))
        found = [
            int((await session.execute(statement)).scalar_one())
            for statement in (friendships, requests, blocks)
        ]
    return found[0], found[1], found[2]


async def test_mutual_requests_at_once_make_one_friendship(storage: Storage) -> None:
    async with open_node(storage) as node:
        for turn in range(1, ROUNDS + 1):
            alice, bob = await new_user(node), await new_user(node)

            outcomes = await at_once(
                node.friends.request(actor_id=alice, user_id=bob),
                node.friends.request(actor_id=bob, user_id=alice),
            )

            states = sorted(getattr(outcome, "friendship", "") for outcome in outcomes)
            assert states == ["friends", "requested"]
            assert await rows(node) == (2 * turn, 0, 0)


async def test_fifty_requests_at_once_are_stored_once(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)

        outcomes = await at_once(
            *(node.friends.request(actor_id=alice, user_id=bob) for _ in range(50))
        )

        assert sum(isinstance(outcome, AlreadyRequested) for outcome in outcomes) == 49
        assert await rows(node) == (0, 1, 0)


async def test_fifty_accepts_at_once_are_harmless(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.friends.request(actor_id=alice, user_id=bob)

        outcomes = await at_once(
            *(node.friends.accept(actor_id=bob, user_id=alice) for _ in range(50))
        )

        assert {getattr(outcome, "friendship", outcome) for outcome in outcomes} == {"friends"}
        assert await rows(node) == (2, 0, 0)


async def test_races_of_two_nodes_are_settled_in_the_database(storage: Storage) -> None:
    if not storage.database_url:
        return  # one process owns an embedded database
    async with open_node(storage) as one, open_node(storage) as other:
        for turn in range(1, ROUNDS + 1):
            alice, bob = await new_user(one), await new_user(one)

            outcomes = await at_once(
                *(
                    deed
                    for node in (one, other)
                    for deed in (
                        node.friends.request(actor_id=alice, user_id=bob),
                        node.friends.request(actor_id=bob, user_id=alice),
                    )
                )
            )

            refused = {type(outcome) for outcome in outcomes if isinstance(outcome, AppError)}
            assert refused <= {AlreadyFriends, AlreadyRequested}
            assert await rows(one) == (2 * turn, 0, 0)


async def test_declining_and_accepting_at_once_has_one_winner(storage: Storage) -> None:
    async with open_node(storage) as node:
        friendships = 0
        for _ in range(ROUNDS):
            alice, bob = await new_user(node), await new_user(node)
            await node.friends.request(actor_id=alice, user_id=bob)

            outcomes = await at_once(
                node.friends.accept(actor_id=bob, user_id=alice),
                node.friends.remove_request(actor_id=alice, user_id=bob),
            )

            refused = [isinstance(outcome, AppError) for outcome in outcomes]
            assert sorted(refused) == [False, True]
            friendships += not refused[0]
            assert await rows(node) == (2 * friendships, 0, 0)


async def test_unfriending_during_an_accept_leaves_two_sides_or_none(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        for _ in range(ROUNDS):
            alice, bob = await new_user(node), await new_user(node)
            await node.friends.request(actor_id=alice, user_id=bob)

            await at_once(
                node.friends.accept(actor_id=bob, user_id=alice),
                node.friends.unfriend(actor_id=alice, user_id=bob),
                node.friends.accept(actor_id=bob, user_id=alice),
            )

            sides = []
            for one, other in ((alice, bob), (bob, alice)):
                friends = await list_friends(node.database, viewer_id=one, online=node.online)
                sides.append(other in {friend.id for friend in friends})
            assert sides[0] == sides[1]


@pytest.mark.parametrize("deed", ["request", "accept", "both block"])
async def test_no_relation_stays_across_a_block(storage: Storage, deed: str) -> None:
    async with open_node(storage) as node:
        for turn in range(1, ROUNDS + 1):
            alice, bob = await new_user(node), await new_user(node)
            if deed == "accept":
                await node.friends.request(actor_id=alice, user_id=bob)
            during = {
                "request": node.friends.request(actor_id=alice, user_id=bob),
                "accept": node.friends.accept(actor_id=bob, user_id=alice),
                "both block": node.friends.block(actor_id=alice, user_id=bob),
            }
            chosen = during.pop(deed)
            for other in during.values():
                other.close()

            _, blocked = await at_once(chosen, node.friends.block(actor_id=bob, user_id=alice))

            assert blocked is None
            blocks = 2 * turn if deed == "both block" else turn
            assert await rows(node) == (0, 0, blocks)


async def test_a_deleted_user_has_no_friends(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice = await new_user(node)
        gone = await new_user(node, deleted_at=utc_now())

        outcomes = await at_once(
            node.friends.request(actor_id=alice, user_id=gone),
            node.friends.accept(actor_id=alice, user_id=gone),
            node.friends.block(actor_id=alice, user_id=gone),
            node.friends.unblock(actor_id=alice, user_id=gone),
            node.friends.request(actor_id=gone, user_id=alice),
        )

        assert [type(outcome) for outcome in outcomes] == [PersonNotFound] * 5
        assert await rows(node) == (0, 0, 0)
