"""Authentication of requests: the cookie of a browser or the bearer token of a program."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.types import Message, Scope

from chat_app.accounts.errors import CrossSite, OtherAccount
from chat_app.accounts.schemas import Device, Identity
from chat_app.core.cookies import cookie_values
from chat_app.core.errors import Unauthenticated
from chat_app.core.own_origins import own_origins
from chat_app.core.settings import Settings
from chat_app.node.node import Node

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# The limit of browsers: 400 days (RFC 6265bis, section 5.5).
MAX_COOKIE_AGE_S = 400 * 86_400
OWN_SITE = ("same-origin", "none")
# The id of the user that the sender believes to be signed in; its pages send it.
EXPECTED_USER = "X-Chat-User"

Connection = ASGIConnection[Any, Any, Any, Any]


async def identify(connection: Connection, node: Node) -> Identity:
    """Return the user and session of a request.

    Raises Unauthenticated, CrossSite for a forged cookie request, or OtherAccount where the
    sender expects another user.

    A bearer token needs no origin: no page of another site can make a browser send one.
    """
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme:
        user = None
        if scheme.lower() == "bearer":
            user = await node.accounts.authenticate_token(token.strip())
    else:
        user = await node.accounts.authenticate_cookies(secrets_of(connection, node.settings))
        await note_earlier_cookie(connection, node)
        method = connection.scope.get("method", "GET")
        if user is not None and method not in SAFE:
            refuse_cross_site(connection, node.settings, must_be_named=True)
    if user is None:
        raise Unauthenticated
    refuse_other_account(connection, user.identity)
    return user.identity


def refuse_other_account(connection: Connection, identity: Identity) -> None:
    """Raise OtherAccount if the request expects another user than that of its session.

    A cookie belongs to the whole browser: another tab may have signed in somebody else meanwhile.
    """
    expected = connection.headers.getall(EXPECTED_USER, [])
    if any(user_id.strip().lower() != str(identity.user_id) for user_id in expected):
        raise OtherAccount


def secrets_of(connection: Connection, settings: Settings) -> list[str]:
    """Return the values of the session cookies of a request."""
    header = "; ".join(connection.headers.getall("cookie", []))
    return cookie_values(header, settings.cookie_names)


async def note_earlier_cookie(connection: Connection, node: Node) -> None:
    """Let the reply take away a session cookie of ours that has the name of earlier versions.

    Another program's cookie of that name is no session of ours, and stays.
    """
    header = "; ".join(connection.headers.getall("cookie", []))
    for secret in cookie_values(header, node.settings.cookie_names[1:]):
        if await node.accounts.authenticate_cookie(secret) is not None:
            connection.scope.setdefault("state", {})["earlier_secret"] = secret


async def end_replaced_push(connection: Connection, node: Node, *, user_id: UUID) -> None:
    """End the push of the session whose cookie the reply replaces, where it is another account's.

    That session lives until it expires, but nothing of it may be shown to the browser's next user.
    """
    for secret in secrets_of(connection, node.settings):
        before = await node.accounts.authenticate_cookie(secret)
        if before is not None and before.identity.user_id != user_id:
            await node.push_subscriptions.end_of_session(before.identity.session_id)


async def move_earlier_cookie(message: Message, scope: Scope) -> None:
    """Add to a reply the cookies that give the noted one its present name."""
    secret: str | None = scope.get("state", {}).get("earlier_secret")
    if message["type"] != "http.response.start" or secret is None:
        return
    settings: Settings = scope["litestar_app"].state.node.settings
    present, earlier = settings.cookie_names
    headers = list(message["headers"])
    begins = f"{present}=".encode()
    if not any(name == b"set-cookie" and value.startswith(begins) for name, value in headers):
        headers.append(session_cookie(settings, secret).to_encoded_header())
    headers.append(_cookie(settings, "", max_age=0, name=earlier).to_encoded_header())
    message["headers"] = headers


def refuse_cross_site(connection: Connection, settings: Settings, *, must_be_named: bool) -> None:
    """Raise CrossSite unless the request comes from our own pages.

    Browsers send `Origin` or `Sec-Fetch-Site`; with `must_be_named`, a request with neither header
    is refused too.
    """
    origin = connection.headers.get("origin")
    site = connection.headers.get("sec-fetch-site")
    if origin is not None and not is_own_origin(origin, connection, settings):
        raise CrossSite
    # Our pages on a static host have another origin on the same site, and always send it.
    is_neighbour = bool(settings.api_url) and origin is not None and site == "same-site"
    if site is not None and site not in OWN_SITE and not is_neighbour:
        raise CrossSite
    if must_be_named and origin is None and site is None:
        raise CrossSite


def is_own_origin(origin: str, connection: Connection, settings: Settings) -> bool:
    """Return whether `origin` is that of our own pages."""
    own = own_origins(settings, connection.scope.get("server"))
    return _without_default_port(origin) in map(_without_default_port, own)


def session_cookie(settings: Settings, secret: str) -> Cookie:
    """Return the cookie with a session's secret, which scripts cannot read."""
    # The session's row decides when it expires: later with each use.
    return _cookie(settings, secret, max_age=MAX_COOKIE_AGE_S)


def expired_cookie(settings: Settings) -> Cookie:
    """Return the cookie that removes the session cookie."""
    return _cookie(settings, "", max_age=0)


def device_of(connection: Connection) -> Device:
    """Return the device of a request: its user agent and address."""
    address = connection.client.host if connection.client else ""
    return Device(connection.headers.get("user-agent", ""), address)


def _cookie(settings: Settings, value: str, *, max_age: int, name: str = "") -> Cookie:
    return Cookie(
        key=name or settings.cookie_name,
        value=value,
        max_age=max_age,
        path="/",
        httponly=True,
        secure=settings.is_https,
        samesite="lax",
    )


def _without_default_port(origin: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(origin.lower())
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", "", None
    return parts.scheme, parts.hostname or "", port
