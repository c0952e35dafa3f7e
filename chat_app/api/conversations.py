"""`/api/conversations`: the lists, pages and read marks of a member."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from chat_app.accounts.schemas import Identity
from chat_app.api.dependencies import signed_in
from chat_app.api.large_replies import large_reply
from chat_app.conversations import queries
from chat_app.conversations.errors import (
    BadCursor,
    CannotMessage,
    ConversationNotFound,
    FriendsOnly,
    NotAllowed,
    ReceiverIsSelf,
)
from chat_app.conversations.groups.errors import CannotAdd, NotAGroup
from chat_app.conversations.groups.schemas import GroupChange, GroupRequest
from chat_app.conversations.schemas import (
    Conversation,
    ConversationPage,
    NewConversation,
    ReadRequest,
    UnreadRequest,
)
from chat_app.core.cursors import CURSOR
from chat_app.core.errors import RateLimited
from chat_app.files.queries import CURSOR as FILE_CURSOR
from chat_app.files.queries import shared_files
from chat_app.files.schemas import SharedFiles
from chat_app.friends.errors import PersonNotFound
from chat_app.messages.errors import DraftConflict, ReplyNotFound
from chat_app.messages.parts.queries import pinned_messages
from chat_app.messages.queries import history
from chat_app.messages.schemas import DraftRequest, DraftVersion, MessagePage, Pins
from chat_app.node.node import Node

Limit = Annotated[int, Parameter(ge=1, le=100)]
Cursor = Annotated[
    str | None,
    Parameter(pattern=f"^{CURSOR.pattern}$", description="The `next_before` of the page before."),
]
Before = Annotated[
    int | None,
    Parameter(ge=0, le=2**63 - 1, description="A page before this `seq`; not with `after`."),
]
After = Annotated[
    int | None,
    Parameter(ge=0, le=2**63 - 1, description="A page after this `seq`; not with `before`."),
]

FileKind = Annotated[
    str | None,
    Parameter(pattern="^(image|video|audio|file)$", description="Only files of this kind."),
]
FilePlace = Annotated[
    str | None,
    Parameter(
        pattern=f"^{FILE_CURSOR.pattern}$", description="The `next_before` of the page before."
    ),
]
Around = Annotated[
    int | None,
    Parameter(ge=0, le=2**63 - 1, description="A page with this `seq` in its middle; alone."),
]
At = Annotated[
    datetime | None,
    Parameter(description="A page with the first message since then in its middle; alone."),
]

# The errors of every change of a group.
OF_GROUPS = [ConversationNotFound, NotAGroup, NotAllowed, RateLimited]


class ConversationsController(Controller):
    """The signed-in user's conversations."""

    path = "/api/conversations"
    guards = (signed_in,)
    tags = ("Conversations",)

    @get("/", errors=[BadCursor])
    async def list_conversations(
        self, me: Identity, node: Node, before: Cursor = None, limit: Limit = 50
    ) -> Response[ConversationPage]:
        """Return the conversations of the signed-in user, latest activity first."""
        page = await queries.list_conversations(
            node.database, viewer_id=me.user_id, online=node.online, before=before, limit=limit
        )
        return await large_reply(page)

    @post(
        "/",
        responses={200: ResponseSpec(Conversation, description="It was open already.")},
        errors=[
            ReceiverIsSelf,
            PersonNotFound,
            CannotMessage,
            FriendsOnly,
            CannotAdd,
            RateLimited,
        ],
    )
    async def create(
        self, data: NewConversation, me: Identity, node: Node
    ) -> Response[Conversation]:
        """Open the direct conversation with a user, 200 when it exists; or make a group."""
        if isinstance(data.root, GroupRequest):
            group = await node.groups.create(actor_id=me.user_id, data=data.root)
            return Response(group, status_code=201)
        opened = await node.conversations.open_direct(
            actor_id=me.user_id, user_id=data.root.user_id
        )
        return Response(opened.conversation, status_code=201 if opened.created else 200)

    @get("/{conversation_id:uuid}", errors=[ConversationNotFound])
    async def get_conversation(
        self, me: Identity, node: Node, conversation_id: UUID
    ) -> Conversation:
        """Return a conversation of the signed-in user."""
        async with node.database.reading() as session:
            return await queries.get_conversation(
                session,
                viewer_id=me.user_id,
                conversation_id=conversation_id,
                online=node.online,
            )

    @patch("/{conversation_id:uuid}", errors=OF_GROUPS)
    async def change(
        self, data: GroupChange, me: Identity, node: Node, conversation_id: UUID
    ) -> Conversation:
        """Change a group, as one of its admins."""
        return await node.groups.change(
            actor_id=me.user_id, conversation_id=conversation_id, data=data
        )

    @delete("/{conversation_id:uuid}", status_code=204, errors=OF_GROUPS)
    async def delete_group(self, me: Identity, node: Node, conversation_id: UUID) -> None:
        """Delete a group with its messages for all, as one of its owners."""
        await node.groups.delete(actor_id=me.user_id, conversation_id=conversation_id)

    @get("/{conversation_id:uuid}/messages", errors=[ConversationNotFound])
    async def messages(
        self,
        me: Identity,
        node: Node,
        conversation_id: UUID,
        before: Before = None,
        after: After = None,
        around: Around = None,
        at: At = None,
        limit: Limit = 50,
    ) -> Response[MessagePage]:
        """Return a page of messages by `seq`; without a place, the newest."""
        page = await history(
            node.database,
            viewer_id=me.user_id,
            conversation_id=conversation_id,
            before=before,
            after=after,
            around=around,
            at=at,
            limit=limit,
        )
        node.deliveries.record_page(page.items, viewer_id=me.user_id)
        return await large_reply(page)

    @put(
        "/{conversation_id:uuid}/draft",
        errors=[ConversationNotFound, ReplyNotFound, DraftConflict, RateLimited],
    )
    async def write_draft(
        self, data: DraftRequest, me: Identity, node: Node, conversation_id: UUID
    ) -> DraftVersion:
        """Write the draft of the signed-in user; an empty one is removed."""
        version = await node.drafts.write(
            actor_id=me.user_id, conversation_id=conversation_id, data=data
        )
        return DraftVersion(version=version)

    @get("/{conversation_id:uuid}/pins", errors=[ConversationNotFound])
    async def pins(self, me: Identity, node: Node, conversation_id: UUID) -> Response[Pins]:
        """Return the pinned messages, the newest pin first."""
        pins = await pinned_messages(
            node.database, viewer_id=me.user_id, conversation_id=conversation_id
        )
        return await large_reply(pins)

    @get("/{conversation_id:uuid}/files", errors=[ConversationNotFound, BadCursor])
    async def files(
        self,
        me: Identity,
        node: Node,
        conversation_id: UUID,
        kind: FileKind = None,
        before: FilePlace = None,
        limit: Limit = 50,
    ) -> Response[SharedFiles]:
        """Return the files of a conversation, those of the latest messages first."""
        page = await shared_files(
            node.database,
            viewer_id=me.user_id,
            conversation_id=conversation_id,
            kind=kind,
            before=before,
            limit=limit,
        )
        return await large_reply(page)

    @post(
        "/{conversation_id:uuid}/read",
        status_code=204,
        errors=[ConversationNotFound, RateLimited],
    )
    async def mark_read(
        self, data: ReadRequest, me: Identity, node: Node, conversation_id: UUID
    ) -> None:
        """Move the signed-in user's read mark forward."""
        await node.conversations.mark_read(
            actor_id=me.user_id, conversation_id=conversation_id, seq=data.seq
        )

    @post(
        "/{conversation_id:uuid}/unread",
        status_code=204,
        errors=[ConversationNotFound, RateLimited],
    )
    async def mark_unread(
        self, data: UnreadRequest, me: Identity, node: Node, conversation_id: UUID
    ) -> None:
        """Mark a conversation unread from a message on, for the signed-in user only."""
        await node.conversations.mark_unread(
            actor_id=me.user_id, conversation_id=conversation_id, seq=data.seq
        )
