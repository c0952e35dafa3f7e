"""Reply bodies of the HTTP API that belong to no domain."""

from typing import Literal

import msgspec

from chat_app.realtime.shapes import OwnUser


class SignedInReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a sign-in: the user, and the tokens unless the client declined them."""

    user: OwnUser
    access_token: str | msgspec.UnsetType = msgspec.UNSET
    token_type: Literal["bearer"] | msgspec.UnsetType = msgspec.UNSET
    expires_in: int | msgspec.UnsetType = msgspec.UNSET
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The readiness of the process. `redis` informs only; the other fields decide `status`."""

    status: Literal["ok", "unavailable"]
    database: Literal["ok", "unavailable", "pooled"]
    migrations: Literal["current", "pending", "ahead", "unknown"]
    change_log: Literal["ok", "behind"]
    tasks: Literal["ok", "failing"]
    redis: Literal["ok", "unavailable", "off"]
    secret_key: Literal["same", "differs"]
    what_to_do: str | None = None


class Alive(msgspec.Struct, frozen=True):
    """The liveness of the process."""

    status: Literal["ok"] = "ok"
