"""The AsyncAPI document of the live socket, derived from the types of its frames and events."""

from collections.abc import Iterable
from typing import Any, TypeAlias, get_args
from urllib.parse import urlsplit

import msgspec

from chat_app.api import frames
from chat_app.api.conversations import ConversationsController
from chat_app.api.formats import FORMATS, MAX_FRAME_BYTES
from chat_app.api.frame_intake import TOO_MANY
from chat_app.api.live import FRAME_TOO_BIG, HEARTBEAT_S, WRONG_KIND
from chat_app.api.messages import MessagesController
from chat_app.api.openapi import API_VERSION, shapes_of
from chat_app.api.resume import MAX_CURSORS, MAX_EVENTS_PER_FRAME
from chat_app.api.socket import AUTH_TIMED_OUT, AUTH_TIMEOUT_S, UNAVAILABLE
from chat_app.core.errors import AppError, Invalid, Unavailable
from chat_app.core.settings import Settings
from chat_app.messages.schemas import OF_SEND
from chat_app.realtime import events
from chat_app.realtime.outlet import RESTARTING, SESSION_OVER, TOO_SLOW

Json: TypeAlias = dict[str, Any]
Frame: TypeAlias = type[msgspec.Struct]

EVENTS: tuple[Frame, ...] = get_args(events.AnyEvent)
# The answers to each frame of a client. A frame without an answer has no error either.
REPLIES: dict[Frame, tuple[Frame, ...]] = {
    frames.Auth: (frames.Ready, frames.Error),
    frames.Send: (frames.Ack, frames.Error),
    frames.Read: (frames.Ack, frames.Error),
    frames.Writing: (),
    frames.Resume: (events.Batch, frames.Reset, frames.Resumed, frames.Error),
    frames.Ping: (frames.Pong, frames.Error),
}
# What the server sends without being asked.
UNASKED: tuple[Frame, ...] = (frames.Ready, events.Batch, *EVENTS)
CLOSE_CODES = {
    SESSION_OVER: "not authenticated, or the session has ended: sign in again",
    AUTH_TIMED_OUT: f"no `auth` within {AUTH_TIMEOUT_S} s",
    TOO_SLOW: "too slow to read: reconnect and resume",
    FRAME_TOO_BIG: "frame too big",
    1009: "frame too big",
    TOO_MANY: "too many frames, or too many sockets",
    WRONG_KIND: "a binary frame in a text format, or the reverse",
    RESTARTING: "the server restarts: reconnect with jitter, and resume",
    UNAVAILABLE: "the chat is not available: reconnect later",
}


def asyncapi(settings: Settings) -> Json:
    """Return the document of the live socket of a chat with these settings."""
    messages, schemas = _messages()
    live = {"$ref": "#/channels/live"}
    address = urlsplit(settings.public_url)
    server: Json = {
        "host": address.netloc,
        "protocol": "wss" if settings.is_https else "ws",
        "security": [{"$ref": "#/components/securitySchemes/cookie"}],
    }
    operations: Json = {
        "receive": {
            "action": "send",
            "channel": live,
            "summary": "Events, and the greeting of a socket with the cookie.",
            "messages": _named(UNASKED),
        }
    }
    for frame, replies in REPLIES.items():
        operation = {"action": "receive", "channel": live, "messages": _named([frame])}
        if replies:
            operation["reply"] = {"channel": live, "messages": _named(replies)}
        operations[_type_of(frame)] = operation
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Chat, the live socket", "version": API_VERSION},
        "defaultContentType": "application/json",
        "servers": {"chat": server},
        "channels": {
            "live": {
                "address": "/ws",
                "description": _about(settings),
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "headers": OPENING}},
                "x-close-codes": {str(code): about for code, about in CLOSE_CODES.items()},
            }
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": {
                "cookie": {
                    "type": "httpApiKey",
                    "in": "cookie",
                    "name": settings.cookie_name,
                    "description": "Programs without the cookie send `auth` as the first frame.",
                }
            },
        },
    }


OPENING: Json = {
    "type": "object",
    "properties": {
        "Sec-WebSocket-Protocol": {
            "description": "The formats that the client knows. Without any it is the default.",
            "enum": list(FORMATS),
            "default": next(iter(FORMATS)),
        },
        "Origin": {
            "description": "The chat's own origin; required with the cookie, otherwise the opening "
            "is refused with 403.",
            "type": "string",
        },
    },
}


def _messages() -> tuple[Json, Json]:
    """Return the frames and events by their names, and the schemas that they refer to."""
    from_client = tuple(REPLIES)
    from_server = tuple(dict.fromkeys([*UNASKED, *sum(REPLIES.values(), ())]))
    kinds = (*from_client, *from_server)
    references, schemas = shapes_of(kinds)
    for kind in from_server:
        # Clients must ignore fields that they do not know.
        schemas[kind.__name__].pop("additionalProperties", None)
    schemas[frames.Send.__name__]["allOf"] = OF_SEND
    schemas[frames.Error.__name__]["properties"]["code"] = {
        "enum": sorted(_codes()),
        "description": "The codes of HTTP, and those of frames that cannot be read.",
    }
    batch = schemas[events.Batch.__name__]["properties"]["events"]
    batch["maxItems"] = MAX_EVENTS_PER_FRAME
    batch["items"]["discriminator"] = "type"  # msgspec writes that of OpenAPI
    messages = {
        kind.__name__: {
            "name": _type_of(kind),
            "summary": (kind.__doc__ or "").partition("\n\n")[0],
            "payload": reference,
        }
        for kind, reference in zip(kinds, references, strict=True)
    }
    return messages, schemas


def _codes() -> set[str]:
    """Return the codes of Error frames: those of the same use cases over HTTP, and of frames."""
    families: list[type[AppError]] = [Invalid, Unavailable]
    for handler in (MessagesController.send, ConversationsController.mark_read):
        families += handler.opt["errors"]
    return {family.code for family in families} | frames.CODES


def _type_of(kind: Frame) -> str:
    return str(kind.__struct_config__.tag)


def _named(kinds: Iterable[Frame]) -> list[Json]:
    return [{"$ref": f"#/channels/live/messages/{kind.__name__}"} for kind in kinds]


def _about(settings: Settings) -> str:
    closes = "\n".join(f"- {code}: {about}" for code, about in CLOSE_CODES.items())
    limits = "The rate limits are off."
    if settings.limits == "on":
        limits = (
            f"{settings.limit_frame_burst} frames at once and "
            f"{settings.limit_frames_per_second:g} a second; {settings.limit_message_burst} "
            f"messages of a user at once and {settings.limit_messages_per_second:g} a second; "
            f"{settings.limit_sockets_per_user} sockets of a user."
        )
    return f"""\
Subprotocols: {", ".join(FORMATS)}. The first is the default; the second has the same frames as \
binary MessagePack.

Clients must ignore events and fields that they do not know. Events may come in a `batch`. Clients \
write integers without a fraction: `1`, not `1.0`.

Limits: {MAX_FRAME_BYTES} bytes a frame; {MAX_CURSORS} cursors in all frames of a `resume`; a ping \
of the protocol every {HEARTBEAT_S} s. {limits}

An `error` leaves the socket open. Close codes:

{closes}
"""
