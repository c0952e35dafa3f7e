"""`/api/conversations` of groups, `/api/invites` and `/api/channels`."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, delete, get, patch, post
from litestar.params import Parameter

from chat_app.accounts.schemas import Identity
from chat_app.api.conversations import OF_GROUPS, Limit
from chat_app.api.dependencies import signed_in, viewer_of
from chat_app.conversations.errors import BadCursor, ConversationNotFound, NotAllowed
from chat_app.conversations.groups import queries
from chat_app.conversations.groups.errors import (
    CannotAdd,
    CannotJoin,
    GroupFull,
    LastOwner,
    MemberNotFound,
    NotAGroup,
)
from chat_app.conversations.groups.schemas import (
    Added,
    ChannelPage,
    GroupMember,
    MemberPage,
    MembershipRequest,
    MembersRequest,
    RoleRequest,
)
from chat_app.conversations.invites.errors import InviteNotFound
from chat_app.conversations.invites.queries import get_invitation, list_invites
from chat_app.conversations.invites.schemas import (
    Invitation,
    InviteRequest,
    Invites,
    NewInvite,
)
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import RateLimited
from chat_app.core.input import text_pattern
from chat_app.node.node import Node

Part = Annotated[
    str,
    # The search itself checks the pattern; an empty text is everybody.
    Parameter(max_length=64, schema_extra={"pattern": text_pattern(may_be_blank=True)}),
]
ABOUT_AFTER = "The `next_after` of the page before."
MemberPlace = Annotated[
    str | None,
    Parameter(pattern=f"^{queries.MEMBER_CURSOR.pattern}$", description=ABOUT_AFTER),
]
NamePlace = Annotated[
    str | None, Parameter(pattern=f"^{queries.NAME_CURSOR.pattern}$", description=ABOUT_AFTER)
]


class GroupsController(Controller):
    """The members of groups, and their invitations."""

    path = "/api/conversations"
    guards = (signed_in,)
    tags = ("Groups",)

    @get("/{conversation_id:uuid}/members", errors=[ConversationNotFound, NotAGroup, BadCursor])
    async def members(
        self,
        me: Identity,
        node: Node,
        conversation_id: UUID,
        q: Part = "",
        after: MemberPlace = None,
        limit: Limit = 50,
    ) -> MemberPage:
        """Return members: owners, then admins, then the others by name."""
        return await queries.list_members(
            node.database,
            viewer_id=me.user_id,
            conversation_id=conversation_id,
            online=node.online,
            text=q,
            after=after,
            limit=limit,
        )

    @post(
        "/{conversation_id:uuid}/members",
        status_code=200,
        errors=[*OF_GROUPS, CannotAdd, GroupFull],
    )
    async def add_members(
        self, data: MembersRequest, me: Identity, node: Node, conversation_id: UUID
    ) -> Added:
        """Add people to a group, as one of its admins."""
        return await node.groups.add_members(
            actor_id=me.user_id, conversation_id=conversation_id, user_ids=data.user_ids
        )

    @patch(
        "/{conversation_id:uuid}/members/{user_id:uuid}",
        errors=[*OF_GROUPS, MemberNotFound, LastOwner],
    )
    async def set_role(
        self, data: RoleRequest, me: Identity, node: Node, conversation_id: UUID, user_id: UUID
    ) -> GroupMember:
        """Set the role of a member, as one of the owners."""
        return await node.groups.set_role(
            actor_id=me.user_id,
            conversation_id=conversation_id,
            user_id=user_id,
            role=data.role,
        )

    @delete(
        "/{conversation_id:uuid}/members/{user_id:uuid}",
        status_code=204,
        errors=[*OF_GROUPS, MemberNotFound, LastOwner],
    )
    async def remove_member(
        self, me: Identity, node: Node, conversation_id: UUID, user_id: UUID
    ) -> None:
        """Leave a group, or remove another member as one of the admins."""
        await node.groups.remove_member(
            actor_id=me.user_id, conversation_id=conversation_id, user_id=user_id
        )

    @patch("/{conversation_id:uuid}/me", errors=[ConversationNotFound])
    async def change_membership(
        self, data: MembershipRequest, me: Identity, node: Node, conversation_id: UUID
    ) -> Conversation:
        """Mute, favour or archive a conversation, for the signed-in user only."""
        return await node.groups.change_membership(
            actor_id=me.user_id, conversation_id=conversation_id, data=data
        )

    @post(
        "/{conversation_id:uuid}/join",
        status_code=200,
        errors=[ConversationNotFound, CannotJoin, GroupFull, RateLimited],
    )
    async def join(self, me: Identity, node: Node, conversation_id: UUID) -> Conversation:
        """Join an open group."""
        return await node.groups.join(actor_id=me.user_id, conversation_id=conversation_id)

    @post("/{conversation_id:uuid}/invites", errors=OF_GROUPS)
    async def invite(
        self, data: InviteRequest, me: Identity, node: Node, conversation_id: UUID
    ) -> NewInvite:
        """Make an invitation by link, as one of the admins; its token is shown this once."""
        return await node.invitations.create(
            actor_id=me.user_id, conversation_id=conversation_id, data=data
        )

    @get("/{conversation_id:uuid}/invites", errors=OF_GROUPS)
    async def invites(self, me: Identity, node: Node, conversation_id: UUID) -> Invites:
        """Return the invitations that may be used, to an admin of the group."""
        async with node.database.reading() as session:
            return await list_invites(
                session, viewer_id=me.user_id, conversation_id=conversation_id
            )


class InvitesController(Controller):
    """Invitations, by their ids or tokens."""

    path = "/api/invites"
    tags = ("Groups",)

    @get("/{token:str}", errors=[InviteNotFound])
    async def invitation(
        self, node: Node, request: Request[Any, Any, Any], token: str
    ) -> Invitation:
        """Return what an invitation is to, for anybody; its `conversation_id` for members only."""
        viewer_id = await viewer_of(request, node)
        async with node.database.reading() as session:
            return await get_invitation(session, viewer_id=viewer_id, token=token)

    @post(
        "/{token:str}/accept",
        status_code=200,
        guards=[signed_in],
        errors=[InviteNotFound, CannotJoin, GroupFull, RateLimited],
    )
    async def accept(self, me: Identity, node: Node, token: str) -> Conversation:
        """Join the group of an invitation."""
        return await node.invitations.accept(actor_id=me.user_id, token=token)

    @delete(
        "/{token:str}",
        status_code=204,
        guards=[signed_in],
        errors=[InviteNotFound, NotAllowed, RateLimited],
    )
    async def withdraw(self, me: Identity, node: Node, token: str) -> None:
        """Withdraw an invitation, by its id."""
        try:
            invite_id = UUID(token)
        except ValueError:
            raise InviteNotFound from None
        await node.invitations.withdraw(actor_id=me.user_id, invite_id=invite_id)


class ChannelsController(Controller):
    """Open groups, which anybody of this chat may find and join."""

    path = "/api/channels"
    guards = (signed_in,)
    tags = ("Groups",)

    @get("/", errors=[BadCursor])
    async def channels(
        self, me: Identity, node: Node, q: Part = "", after: NamePlace = None, limit: Limit = 50
    ) -> ChannelPage:
        """Return open groups by their titles."""
        return await queries.list_channels(
            node.database, viewer_id=me.user_id, text=q, after=after, limit=limit
        )
