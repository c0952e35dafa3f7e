"""`/api/friends` and `/api/blocks`: friends, requests, suggestions and blocks."""

from uuid import UUID

from litestar import Controller, delete, get, post, put

from chat_app.accounts.schemas import Identity, People, UserCard
from chat_app.api.dependencies import signed_in
from chat_app.friends import queries
from chat_app.friends.schemas import Blocks, Requests, Suggestions, Whom
from chat_app.node.node import Node


class FriendsController(Controller):
    """Friends, friend requests and suggestions."""

    path = "/api/friends"
    guards = (signed_in,)
    tags = ("Friends",)

    @get("/")
    async def friends(self, me: Identity, node: Node) -> People:
        """Return one's friends by their names."""
        async with node.database.reading() as session:
            found = await queries.list_friends(session, viewer_id=me.user_id, online=node.online)
        return People(items=found)

    @post("/request")
    async def request(self, data: Whom, me: Identity, node: Node) -> UserCard:
        """Ask somebody to be friends; whom they have asked is their friend at once."""
        return await node.friends.request(actor_id=me.user_id, user_id=data.user_id)

    @post("/accept", status_code=200)
    async def accept(self, data: Whom, me: Identity, node: Node) -> UserCard:
        """Accept somebody's request."""
        return await node.friends.accept(actor_id=me.user_id, user_id=data.user_id)

    @get("/requests")
    async def requests(self, me: Identity, node: Node) -> Requests:
        """Return the requests that wait, one's own and those of others."""
        async with node.database.reading() as session:
            return await queries.list_requests(session, viewer_id=me.user_id, online=node.online)

    @delete("/requests/{user_id:uuid}")
    async def remove_request(self, me: Identity, node: Node, user_id: UUID) -> None:
        """Decline somebody's request, or cancel one's own."""
        await node.friends.remove_request(actor_id=me.user_id, user_id=user_id)

    @get("/suggestions")
    async def suggestions(self, me: Identity, node: Node) -> Suggestions:
        """Return people one may know, with the reason."""
        async with node.database.reading() as session:
            return await queries.suggest_people(session, viewer_id=me.user_id, online=node.online)

    @delete("/{user_id:uuid}")
    async def unfriend(self, me: Identity, node: Node, user_id: UUID) -> None:
        """End a friendship."""
        await node.friends.unfriend(actor_id=me.user_id, user_id=user_id)


class BlocksController(Controller):
    """The people whom the signed-in user has blocked."""

    path = "/api/blocks"
    guards = (signed_in,)
    tags = ("Friends",)

    @get("/")
    async def blocks(self, me: Identity, node: Node) -> Blocks:
        """Return whom one has blocked."""
        async with node.database.reading() as session:
            return await queries.list_blocks(session, viewer_id=me.user_id, online=node.online)

    @put("/{user_id:uuid}", status_code=204)
    async def block(self, me: Identity, node: Node, user_id: UUID) -> None:
        """Block somebody; friendship and requests end, and they are not told."""
        await node.friends.block(actor_id=me.user_id, user_id=user_id)

    @delete("/{user_id:uuid}")
    async def unblock(self, me: Identity, node: Node, user_id: UUID) -> None:
        """Lift a block; what it ended does not come back."""
        await node.friends.unblock(actor_id=me.user_id, user_id=user_id)
