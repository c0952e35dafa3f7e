"""Reads about invitations: those of a group for its admins, and one for whoever has its link."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.conversations.errors import ConversationNotFound, NotAllowed
from chat_app.conversations.groups.errors import NotAGroup
from chat_app.conversations.invites.errors import InviteNotFound
from chat_app.conversations.invites.schemas import Invitation, Invites
from chat_app.conversations.invites.schemas import Invite as InviteView
from chat_app.conversations.invites.store import valid
from chat_app.conversations.message_rows import person_of
from chat_app.core.tokens import fingerprint
from chat_app.models import Conversation, Invite, Member, User


async def list_invites(session: AsyncSession, *, viewer_id: UUID, conversation_id: UUID) -> Invites:
    """Return the invitations of a group that may be used.

    Raises ConversationNotFound, NotAGroup, and NotAllowed for members that are no admins.
    """
    found = await session.execute(
        select(col(Conversation.kind), col(Member.role))
        .join(Member, col(Member.conversation_id) == col(Conversation.id))
        .where(col(Conversation.id) == conversation_id, col(Member.user_id) == viewer_id)
    )
    group = found.first()
    if group is None:
        raise ConversationNotFound
    if group.kind != "group":
        raise NotAGroup
    if group.role == "member":
        raise NotAllowed
    rows = await session.execute(
        select(Invite, User)
        .join(User, col(User.id) == col(Invite.created_by))
        .where(col(Invite.conversation_id) == conversation_id, valid())
        .order_by(col(Invite.created_at).desc(), col(Invite.id).desc())
    )
    return Invites(
        items=[
            InviteView(
                id=invite.id,
                created_by=person_of(user.id, user.username, user.display_name, user.avatar),
                created_at=invite.created_at,
                expires_at=invite.expires_at,
                uses=invite.uses,
                max_uses=invite.max_uses,
            )
            for invite, user in rows
        ]
    )


async def get_invitation(
    session: AsyncSession, *, viewer_id: UUID | None, token: str
) -> Invitation:
    """Return what an invitation is to, for anybody. Raises InviteNotFound."""
    found = await session.execute(
        select(Invite, Conversation, User, col(Member.conversation_id))
        .outerjoin(Conversation, col(Conversation.id) == col(Invite.conversation_id))
        .outerjoin(
            Member,
            and_(
                col(Member.conversation_id) == col(Invite.conversation_id),
                col(Member.user_id) == viewer_id,
            ),
        )
        .outerjoin(User, col(User.id) == col(Invite.created_by))
        .where(col(Invite.token_hash) == fingerprint(token), valid())
    )
    row: Row[*tuple[Any, ...]] | None = found.first()
    if row is None:
        raise InviteNotFound
    invite, group, user, joined = row
    return Invitation(
        conversation_id=joined,
        title=group.title if group else "",
        description=group.description if group else "",
        members_count=group.members_count if group else 0,
        inviter=person_of(user.id, user.username, user.display_name, user.avatar) if user else None,
        expires_at=invite.expires_at,
    )
