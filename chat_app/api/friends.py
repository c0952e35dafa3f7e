"""`/api/friends` and `/api/blocks`: friends, requests, suggestions and blocks."""

from uuid import UUID

from litestar import Controller, Response, delete, get, post, put

from chat_app.accounts.schemas import Identity, People, UserCard
from chat_app.api.dependencies import signed_in
from chat_app.api.large_replies import large_reply
from chat_app.core.errors import RateLimited
from chat_app.friends import queries
from chat_app.friends.errors import (
    AlreadyFriends,
    AlreadyRequested,
    CannotBefriendSelf,
    CannotBlockSelf,
    FriendNotFound,
    HaveBlocked,
    PersonNotFound,
    RequestNotFound,
)
from chat_app.friends.schemas import Blocks, Requests, Suggestions, UserReference
from chat_app.node.node import Node


class FriendsController(Controller):
    """Friends, friend requests and suggestions."""

    path = "/api/friends"
    guards = (signed_in,)
    tags = ("Friends",)

    @get("/")
    async def friends(self, me: Identity, node: Node) -> Response[People]:
        """Return the friends of the signed-in user, by name."""
        found = await queries.list_friends(node.database, viewer_id=me.user_id, online=node.online)
        return await large_reply(People(items=found))

    @post(
        "/request",
        errors=[
            CannotBefriendSelf,
            PersonNotFound,
            AlreadyFriends,
            AlreadyRequested,
            HaveBlocked,
            RateLimited,
        ],
    )
    async def request(self, data: UserReference, me: Identity, node: Node) -> UserCard:
        """Send a friend request; if the other user has sent one, both are friends at once."""
        return await node.friends.request(actor_id=me.user_id, user_id=data.user_id)

    @post("/accept", status_code=200, errors=[PersonNotFound, RequestNotFound])
    async def accept(self, data: UserReference, me: Identity, node: Node) -> UserCard:
        """Accept a friend request."""
        return await node.friends.accept(actor_id=me.user_id, user_id=data.user_id)

    @get("/requests")
    async def requests(self, me: Identity, node: Node) -> Response[Requests]:
        """Return the open friend requests, incoming and outgoing."""
        return await large_reply(
            await queries.list_requests(node.database, viewer_id=me.user_id, online=node.online)
        )

    @delete("/requests/{user_id:uuid}", errors=[PersonNotFound, RequestNotFound])
    async def remove_request(self, me: Identity, node: Node, user_id: UUID) -> None:
        """Decline an incoming friend request, or cancel an outgoing one."""
        await node.friends.remove_request(actor_id=me.user_id, user_id=user_id)

    @get("/suggestions")
    async def suggestions(self, me: Identity, node: Node) -> Suggestions:
        """Return suggested people, each with the reason."""
        async with node.database.reading() as session:
            return await queries.suggest_people(session, viewer_id=me.user_id, online=node.online)

    @delete("/{user_id:uuid}", errors=[PersonNotFound, FriendNotFound])
    async def unfriend(self, me: Identity, node: Node, user_id: UUID) -> None:
        """End a friendship."""
        await node.friends.unfriend(actor_id=me.user_id, user_id=user_id)


class BlocksController(Controller):
    """The users blocked by the signed-in user."""

    path = "/api/blocks"
    guards = (signed_in,)
    tags = ("Friends",)

    @get("/")
    async def blocks(self, me: Identity, node: Node) -> Response[Blocks]:
        """Return the users blocked by the signed-in user."""
        return await large_reply(
            await queries.list_blocks(node.database, viewer_id=me.user_id, online=node.online)
        )

    @put("/{user_id:uuid}", status_code=204, errors=[CannotBlockSelf, PersonNotFound])
    async def block(self, me: Identity, node: Node, user_id: UUID) -> None:
        """Block a user; their friendship or request ends, and they are not notified."""
        await node.friends.block(actor_id=me.user_id, user_id=user_id)

    @delete("/{user_id:uuid}", errors=[CannotBlockSelf, PersonNotFound])
    async def unblock(self, me: Identity, node: Node, user_id: UUID) -> None:
        """Unblock a user; a friendship that the block has ended is not restored."""
        await node.friends.unblock(actor_id=me.user_id, user_id=user_id)
