"""Frames of the live socket: messages from clients, and the server's answers.

Events are in `realtime/events.py`, the wire formats in `formats.py`.
"""

import json
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec

from chat_app.core.tokens import MAX_LENGTH
from chat_app.messages.schemas import CAPTION_SCHEMA, CLIENT_ID, MAX_FILES
from chat_app.realtime.shapes import Message, OwnUser

Cursor = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
# msgspec checks the keys and does not describe them.
BY_ID = msgspec.Meta(extra_json_schema={"propertyNames": {"type": "string", "format": "uuid"}})
# Checked where the frame is carried out, by the same rules as over HTTP.
ClientId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": CLIENT_ID})]
Content = Annotated[str, msgspec.Meta(extra_json_schema=CAPTION_SCHEMA)]
FileIds = Annotated[
    list[UUID], msgspec.Meta(extra_json_schema={"maxItems": MAX_FILES, "uniqueItems": True})
]
Token = Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_LENGTH})]


class ClientFrame(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    """The base of frames from clients. The answer repeats `id`."""

    id: str | None = None


class Auth(ClientFrame, frozen=True, tag="auth"):
    """The first frame of a program without the cookie; `content` is its access token."""

    content: Token


class Send(ClientFrame, frozen=True, kw_only=True, tag="message"):
    """A message to send, to one of the two addresses; `id` is its `client_id`.

    It has a text, or files `file_ids` perhaps with one, or it forwards the message `forward_of`. It
    may reply to a message `reply_to` of the same conversation.
    """

    content: Content | msgspec.UnsetType = msgspec.UNSET
    receiver_id: UUID | None = None
    conversation_id: UUID | None = None
    reply_to: UUID | None = None
    forward_of: UUID | None = None
    file_ids: FileIds = []
    id: ClientId | None = None

    def fields(self) -> dict[str, object]:
        """Return the fields of a request over HTTP."""
        content = {} if self.content is msgspec.UNSET else {"content": self.content}
        return content | {
            "receiver_id": self.receiver_id,
            "conversation_id": self.conversation_id,
            "client_id": self.id,
            "reply_to": self.reply_to,
            "forward_of": self.forward_of,
            "file_ids": self.file_ids,
        }


class Read(ClientFrame, frozen=True, tag="read"):
    """A read mark: the user has read the conversation up to `seq`."""

    conversation_id: UUID
    seq: Cursor


class Writing(ClientFrame, frozen=True, tag="typing"):
    """A sign that the user is typing; it has no answer, and at most one in two seconds is used."""

    conversation_id: UUID


class Resume(ClientFrame, frozen=True, tag="resume"):
    """A request to replay the changes after the last seen `rev` of each conversation.

    With `more`, further cursors follow in the next such frame, and this one has no answer. Cursors
    of another `generation` than the present one are worth nothing.
    """

    cursors: Annotated[dict[UUID, Cursor], BY_ID]
    generation: UUID | None = None
    more: bool = False


class Ping(ClientFrame, frozen=True, tag="ping"):
    """A check of the connection; the answer shows whether anything was missed."""


class ServerFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """The base of the server's answers; events are in `realtime/events.py`."""


class Ready(ServerFrame, frozen=True, tag="ready"):
    """The greeting; `unread` holds the number of unread messages where there are any.

    `generation` is new after every restore of a backup; a `resume` returns it with its cursors.
    """

    user: OwnUser
    generation: UUID
    unread: Annotated[dict[UUID, int], BY_ID]
    heartbeat_s: int
    max_frame_bytes: int


class Ack(ServerFrame, frozen=True, tag="ack"):
    """The confirmation that a frame was carried out; a message is durably stored."""

    id: str | None = None
    message: Message | None = None


class Pong(ServerFrame, frozen=True, tag="pong"):
    """The answer to a ping: the newest `rev` of conversations changed in the last minutes."""

    last_rev: Annotated[dict[UUID, int], BY_ID]
    id: str | None = None


class Reset(ServerFrame, frozen=True, tag="reset"):
    """A conversation with more missed changes than are replayed: page it over HTTP."""

    conversation_id: UUID
    last_seq: int
    last_rev: int


class Resumed(ServerFrame, frozen=True, tag="resumed"):
    """The end of a replay: every missed change was sent."""

    id: str | None = None


class Error(ServerFrame, frozen=True, tag="error"):
    """The refusal of a frame; the socket stays open. With `retryable`, a retry may work."""

    code: str
    detail: str
    retryable: bool
    id: str | None = None


AnyClientFrame: TypeAlias = Send | Read | Writing | Resume | Ping | Auth

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyClientFrame] = msgspec.json.Decoder(AnyClientFrame)
_unpacker: msgspec.msgpack.Decoder[AnyClientFrame] = msgspec.msgpack.Decoder(AnyClientFrame)
MAX_ID_LENGTH = 64
# The codes of frames that cannot be read or carried out, besides those of the domains' errors.
CODES = {"malformed_json", "malformed_msgpack", "unknown_type", "invalid", "internal_error"}


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
