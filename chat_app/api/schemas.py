"""Shapes that only this door has."""

from typing import Literal

import msgspec

from chat_app.realtime.shapes import OwnUser


class SignedInReply(msgspec.Struct, frozen=True, kw_only=True):
    """The user, and the tokens unless the client asked for none."""

    user: OwnUser
    access_token: str | msgspec.UnsetType = msgspec.UNSET
    token_type: Literal["bearer"] | msgspec.UnsetType = msgspec.UNSET
    expires_in: int | msgspec.UnsetType = msgspec.UNSET
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the process is: `redis` is told, the others decide."""

    status: Literal["ok", "unavailable"]
    database: Literal["ok", "unavailable"]
    migrations: Literal["current", "pending", "ahead", "unknown"]
    redis: Literal["ok", "unavailable", "off"]
    secret_key: Literal["same", "differs"]


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"
