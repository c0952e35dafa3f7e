"""The frames of the live socket: what clients send, and the server's answers.

Events are in `realtime/events.py`, the encoding on the wire in `formats.py`.
"""

import json
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec

from chat_app.realtime.events import AnyEvent
from chat_app.realtime.shapes import Message, OwnUser

Cursor = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class ClientFrame(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    """A frame from a client. The answer repeats `id`."""

    id: str | None = None


class Auth(ClientFrame, frozen=True, tag="auth"):
    """The first frame of a program without the cookie; `content` is its access token."""

    content: str


class Send(ClientFrame, frozen=True, tag="message"):
    """A message to send; `id` is its `client_id`. One of the two addresses."""

    content: str
    receiver_id: UUID | None = None
    conversation_id: UUID | None = None


class Read(ClientFrame, frozen=True, tag="read"):
    """The reader has read up to `seq`."""

    conversation_id: UUID
    seq: int


class Writing(ClientFrame, frozen=True, tag="typing"):
    """The reader is writing; there is no answer, and at most one in two seconds counts."""

    conversation_id: UUID


class Resume(ClientFrame, frozen=True, tag="resume"):
    """What have I missed since the `rev` that I last saw of each conversation?

    With `more` further cursors follow in the next such frame, and this one has no answer.
    """

    cursors: dict[UUID, Cursor]
    more: bool = False


class Ping(ClientFrame, frozen=True, tag="ping"):
    """Is the link alive, and have I missed anything?"""


class ServerFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """An answer of the server; events are in `realtime/events.py`."""


class Ready(ServerFrame, frozen=True, tag="ready"):
    """The greeting. `unread` holds the conversations that have any."""

    user: OwnUser
    unread: dict[UUID, int]
    heartbeat_s: int
    max_frame_bytes: int


class Ack(ServerFrame, frozen=True, tag="ack"):
    """What was asked is done; a message is durably stored."""

    id: str | None = None
    message: Message | None = None


class Pong(ServerFrame, frozen=True, tag="pong"):
    """The newest `rev` of the conversations active in the last minutes."""

    last_rev: dict[UUID, int]
    id: str | None = None


class Reset(ServerFrame, frozen=True, tag="reset"):
    """More was missed of a conversation than is replayed: page it over HTTP."""

    conversation_id: UUID
    last_seq: int
    last_rev: int


class Resumed(ServerFrame, frozen=True, tag="resumed"):
    """All that was missed has been told."""

    id: str | None = None


class Batch(ServerFrame, frozen=True, tag="batch"):
    """Several events in one frame, at most 200, in their order."""

    events: list[AnyEvent]


class Error(ServerFrame, frozen=True, tag="error"):
    """What was asked is refused; the socket stays open. `retryable`: trying again may work."""

    code: str
    detail: str
    retryable: bool
    id: str | None = None


AnyClientFrame: TypeAlias = Send | Read | Writing | Resume | Ping | Auth

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyClientFrame] = msgspec.json.Decoder(AnyClientFrame)
_unpacker: msgspec.msgpack.Decoder[AnyClientFrame] = msgspec.msgpack.Decoder(AnyClientFrame)
MAX_ID_LENGTH = 64


def encode(frame: ServerFrame) -> bytes:
    """Encode a server frame as JSON."""
    # `retryable` has no default, so that it is always sent.
    return _encoder.encode(frame)


def read_frame(text: str) -> AnyClientFrame | Error:
    """Decode a client's frame; return an Error frame for an invalid one."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        return _invalid(error, _id_of(text))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        detail = "The frame is not valid JSON."
        return Error(code="malformed_json", detail=detail, retryable=False, id=_id_of(text))


def read_packed_frame(body: bytes) -> AnyClientFrame | Error:
    """Decode a client's frame in MessagePack; return an Error frame for an invalid one."""
    try:
        return _unpacker.decode(body)
    except msgspec.ValidationError as error:
        return _invalid(error, _packed_id_of(body))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        detail = "The frame is not valid MessagePack."
        return Error(code="malformed_msgpack", detail=detail, retryable=False)


def _invalid(error: msgspec.ValidationError, identifier: str | None) -> Error:
    text = str(error)
    unknown = "`$.type`" in text or "missing required field `type`" in text
    rule = text.replace("Object ", "The frame ").replace("`$`", "the frame")
    code = "unknown_type" if unknown else "invalid"
    return Error(code=code, detail=f"{rule}.", retryable=False, id=identifier)


def _id_of(text: str) -> str | None:
    # The standard library is lenient: a lone surrogate elsewhere in the frame hides no id.
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _id_in(frame)


def _packed_id_of(body: bytes) -> str | None:
    # A map may have keys that Python cannot hash.
    try:
        frame = msgspec.msgpack.decode(body)
    except (ValueError, TypeError, RecursionError):
        return None
    return _id_in(frame)


def _id_in(frame: object) -> str | None:
    identifier = frame.get("id") if isinstance(frame, dict) else None
    if not isinstance(identifier, str) or len(identifier) > MAX_ID_LENGTH:
        return None
    return identifier if identifier.isprintable() else None
