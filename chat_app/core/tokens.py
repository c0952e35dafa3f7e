"""Tokens: signed ones for programs (the only place that knows JWT) and random ones for secrets."""

import hashlib
import secrets
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import jwt

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id

ALGORITHM = "HS256"
AUDIENCE = "chat"
CLAIMS = ["sub", "sid", "iat", "exp", "aud", "jti"]
MAX_LENGTH = 2048


class Claims(NamedTuple):
    """Who a token speaks for, and in which session."""

    user_id: UUID
    session_id: UUID


def sign_access_token(claims: Claims, *, secret: str, seconds: int) -> str:
    """Return a JWT (RFC 7519) for `claims`, good for `seconds`."""
    now = utc_now()
    payload = {
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "iat": now,
        "exp": now + timedelta(seconds=seconds),
        "aud": AUDIENCE,
        "jti": str(new_id()),
    }
    return jwt.encode(payload, secret, algorithm=ALGORITHM)


def read_access_token(token: str, *, secret: str) -> Claims | None:
    """Return the claims of a good token; None for an expired, altered or foreign one."""
    if len(token) > MAX_LENGTH:
        return None
    try:
        payload = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            # Times are compared below, by the one clock that all nodes share.
            options={
                "require": CLAIMS,
                "enforce_minimum_key_length": True,
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        if float(payload["exp"]) <= utc_now().timestamp():
            return None
        return Claims(UUID(payload["sub"]), UUID(payload["sid"]))
    except (jwt.InvalidTokenError, ValueError, TypeError):
        return None


def new_secret() -> str:
    """Return 256 random bits in URL-safe letters, for a cookie or a refresh token."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """Return what we store of a random secret: its SHA-256, so that a leaked table opens nothing.

    No salt or slow hash is needed: the secrets have 256 bits of their own.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
