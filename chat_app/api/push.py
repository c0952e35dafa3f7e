"""`/api/push`: the subscriptions of browsers."""

from uuid import UUID

from litestar import Controller, Response, delete, get, put
from litestar.openapi.datastructures import ResponseSpec

from chat_app.accounts.schemas import Identity
from chat_app.api.dependencies import signed_in
from chat_app.core.errors import RateLimited
from chat_app.node.node import Node
from chat_app.push.errors import EndpointRefused, SubscriptionNotFound
from chat_app.push.schemas import PushKey, Subscribed, SubscriptionRequest


class PushController(Controller):
    """Web push: messages for browsers in which no tab of the chat is open."""

    path = "/api/push"
    guards = (signed_in,)
    tags = ("Push",)

    @get("/key")
    async def key(self, node: Node) -> PushKey:
        """Return the key with which a browser subscribes at its push service."""
        return node.push_subscriptions.key()

    @put(
        "/subscriptions",
        status_code=201,
        responses={200: ResponseSpec(Subscribed, description="It was stored before.")},
        errors=[EndpointRefused, RateLimited],
    )
    async def subscribe(
        self, data: SubscriptionRequest, me: Identity, node: Node
    ) -> Response[Subscribed]:
        """Store a subscription: 201, or 200 where this session has it. It ends with the session."""
        identifier, is_new = await node.push_subscriptions.put(me, data)
        return Response(Subscribed(id=identifier), status_code=201 if is_new else 200)

    @delete("/subscriptions/{id:uuid}", status_code=204, errors=[SubscriptionNotFound])
    async def unsubscribe(self, me: Identity, node: Node, id: UUID) -> None:
        """End a subscription of the signed-in user."""
        await node.push_subscriptions.remove(actor_id=me.user_id, subscription_id=id)
