"""`/api/scheduled` and `/api/reminders`: what happens later."""

from uuid import UUID

from litestar import Controller, Response, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec

from chat_app.accounts.schemas import Identity
from chat_app.api.dependencies import signed_in
from chat_app.api.large_replies import large_reply
from chat_app.conversations.errors import ConversationNotFound, ReceiverIsSelf
from chat_app.core.errors import RateLimited
from chat_app.friends.errors import PersonNotFound
from chat_app.messages.due.queries import list_reminders, list_scheduled
from chat_app.messages.errors import (
    AlreadySent,
    IdempotencyConflict,
    ReplyNotFound,
    ScheduledNotFound,
    TooManyScheduled,
)
from chat_app.messages.schemas import (
    Reminders,
    ScheduledChange,
    ScheduledMessages,
    ScheduleRequest,
)
from chat_app.node.node import Node
from chat_app.realtime.shapes import Scheduled


class ScheduledController(Controller):
    """The messages that the signed-in user has scheduled."""

    path = "/api/scheduled"
    guards = (signed_in,)
    tags = ("Messages",)

    @post(
        "/",
        responses={200: ResponseSpec(Scheduled, description="This `client_id` was scheduled.")},
        errors=[
            ConversationNotFound,
            PersonNotFound,
            ReceiverIsSelf,
            ReplyNotFound,
            IdempotencyConflict,
            TooManyScheduled,
            RateLimited,
        ],
    )
    async def schedule(
        self, data: ScheduleRequest, me: Identity, node: Node
    ) -> Response[Scheduled]:
        """Schedule a message: 201, or 200 when its `client_id` was scheduled before."""
        scheduled, replayed = await node.due_items.schedule(actor_id=me.user_id, data=data)
        return Response(scheduled, status_code=200 if replayed else 201)

    @get("/")
    async def list_scheduled(self, me: Identity, node: Node) -> Response[ScheduledMessages]:
        """Return what is scheduled and not sent, the next one first."""
        return await large_reply(await list_scheduled(node.database, viewer_id=me.user_id))

    @patch("/{id:uuid}", errors=[ScheduledNotFound, AlreadySent, RateLimited])
    async def change(self, data: ScheduledChange, me: Identity, node: Node, id: UUID) -> Scheduled:
        """Change the text or the time of a scheduled message; a refused one waits again."""
        return await node.due_items.change(actor_id=me.user_id, item_id=id, data=data)

    @delete("/{id:uuid}", errors=[ScheduledNotFound, AlreadySent, RateLimited])
    async def cancel(self, me: Identity, node: Node, id: UUID) -> None:
        """Delete a scheduled message."""
        await node.due_items.cancel(actor_id=me.user_id, item_id=id)


class RemindersController(Controller):
    """The reminders of the signed-in user."""

    path = "/api/reminders"
    guards = (signed_in,)
    tags = ("Messages",)

    @get("/")
    async def list_reminders(self, me: Identity, node: Node) -> Response[Reminders]:
        """Return the reminders, the next one first."""
        return await large_reply(await list_reminders(node.database, viewer_id=me.user_id))
