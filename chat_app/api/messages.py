"""`/api/messages`: sending, editing, deleting, and direct history."""

from uuid import UUID

from litestar import Controller, Response, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec

from chat_app.accounts.schemas import Identity
from chat_app.api.conversations import After, Before, Limit
from chat_app.api.dependencies import signed_in
from chat_app.api.groups import NamePlace
from chat_app.api.large_replies import large_reply
from chat_app.conversations.errors import (
    BadCursor,
    CannotMessage,
    ConversationNotFound,
    FriendsOnly,
    NotAllowed,
    ReceiverIsSelf,
)
from chat_app.conversations.groups.queries import message_receipts
from chat_app.conversations.groups.schemas import ReceiptPage
from chat_app.core.errors import RateLimited
from chat_app.core.ids import new_id
from chat_app.friends.errors import PersonNotFound
from chat_app.messages.errors import (
    IdempotencyConflict,
    MessageIsDeleted,
    MessageNotFound,
    NotYourMessage,
)
from chat_app.messages.queries import direct_history
from chat_app.messages.schemas import EditRequest, Message, MessagePage, NewMessage, SendRequest
from chat_app.node.node import Node


class MessagesController(Controller):
    """Sending, editing and deleting, and the direct conversation with a user."""

    path = "/api/messages"
    guards = (signed_in,)
    tags = ("Messages",)

    @post(
        "/",
        responses={200: ResponseSpec(Message, description="This `client_id` was stored before.")},
        errors=[
            ConversationNotFound,
            PersonNotFound,
            ReceiverIsSelf,
            CannotMessage,
            FriendsOnly,
            NotAllowed,
            IdempotencyConflict,
            RateLimited,
        ],
    )
    async def send(self, data: SendRequest, me: Identity, node: Node) -> Response[Message]:
        """Send a message: 201 when it is stored, 200 when its `client_id` was stored before."""
        sent = await node.messages.send(
            NewMessage(
                sender_id=me.user_id,
                content=data.content,
                client_id=data.client_id or str(new_id()),
                conversation_id=data.conversation_id,
                receiver_id=data.receiver_id,
            )
        )
        return Response(sent.message, status_code=200 if sent.replayed else 201)

    @get("/{id:uuid}", errors=[PersonNotFound])
    async def direct(
        self,
        me: Identity,
        node: Node,
        id: UUID,
        before: Before = None,
        after: After = None,
        limit: Limit = 50,
    ) -> Response[MessagePage]:
        """Return a page of the direct conversation with a user."""
        page = await direct_history(
            node.database,
            viewer_id=me.user_id,
            user_id=id,
            online=node.online,
            before=before,
            after=after,
            limit=limit,
        )
        node.deliveries.record_page(page.items, viewer_id=me.user_id)
        return await large_reply(page)

    @patch(
        "/{id:uuid}",
        errors=[
            MessageNotFound,
            NotYourMessage,
            MessageIsDeleted,
            CannotMessage,
            FriendsOnly,
            NotAllowed,
            RateLimited,
        ],
    )
    async def edit(self, data: EditRequest, me: Identity, node: Node, id: UUID) -> Message:
        """Replace the text of a message of the signed-in user."""
        return await node.messages.edit(actor_id=me.user_id, message_id=id, content=data.content)

    @get("/{id:uuid}/receipts", errors=[MessageNotFound, BadCursor])
    async def receipts(
        self, me: Identity, node: Node, id: UUID, after: NamePlace = None, limit: Limit = 50
    ) -> ReceiptPage:
        """Return who has read a message of the signed-in user."""
        page = await message_receipts(
            node.database, viewer_id=me.user_id, message_id=id, after=after, limit=limit
        )
        if page is None:
            raise MessageNotFound
        return page

    @delete("/{id:uuid}", errors=[MessageNotFound, NotYourMessage, RateLimited])
    async def delete(self, me: Identity, node: Node, id: UUID) -> None:
        """Delete a message of the signed-in user, for all members."""
        await node.messages.delete(actor_id=me.user_id, message_id=id)
