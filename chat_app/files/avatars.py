"""Use cases of avatars: squares made of uploaded pictures, for people and groups."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog

from chat_app.accounts.queries import own_user_of
from chat_app.accounts.schemas import OwnUser
from chat_app.accounts.service import profile_limit
from chat_app.accounts.store import lock_account, set_avatar
from chat_app.change_log.store import group_changed, profile_changed
from chat_app.change_log.unit_of_work import UnitOfWork, unit_of_work
from chat_app.conversations.groups.service import Groups
from chat_app.conversations.groups.store import write_changes
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.schemas import Conversation
from chat_app.core.database import Database
from chat_app.core.errors import AppError, Unauthenticated, Unavailable
from chat_app.core.ids import new_id
from chat_app.core.rate_limit import RateLimits
from chat_app.core.settings import Settings
from chat_app.files import store
from chat_app.files.children import ChildFailed
from chat_app.files.errors import NotAPicture, NotUnsent
from chat_app.files.pictures import Made, NoPicture, Refused, make_avatar
from chat_app.files.queries import check_picture
from chat_app.files.schemas import NewAvatar
from chat_app.files.storage import FileStorage
from chat_app.models import Conversation as Group
from chat_app.models import User
from chat_app.realtime.broker import Broker
from chat_app.realtime.online import Online

# Each has a process of its own.
MADE_AT_ONCE, MAX_ATTEMPTS = 2, 3
SUFFIX = ".avatar"

log = structlog.get_logger(__name__)


class Avatars:
    """The use cases of avatars. An avatar is a file of its own, by the hash of its bytes."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        storage: FileStorage,
        online: Online,
        limits: RateLimits,
        settings: Settings,
        groups: Groups,
        on_discarded: Callable[[], None],
    ) -> None:
        """Take `on_discarded`, which is called when there are bytes to remove."""
        self._database = database
        self._broker = broker
        self._storage = storage
        self._online = online
        self._limits = limits
        self._limit = profile_limit(settings)
        self._groups = groups
        self._on_discarded = on_discarded
        self._room = asyncio.Semaphore(MADE_AT_ONCE)

    async def set_own(self, *, actor_id: UUID, file_id: UUID) -> OwnUser:
        """Make an own unsent picture the avatar of the actor; the picture is used up.

        Raises NotUnsent for any other file, NotAPicture, DiskFull and RateLimited.
        """
        await self._limits.take(self._limit, str(actor_id))
        async with (
            self._made(actor_id, file_id) as avatar,
            unit_of_work(self._database, self._broker) as uow,
        ):
            account = await _locked_account(uow, actor_id)
            await _use(uow, file_id, avatar)
            await _change_own(uow, account, avatar.sha256)
        self._on_discarded()
        return own_user_of(account)

    async def remove_own(self, *, actor_id: UUID) -> None:
        """Remove the avatar of the actor, if there is one. Raises RateLimited."""
        await self._limits.take(self._limit, str(actor_id))
        async with unit_of_work(self._database, self._broker) as uow:
            await _change_own(uow, await _locked_account(uow, actor_id), None)
        self._on_discarded()

    async def set_of_group(
        self, *, actor_id: UUID, conversation_id: UUID, file_id: UUID
    ) -> Conversation:
        """Make an own unsent picture the avatar of a group, as one of its admins.

        Raises ConversationNotFound, NotAGroup, NotAllowed, and the same as for one's own.
        """
        await self._groups.take(actor_id)
        # First, so that nothing is made for others.
        async with unit_of_work(self._database, self._broker) as uow:
            await self._groups.managed(uow, actor_id, conversation_id)
        async with (
            self._made(actor_id, file_id) as avatar,
            unit_of_work(self._database, self._broker) as uow,
        ):
            group = await self._groups.managed(uow, actor_id, conversation_id)
            await _use(uow, file_id, avatar)
            await _change_group(uow, group, avatar.sha256)
            view = await get_conversation(
                uow.session,
                viewer_id=actor_id,
                conversation_id=conversation_id,
                online=self._online,
            )
        self._on_discarded()
        return view

    async def remove_of_group(self, *, actor_id: UUID, conversation_id: UUID) -> None:
        """Remove the avatar of a group, if there is one, as one of its admins.

        Raises ConversationNotFound, NotAGroup, NotAllowed and RateLimited.
        """
        await self._groups.take(actor_id)
        async with unit_of_work(self._database, self._broker) as uow:
            group = await self._groups.managed(uow, actor_id, conversation_id)
            await _change_group(uow, group, None)
        self._on_discarded()

    @contextlib.asynccontextmanager
    async def _made(self, actor_id: UUID, file_id: UUID) -> AsyncIterator[NewAvatar]:
        """Make and store an avatar for the block, which makes it that of somebody."""
        await check_picture(self._database, owner_id=actor_id, file_id=file_id)
        avatar_id = new_id()
        target = self._storage.upload_path(avatar_id, SUFFIX)
        try:
            async with self._room, self._storage.file_at_hand(file_id) as source:
                made = await _square(source, target)
            if not isinstance(made, Made):
                raise NotAPicture(file_id)
            size, digest = await self._storage.keep(avatar_id, target)
        except ChildFailed as error:
            log.warning("avatar.failed", file_id=str(file_id), reason=str(error))
            raise NotAPicture(file_id) from error
        finally:
            await asyncio.shield(self._storage.remove_upload(avatar_id))
        try:
            yield NewAvatar(avatar_id, actor_id, size, digest, made.width)
        except Unavailable:
            # It may be stored nevertheless; if not, the removal finds the bytes.
            raise
        except AppError:
            await self._storage.remove([avatar_id])
            raise


async def _square(source: Path, target: Path) -> Made | Refused | NoPicture:
    """Make an avatar; a child that was killed may be the machine's fault. Raises ChildFailed."""
    for _ in range(MAX_ATTEMPTS - 1):
        with contextlib.suppress(ChildFailed):
            return await make_avatar(source, target)
    return await make_avatar(source, target)


async def _locked_account(uow: UnitOfWork, user_id: UUID) -> User:
    account = await lock_account(uow.session, user_id)
    if account is None:
        raise Unauthenticated
    return account


async def _use(uow: UnitOfWork, file_id: UUID, avatar: NewAvatar) -> None:
    """Store the row of an avatar in the place of its picture. Raises NotUnsent."""
    connection = await uow.session.connection()
    if not await connection.run_sync(partial(store.use_picture, file_id=file_id, avatar=avatar)):
        raise NotUnsent(file_id)


async def _change_own(uow: UnitOfWork, account: User, avatar: str | None) -> None:
    earlier = account.avatar
    await set_avatar(uow.session, account, avatar)
    if avatar != earlier:
        uow.add(profile_changed(account.id))


async def _change_group(uow: UnitOfWork, group: Group, avatar: str | None) -> None:
    earlier = group.avatar
    await set_avatar(uow.session, group, avatar)
    await write_changes(uow.session)
    if avatar != earlier:
        uow.add(group_changed(group.id))
