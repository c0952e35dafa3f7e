"""`/api/auth` and `/api/users`: registration, sign-in, sessions, profiles and people search."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.datastructures import ResponseHeader
from litestar.params import Parameter

from chat_app.accounts import queries
from chat_app.accounts.errors import (
    AccountDisabled,
    InvalidCredentials,
    InvalidRefreshToken,
    LastAdmin,
    RegistrationClosed,
    ResetLinkNotFound,
    SessionNotFound,
    UsernameTaken,
    WrongPassword,
)
from chat_app.accounts.schemas import (
    Credentials,
    Identity,
    OpenSessions,
    OwnUser,
    PasswordChange,
    PasswordConfirmation,
    People,
    ProfileChange,
    RefreshRequest,
    Registration,
    SignedIn,
    TokenPair,
    UserCard,
)
from chat_app.admin.errors import ReportIsSelf
from chat_app.admin.schemas import PasswordReset, Reported, ReportRequest
from chat_app.api.auth import (
    device_of,
    end_replaced_push,
    expired_cookie,
    note_earlier_cookie,
    session_cookie,
)
from chat_app.api.conversations import Limit
from chat_app.api.dependencies import own_pages_or_programs, signed_in
from chat_app.api.schemas import SignedInReply
from chat_app.conversations.groups.errors import CannotJoin, GroupFull
from chat_app.conversations.invites.errors import InviteNotFound
from chat_app.core.errors import RateLimited
from chat_app.core.input import text_pattern
from chat_app.core.settings import Settings
from chat_app.friends.errors import PersonNotFound
from chat_app.friends.queries import search_users, user_card
from chat_app.node.node import Node

AnyRequest = Request[Any, Any, Any]

Query = Annotated[
    str,
    # The search itself checks the pattern.
    Parameter(min_length=1, max_length=64, schema_extra={"pattern": text_pattern()}),
]
SETS_COOKIE = [
    ResponseHeader(
        name="Set-Cookie",
        description="The cookie of the new session, for browsers.",
        documentation_only=True,
    )
]
REMOVES_COOKIE = [
    ResponseHeader(
        name="Set-Cookie",
        description="Removes the cookie of a session that has ended.",
        documentation_only=True,
    )
]


class AuthController(Controller):
    """Registration, sign-in and sign-out."""

    path = "/api/auth"
    tags = ("Accounts",)

    @post(
        "/register",
        status_code=201,
        guards=[own_pages_or_programs],
        errors=[
            UsernameTaken,
            RegistrationClosed,
            InviteNotFound,
            CannotJoin,
            GroupFull,
            RateLimited,
        ],
        response_headers=SETS_COOKIE,
    )
    async def register(
        self, data: Registration, node: Node, request: AnyRequest
    ) -> Response[SignedInReply]:
        """Create an account and sign it in on this device."""
        await note_earlier_cookie(request, node)
        signed_in = await node.accounts.register(data, device=device_of(request))
        await end_replaced_push(request, node, user_id=signed_in.user.id)
        return _reply(signed_in, node.settings, status=201)

    @post(
        "/login",
        status_code=200,
        guards=[own_pages_or_programs],
        errors=[InvalidCredentials, AccountDisabled, RateLimited],
        response_headers=SETS_COOKIE,
    )
    async def login(
        self, data: Credentials, node: Node, request: AnyRequest
    ) -> Response[SignedInReply]:
        """Sign in on this device."""
        await note_earlier_cookie(request, node)
        signed_in = await node.accounts.login(data, device=device_of(request))
        await end_replaced_push(request, node, user_id=signed_in.user.id)
        return _reply(signed_in, node.settings, status=200)

    @post(
        "/refresh",
        status_code=200,
        guards=[own_pages_or_programs],
        errors=[InvalidRefreshToken],
    )
    async def refresh(self, data: RefreshRequest, node: Node) -> TokenPair:
        """Exchange a refresh token for a new pair of tokens."""
        return await node.accounts.refresh(data.refresh_token)

    @post("/reset", status_code=204, guards=[own_pages_or_programs], errors=[ResetLinkNotFound])
    async def reset(self, data: PasswordReset, node: Node, request: AnyRequest) -> None:
        """Set a new password by a reset link, once; all sessions of its user end."""
        await node.admin.reset_password(data, address=device_of(request).address)

    @post("/logout", status_code=204, guards=[signed_in], response_headers=REMOVES_COOKIE)
    async def logout(self, me: Identity, node: Node) -> Response[None]:
        """End this session: its cookie, tokens, sockets and tabs."""
        await node.accounts.logout(me)
        return Response(None, status_code=204, cookies=[expired_cookie(node.settings)])


class OwnAccountController(Controller):
    """The signed-in user's account, password and sessions."""

    path = "/api/auth"
    guards = (signed_in,)
    tags = ("Accounts",)

    @get("/me")
    async def me(self, me: Identity, node: Node) -> OwnUser:
        """Return the signed-in user, private fields included."""
        async with node.database.reading() as session:
            return await queries.own_user(session, user_id=me.user_id)

    @get("/sessions")
    async def sessions(self, me: Identity, node: Node) -> OpenSessions:
        """Return the open sessions of the signed-in user, latest use first."""
        async with node.database.reading() as session:
            return OpenSessions(items=await queries.open_sessions(session, viewer=me))

    @delete(
        "/sessions/{session_id:uuid}",
        status_code=204,
        errors=[SessionNotFound],
        response_headers=REMOVES_COOKIE,
    )
    async def end_session(self, me: Identity, node: Node, session_id: UUID) -> Response[None]:
        """End a session of the signed-in user: its cookie, tokens, sockets and tabs."""
        await node.accounts.end_session(actor_id=me.user_id, session_id=session_id)
        is_own = session_id == me.session_id
        cookies = [expired_cookie(node.settings)] if is_own else []
        return Response(None, status_code=204, cookies=cookies)

    @post("/password", status_code=204, errors=[WrongPassword, RateLimited])
    async def password(
        self, data: PasswordChange, me: Identity, node: Node, request: AnyRequest
    ) -> None:
        """Set a new password and end all other sessions."""
        await node.accounts.change_password(me, data, device=device_of(request))

    @delete(
        "/me",
        status_code=204,
        errors=[WrongPassword, LastAdmin, RateLimited],
        response_headers=REMOVES_COOKIE,
    )
    async def delete_account(
        self, data: PasswordConfirmation, me: Identity, node: Node, request: AnyRequest
    ) -> Response[None]:
        """Delete the account; its messages stay, from "Deleted user"."""
        await node.accounts.delete(me, data, device=device_of(request))
        return Response(None, status_code=204, cookies=[expired_cookie(node.settings)])


class UsersController(Controller):
    """People search, other people's profiles, and the signed-in user's own."""

    path = "/api/users"
    guards = (signed_in,)
    tags = ("Accounts",)

    @get("/")
    async def search(
        self,
        me: Identity,
        node: Node,
        q: Query,
        limit: Limit = 50,
    ) -> People:
        """Return people whose username or display name contains `q`, best match first."""
        async with node.database.reading() as session:
            found = await search_users(
                session, viewer_id=me.user_id, text=q, online=node.online, limit=limit
            )
        return People(items=found)

    @patch("/me", errors=[RateLimited])
    async def change(self, data: ProfileChange, me: Identity, node: Node) -> OwnUser:
        """Change the given fields of the signed-in user's profile and settings."""
        return await node.accounts.change_profile(actor_id=me.user_id, changes=data)

    @post("/{user_id:uuid}/report", errors=[PersonNotFound, ReportIsSelf, RateLimited])
    async def report(
        self, data: ReportRequest, me: Identity, node: Node, user_id: UUID
    ) -> Reported:
        """Report a person to the admins."""
        return await node.reports.report_user(
            actor_id=me.user_id, user_id=user_id, reason=data.reason
        )

    @get("/{user_id:uuid}", errors=[PersonNotFound])
    async def card(self, me: Identity, node: Node, user_id: UUID) -> UserCard:
        """Return a person's card."""
        async with node.database.reading() as session:
            return await user_card(
                session, viewer_id=me.user_id, user_id=user_id, online=node.online
            )


def _reply(signed_in: SignedIn, settings: Settings, *, status: int) -> Response[SignedInReply]:
    tokens = signed_in.tokens
    reply = SignedInReply(user=signed_in.user)
    if tokens is not None:
        reply = SignedInReply(
            user=signed_in.user,
            access_token=tokens.access_token,
            token_type=tokens.token_type,
            expires_in=tokens.expires_in,
            refresh_token=tokens.refresh_token,
        )
    cookie = session_cookie(settings, signed_in.cookie)
    return Response(reply, status_code=status, cookies=[cookie])
