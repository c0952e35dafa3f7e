"""Avatars of people and groups, `/api/avatars` and where they are set."""

from functools import partial
from typing import Any
from uuid import UUID

from litestar import Controller, Request, delete, get, put
from litestar.types import ASGIApp

from chat_app.accounts.schemas import Identity, OwnUser
from chat_app.api.conversations import OF_GROUPS
from chat_app.api.dependencies import signed_in
from chat_app.api.files import PART, RANGES, THUMBNAIL_TYPE, UNCHANGED, file_reply
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import RateLimited
from chat_app.files.errors import DiskFull, NoSuchFile, NotAPicture, NotUnsent, OutOfRange
from chat_app.files.queries import avatar_file
from chat_app.files.schemas import AvatarRequest
from chat_app.node.node import Node

# Other bytes have another address.
CACHING = "private, max-age=31536000, immutable"


class AvatarsController(Controller):
    """Avatars: set by their person or the admins of their group, seen by everybody signed in."""

    path = "/api"
    guards = (signed_in,)
    tags = ("Files",)

    @put("/users/me/avatar", errors=[NotUnsent, NotAPicture, DiskFull, RateLimited])
    async def set_own(self, data: AvatarRequest, me: Identity, node: Node) -> OwnUser:
        """Make an uploaded picture, which was not sent, the avatar of the signed-in user."""
        return await node.avatars.set_own(actor_id=me.user_id, file_id=data.file_id)

    @delete("/users/me/avatar", status_code=204, errors=[RateLimited])
    async def remove_own(self, me: Identity, node: Node) -> None:
        """Remove the avatar of the signed-in user."""
        await node.avatars.remove_own(actor_id=me.user_id)

    @put(
        "/conversations/{conversation_id:uuid}/avatar",
        errors=[*OF_GROUPS, NotUnsent, NotAPicture, DiskFull],
    )
    async def set_of_group(
        self, data: AvatarRequest, me: Identity, node: Node, conversation_id: UUID
    ) -> Conversation:
        """Make an uploaded picture, which was not sent, the avatar of a group, as an admin."""
        return await node.avatars.set_of_group(
            actor_id=me.user_id, conversation_id=conversation_id, file_id=data.file_id
        )

    @delete("/conversations/{conversation_id:uuid}/avatar", status_code=204, errors=OF_GROUPS)
    async def remove_of_group(self, me: Identity, node: Node, conversation_id: UUID) -> None:
        """Remove the avatar of a group, as one of its admins."""
        await node.avatars.remove_of_group(actor_id=me.user_id, conversation_id=conversation_id)

    @get(
        "/avatars/{hash:str}",
        media_types=[THUMBNAIL_TYPE],
        request_headers=[RANGES],
        responses={206: PART, 304: UNCHANGED},
        errors=[NoSuchFile, OutOfRange],
    )
    async def show(self, request: Request[Any, Any, Any], node: Node, hash: str) -> ASGIApp:
        """Return an avatar, a square WebP of 256 pixels at most."""
        file_id = await avatar_file(node.database, avatar=hash)
        headers = {
            "ETag": f'"{hash}"',
            "Cache-Control": CACHING,
            "Content-Disposition": "inline",
        }
        stored = partial(node.file_storage.open, file_id)
        return await file_reply(request, stored, headers, THUMBNAIL_TYPE)
