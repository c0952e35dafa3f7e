"""`/api/messages`: sending, editing, deleting, and direct history."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from chat_app.accounts.schemas import Identity
from chat_app.admin.errors import ReportIsSelf
from chat_app.admin.schemas import Reported, ReportRequest
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
from chat_app.core.cursors import CURSOR as MOMENT_CURSOR
from chat_app.core.errors import RateLimited
from chat_app.core.ids import new_id
from chat_app.friends.errors import PersonNotFound
from chat_app.messages.errors import (
    FilesNotReady,
    IdempotencyConflict,
    MessageIsDeleted,
    MessageIsForwarded,
    MessageNotFound,
    NotAnEmoji,
    NotYourMessage,
    ReplyNotFound,
    TooManyPins,
    TooManyReactions,
)
from chat_app.messages.parts.queries import CURSOR, reactors_of, texts_of
from chat_app.messages.queries import direct_history
from chat_app.messages.saved import queries as saved
from chat_app.messages.schemas import (
    EditRequest,
    MessagePage,
    Reactions,
    ReactorPage,
    Reminder,
    ReminderRequest,
    SavedPage,
    SendRequest,
    Texts,
)
from chat_app.node.node import Node
from chat_app.realtime.shapes import Message

Emoji = Annotated[str, Parameter(description="One emoji of Unicode's RGI set.", max_length=64)]
AnyEmoji = Annotated[str | None, Parameter(description="Only those with it.", max_length=64)]
ReactionPlace = Annotated[
    str | None,
    Parameter(pattern=f"^{CURSOR.pattern}$", description="The `next_after` of the page before."),
]
SavedPlace = Annotated[
    str | None,
    Parameter(
        pattern=f"^{MOMENT_CURSOR.pattern}$", description="The `next_before` of the page before."
    ),
]
REACTING = [
    NotAnEmoji,
    MessageNotFound,
    MessageIsDeleted,
    TooManyReactions,
    CannotMessage,
    FriendsOnly,
    NotAllowed,
    RateLimited,
]
PINNING = [
    MessageNotFound,
    MessageIsDeleted,
    TooManyPins,
    CannotMessage,
    FriendsOnly,
    NotAllowed,
    RateLimited,
]


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
            ReplyNotFound,
            MessageNotFound,
            FilesNotReady,
            IdempotencyConflict,
            RateLimited,
        ],
    )
    async def send(self, data: SendRequest, me: Identity, node: Node) -> Response[Message]:
        """Send a message: 201 when it is stored, 200 when its `client_id` was stored before."""
        client_id = data.client_id or str(new_id())
        sent = await node.messages.send(data.message(sender_id=me.user_id, client_id=client_id))
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
            MessageIsForwarded,
            CannotMessage,
            FriendsOnly,
            NotAllowed,
            RateLimited,
        ],
    )
    async def edit(self, data: EditRequest, me: Identity, node: Node, id: UUID) -> Message:
        """Replace the text of a message of the signed-in user."""
        return await node.messages.edit(actor_id=me.user_id, message_id=id, content=data.content)

    @put("/{id:uuid}/reactions/{emoji:str}", errors=REACTING)
    async def react(self, me: Identity, node: Node, id: UUID, emoji: Emoji) -> Reactions:
        """React to a message with an emoji; with one that was there already, nothing changes."""
        return Reactions(
            reactions=await node.messages.react(
                actor_id=me.user_id, message_id=id, emoji=emoji, added=True
            )
        )

    @delete("/{id:uuid}/reactions/{emoji:str}", status_code=200, errors=REACTING)
    async def take_back(self, me: Identity, node: Node, id: UUID, emoji: Emoji) -> Reactions:
        """Take a reaction back; where there is none, nothing changes."""
        return Reactions(
            reactions=await node.messages.react(
                actor_id=me.user_id, message_id=id, emoji=emoji, added=False
            )
        )

    @get("/{id:uuid}/reactions", errors=[MessageNotFound, NotAnEmoji, BadCursor])
    async def reactors(
        self,
        me: Identity,
        node: Node,
        id: UUID,
        emoji: AnyEmoji = None,
        after: ReactionPlace = None,
        limit: Limit = 50,
    ) -> ReactorPage:
        """Return who has reacted to a message, with one emoji or with any."""
        return await reactors_of(
            node.database,
            viewer_id=me.user_id,
            message_id=id,
            emoji=emoji,
            after=after,
            limit=limit,
        )

    @get("/{id:uuid}/edits", errors=[MessageNotFound])
    async def edits(self, me: Identity, node: Node, id: UUID) -> Texts:
        """Return the texts that a message has had, the present one last."""
        return await texts_of(node.database, viewer_id=me.user_id, message_id=id)

    @put("/{id:uuid}/pin", errors=PINNING)
    async def pin(self, me: Identity, node: Node, id: UUID) -> Message:
        """Pin a message for all members of its conversation."""
        return await node.messages.pin(actor_id=me.user_id, message_id=id, pinned=True)

    @delete("/{id:uuid}/pin", status_code=200, errors=PINNING)
    async def unpin(self, me: Identity, node: Node, id: UUID) -> Message:
        """Unpin a message for all members of its conversation."""
        return await node.messages.pin(actor_id=me.user_id, message_id=id, pinned=False)

    @put("/{id:uuid}/save", status_code=204, errors=[MessageNotFound, RateLimited])
    async def save(self, me: Identity, node: Node, id: UUID) -> None:
        """Save a message for the signed-in user alone."""
        await node.saved_messages.save(actor_id=me.user_id, message_id=id)

    @delete("/{id:uuid}/save", status_code=204, errors=[RateLimited])
    async def remove_saved(self, me: Identity, node: Node, id: UUID) -> None:
        """Keep a message no more; where it was not saved, nothing changes."""
        await node.saved_messages.remove(actor_id=me.user_id, message_id=id)

    @put("/{id:uuid}/reminder", errors=[MessageNotFound, RateLimited])
    async def remind(self, data: ReminderRequest, me: Identity, node: Node, id: UUID) -> Reminder:
        """Remind the signed-in user of a message at a time."""
        return await node.due_items.remind(actor_id=me.user_id, message_id=id, at=data.at)

    @delete("/{id:uuid}/reminder", errors=[RateLimited])
    async def forget_reminder(self, me: Identity, node: Node, id: UUID) -> None:
        """Delete a reminder; where there is none, nothing changes."""
        await node.due_items.forget(actor_id=me.user_id, message_id=id)

    @post("/{id:uuid}/report", errors=[MessageNotFound, ReportIsSelf, RateLimited])
    async def report(self, data: ReportRequest, me: Identity, node: Node, id: UUID) -> Reported:
        """Report a message of somebody to the admins, with its present text."""
        return await node.reports.report_message(
            actor_id=me.user_id, message_id=id, reason=data.reason
        )

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


class SavedController(Controller):
    """The messages that the signed-in user has saved."""

    path = "/api/saved"
    guards = (signed_in,)
    tags = ("Messages",)

    @get("/", errors=[BadCursor])
    async def list_saved(
        self, me: Identity, node: Node, before: SavedPlace = None, limit: Limit = 50
    ) -> Response[SavedPage]:
        """Return what the signed-in user has saved and may read now, the latest first."""
        page = await saved.list_saved(
            node.database, viewer_id=me.user_id, before=before, limit=limit
        )
        return await large_reply(page)
