"""Tokens: signed access tokens (JWT, used in this module only) and random secrets."""

import hashlib
import math
import secrets
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import jwt
import msgspec

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id

ALGORITHM = "HS256"
AUDIENCE = "chat"
CLAIMS = ["sub", "sid", "iat", "exp", "aud", "jti"]
MAX_LENGTH = 2048


class Claims(NamedTuple):
    """The claims of an access token: its user and its session."""

    user_id: UUID
    session_id: UUID


class _Payload(msgspec.Struct):
    sub: UUID
    sid: UUID
    iat: float
    exp: float
    jti: str


def sign_access_token(claims: Claims, *, secret: str, seconds: int) -> str:
    """Return a JWT (RFC 7519) with `claims`, valid for `seconds`."""
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
    """Return the claims of a valid token; None for an expired, altered or foreign one.

    So does a token of the right key with a claim of a wrong type, which we never sign.
    """
    if len(token) > MAX_LENGTH:
        return None
    try:
        decoded = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            # Times are compared below, by the clock that all nodes share.
            options={
                "require": CLAIMS,
                "enforce_minimum_key_length": True,
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        payload = msgspec.convert(decoded, _Payload)
    except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, TypeError):
        return None
    # Written so that "not a number" is over, too.
    if not utc_now().timestamp() < payload.exp < math.inf:
        return None
    return Claims(payload.sub, payload.sid)


def new_secret() -> str:
    """Return 256 random bits in URL-safe letters, for a cookie or a refresh token."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """Return the SHA-256 of a random secret, which is stored instead: a leaked table reveals none.

    No salt or slow hash is needed: the secrets have 256 random bits.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
