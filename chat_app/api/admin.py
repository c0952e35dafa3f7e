"""`/api/admin`: what admins see and do. Whoever is no admin gets 404 for all of it."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, patch, post
from litestar.params import Parameter

from chat_app.accounts.errors import LastAdmin
from chat_app.accounts.schemas import Identity
from chat_app.admin import queries
from chat_app.admin.errors import ReportNotFound
from chat_app.admin.schemas import (
    Actor,
    AuditLog,
    Figures,
    ManagedUser,
    ManagedUsers,
    RegistrationInvites,
    ReportChange,
    Reports,
    ResetLink,
    UserChange,
)
from chat_app.api.auth import device_of
from chat_app.api.conversations import Limit
from chat_app.api.dependencies import admin_only, signed_in
from chat_app.api.groups import Part
from chat_app.api.health import health_of
from chat_app.api.openapi import API_VERSION
from chat_app.api.schemas import Health
from chat_app.conversations.invites.errors import InviteNotFound
from chat_app.conversations.invites.schemas import InviteRequest, NewInvite
from chat_app.friends.errors import PersonNotFound
from chat_app.node.node import Node

AnyRequest = Request[Any, Any, Any]
After = Annotated[UUID | None, Parameter(description="The `next_after` of the page before.")]
Before = Annotated[UUID | None, Parameter(description="The `next_before` of the page before.")]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The chat at a glance: its size and use, the version, and the health of the node asked."""

    figures: Figures
    version: str
    health: Health


class AdminController(Controller):
    """Accounts, registration, reports, figures and the audit log, for admins."""

    path = "/api/admin"
    guards = (signed_in, admin_only)
    tags = ("Administration",)

    @get("/users")
    async def users(
        self, me: Identity, node: Node, q: Part = "", after: After = None, limit: Limit = 50
    ) -> ManagedUsers:
        """Return accounts, the newest first, those with `q` in a name."""
        async with node.database.reading() as session:
            return await queries.list_users(
                session, viewer_id=me.user_id, text=q, after=after, limit=limit
            )

    @patch("/users/{user_id:uuid}", errors=[PersonNotFound, LastAdmin])
    async def change_user(
        self, data: UserChange, me: Identity, node: Node, request: AnyRequest, user_id: UUID
    ) -> ManagedUser:
        """Disable or enable an account, or change whether it is an admin's."""
        return await node.admin.change_user(actor_of(me, request), user_id, data)

    @delete("/users/{user_id:uuid}", status_code=204, errors=[PersonNotFound, LastAdmin])
    async def delete_user(
        self, me: Identity, node: Node, request: AnyRequest, user_id: UUID
    ) -> None:
        """Delete an account; its messages stay, from "Deleted user"."""
        await node.admin.delete_user(actor_of(me, request), user_id)

    @delete("/users/{user_id:uuid}/sessions", status_code=204, errors=[PersonNotFound])
    async def end_sessions(
        self, me: Identity, node: Node, request: AnyRequest, user_id: UUID
    ) -> None:
        """End all sessions of somebody."""
        await node.admin.end_sessions(actor_of(me, request), user_id)

    @post("/users/{user_id:uuid}/reset", errors=[PersonNotFound])
    async def make_reset_link(
        self, me: Identity, node: Node, request: AnyRequest, user_id: UUID
    ) -> ResetLink:
        """Make a link by which somebody sets a new password, once and within a day."""
        return await node.admin.make_reset_link(actor_of(me, request), user_id)

    @get("/invites")
    async def invites(self, me: Identity, node: Node) -> RegistrationInvites:
        """Return the invitations to register that may be used, the newest first."""
        async with node.database.reading() as session:
            return await queries.list_invites(session, viewer_id=me.user_id)

    @post("/invites")
    async def invite(
        self, data: InviteRequest, me: Identity, node: Node, request: AnyRequest
    ) -> NewInvite:
        """Make an invitation to register; its token is shown this once."""
        return await node.admin.make_invite(actor_of(me, request), data)

    @delete("/invites/{invite_id:uuid}", status_code=204, errors=[InviteNotFound])
    async def withdraw_invite(
        self, me: Identity, node: Node, request: AnyRequest, invite_id: UUID
    ) -> None:
        """Withdraw an invitation to register."""
        await node.admin.withdraw_invite(actor_of(me, request), invite_id)

    @get("/reports")
    async def reports(
        self,
        me: Identity,
        node: Node,
        before: Before = None,
        limit: Limit = 50,
    ) -> Reports:
        """Return what members have reported, the newest first."""
        async with node.database.reading() as session:
            return await queries.list_reports(
                session, viewer_id=me.user_id, before=before, limit=limit
            )

    @patch("/reports/{report_id:uuid}", status_code=204, errors=[ReportNotFound])
    async def change_report(
        self, data: ReportChange, me: Identity, node: Node, request: AnyRequest, report_id: UUID
    ) -> None:
        """Set the state of a report."""
        await node.admin.set_report_state(actor_of(me, request), report_id, data.state)

    @get("/overview")
    async def overview(self, me: Identity, node: Node) -> Overview:
        """Return the size, the use, the version and the health of the chat."""
        figures = await queries.figures(node.database, node.settings, viewer_id=me.user_id)
        return Overview(figures=figures, version=API_VERSION, health=await health_of(node))

    @get("/audit")
    async def audit(
        self, me: Identity, node: Node, before: Before = None, limit: Limit = 50
    ) -> AuditLog:
        """Return who did what to whom, when and from where, the newest first."""
        async with node.database.reading() as session:
            return await queries.audit_log(
                session, viewer_id=me.user_id, before=before, limit=limit
            )


def actor_of(me: Identity, request: AnyRequest) -> Actor:
    """Return who acts, for the audit log."""
    return Actor(me.user_id, device_of(request).address)
