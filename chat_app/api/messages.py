"""`/api/messages`: sending, editing, deleting, and direct history."""

from uuid import UUID

from litestar import Controller, Response, delete, get, patch, post

from chat_app.accounts.schemas import Identity
from chat_app.api.conversations import Limit, Seq
from chat_app.api.dependencies import signed_in
from chat_app.core.ids import new_id
from chat_app.messages.queries import direct_history
from chat_app.messages.schemas import EditRequest, Message, MessagePage, NewMessage, SendRequest
from chat_app.node.node import Node


class MessagesController(Controller):
    """Sending, editing and deleting, and the direct conversation with a user."""

    path = "/api/messages"
    guards = (signed_in,)
    tags = ("Messages",)

    @post("/")
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

    @get("/{user_id:uuid}")
    async def direct(
        self,
        me: Identity,
        node: Node,
        user_id: UUID,
        before: Seq = None,
        after: Seq = None,
        limit: Limit = 50,
    ) -> MessagePage:
        """Return a page of the direct conversation with a user."""
        page = await direct_history(
            node.database,
            viewer_id=me.user_id,
            user_id=user_id,
            online=node.online,
            before=before,
            after=after,
            limit=limit,
        )
        node.deliveries.record_page(page.items, viewer_id=me.user_id)
        return page

    @patch("/{message_id:uuid}")
    async def edit(self, data: EditRequest, me: Identity, node: Node, message_id: UUID) -> Message:
        """Replace the text of a message of the signed-in user."""
        return await node.messages.edit(
            actor_id=me.user_id, message_id=message_id, content=data.content
        )

    @delete("/{message_id:uuid}")
    async def delete(self, me: Identity, node: Node, message_id: UUID) -> None:
        """Delete a message of the signed-in user, for all members."""
        await node.messages.delete(actor_id=me.user_id, message_id=message_id)
