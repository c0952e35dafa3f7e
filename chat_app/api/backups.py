"""`/api/admin/backups`: backups that admins make and download. Others get 404 for all of it."""

from litestar import Controller, get, post
from litestar.types import ASGIApp

from chat_app.accounts.schemas import Identity
from chat_app.admin.errors import BackupRunning, NoSpaceForBackup, NoSuchBackup
from chat_app.admin.schemas import Backup, Backups
from chat_app.api.admin import AnyRequest, actor_of
from chat_app.api.dependencies import admin_only, signed_in
from chat_app.api.files import FileReply
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

    @get("/{name:str}", media_types=[MEDIA_TYPE], errors=[NoSuchBackup])
    async def download(self, me: Identity, node: Node, request: AnyRequest, name: str) -> ASGIApp:
        """Return a backup. It holds what everybody has written, and the hashes of passwords."""
        path = await node.backups.open(actor_of(me, request), name)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cross-Origin-Resource-Policy": "same-site",
        }
        reply: ASGIApp = FileReply(path, headers=headers, media_type=MEDIA_TYPE)  # type: ignore[assignment]  # Starlette's types of ASGI
        return reply
