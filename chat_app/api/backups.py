"""`/api/admin/backups`: backups that admins make and download. Others get 404 for all of it."""

import asyncio
from functools import partial
from pathlib import Path

from litestar import Controller, get, post
from litestar.types import ASGIApp

from chat_app.accounts.schemas import Identity
from chat_app.admin.errors import BackupRunning, NoSpaceForBackup, NoSuchBackup
from chat_app.admin.schemas import Backup, Backups
from chat_app.api.admin import AnyRequest, actor_of
from chat_app.api.dependencies import admin_only, signed_in
from chat_app.api.files import PART, RANGES, UNCHANGED, file_reply
from chat_app.files.disk import LocalFile
from chat_app.files.errors import OutOfRange
from chat_app.node.node import Node

MEDIA_TYPE = "application/zip"


class BackupsController(Controller):
    """Backups of the whole chat, for admins."""

    path = "/api/admin/backups"
    guards = (signed_in, admin_only)
    tags = ("Administration",)

    @get()
    async def backups(self, me: Identity, node: Node) -> Backups:
        """Return the backups, the newest first, with the one that is being made or has failed."""
        return await node.backups.list(me.user_id)

    @post(status_code=202, errors=[BackupRunning, NoSpaceForBackup])
    async def back_up(self, me: Identity, node: Node, request: AnyRequest) -> Backup:
        """Begin a backup; the list tells when it is whole. The oldest ones are removed then."""
        return await node.backups.begin(actor_of(me, request))

    @get(
        "/{name:str}",
        media_types=[MEDIA_TYPE],
        request_headers=[RANGES],
        responses={206: PART, 304: UNCHANGED},
        errors=[NoSuchBackup, OutOfRange],
    )
    async def download(self, me: Identity, node: Node, request: AnyRequest, name: str) -> ASGIApp:
        """Return a backup, or a part of it.

        It holds what everybody has written, and the hashes of passwords.
        """
        path = await node.backups.open(actor_of(me, request), name)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
            "ETag": f'"{name}"',
        }
        return await file_reply(request, partial(_stored, path), headers, MEDIA_TYPE)


async def _stored(path: Path) -> LocalFile:
    try:
        return LocalFile(path, await asyncio.to_thread(path.stat))
    except FileNotFoundError:
        # A newer one has replaced it since.
        raise NoSuchBackup from None
