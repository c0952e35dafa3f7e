"""Use cases of invitations: make, withdraw and accept them, and register with one."""

import asyncio
from uuid import UUID

import msgspec

from chat_app.change_log.unit_of_work import UnitOfWork, unit_of_work
from chat_app.conversations.errors import NotAllowed
from chat_app.conversations.groups import store as groups_store
from chat_app.conversations.groups.service import Groups
from chat_app.conversations.invites import store
from chat_app.conversations.invites.errors import InviteNotFound
from chat_app.conversations.invites.schemas import InviteRequest, NewInvite
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.schemas import Conversation
from chat_app.core.database import Database
from chat_app.core.own_origins import linked_origin
from chat_app.core.qr_code import picture_address
from chat_app.core.settings import Settings
from chat_app.realtime.broker import Broker
from chat_app.realtime.online import Online


async def with_qr_code(made: NewInvite) -> NewInvite:
    """Return a new invitation with its QR code, made in a thread: that takes milliseconds."""
    picture = await asyncio.to_thread(picture_address, made.url)
    return msgspec.structs.replace(made, qr=picture)


class Invitations:
    """The use cases of invitations over one database and broker."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        online: Online,
        groups: Groups,
        settings: Settings,
    ) -> None:
        self._database = database
        self._broker = broker
        self._online = online
        self._groups = groups
        self._settings = settings

    async def create(
        self, *, actor_id: UUID, conversation_id: UUID, data: InviteRequest
    ) -> NewInvite:
        """Make an invitation to a group. Raises ConversationNotFound, NotAGroup and NotAllowed."""
        await self._groups.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group = await self._groups.managed(uow, actor_id, conversation_id)
            made = store.add_invite(
                uow.session,
                data,
                origin=linked_origin(self._settings),
                created_by=actor_id,
                group_id=group.id,
            )
        return await with_qr_code(made)

    async def withdraw(self, *, actor_id: UUID, invite_id: UUID) -> None:
        """Withdraw an invitation.

        Raises InviteNotFound for whoever is not in its group, and NotAllowed for its members.
        """
        await self._groups.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            invite = await store.invite_with_id(uow.session, invite_id)
            if invite is None or invite.conversation_id is None:
                raise InviteNotFound
            role = await groups_store.role_of(uow.session, invite.conversation_id, actor_id)
            if role is None:
                raise InviteNotFound
            if role == "member":
                raise NotAllowed
            await store.withdraw_invite(uow.session, invite_id)

    async def accept(self, *, actor_id: UUID, token: str) -> Conversation:
        """Join the group of an invitation; a member is in it, whatever became of the invitation.

        Raises InviteNotFound, CannotJoin and GroupFull.
        """
        await self._groups.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group_id = await self._enter(uow, actor_id, token)
            await groups_store.write_changes(uow.session)
            return await get_conversation(
                uow.session, viewer_id=actor_id, conversation_id=group_id, online=self._online
            )

    async def admit(self, uow: UnitOfWork, user_id: UUID, token: str) -> None:
        """Use an invitation for somebody who registers with it; they join its group.

        Raises InviteNotFound, CannotJoin and GroupFull.
        """
        invite = await store.find_invite(uow.session, token)
        if invite is not None and invite.conversation_id is not None:
            await self._enter(uow, user_id, token)
        elif await store.use_invite(uow.session, token) is None:
            raise InviteNotFound

    async def _enter(self, uow: UnitOfWork, user_id: UUID, token: str) -> UUID:
        session = uow.session
        invite = await store.find_invite(session, token)
        if invite is None or invite.conversation_id is None:
            raise InviteNotFound
        group_id = invite.conversation_id
        group = await groups_store.lock_group(session, group_id)
        if group is None:
            raise InviteNotFound
        if await groups_store.role_of(session, group_id, user_id) is not None:
            return group_id
        if await store.use_invite(session, token) is None:
            raise InviteNotFound
        await self._groups.enter(uow, group, user_id)
        return group_id
