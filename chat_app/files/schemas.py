"""Shapes of files and uploads."""

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from chat_app.core.input import Id, Input
from chat_app.realtime.shapes import File, Shape

UploadState = Literal["uploading", "checking", "ready", "refused"]
RefusalCode = Literal["too_many_pixels", "unreadable_picture", "infected", "not_scanned"]


class Upload(Shape, frozen=True):
    """The state of an upload, with its file once that is `ready`, or why it is `refused`."""

    file: File | None
    state: UploadState
    code: RefusalCode | None = None


class SharedFile(Shape, frozen=True):
    """A file of a conversation, and the message that has it."""

    file: File
    message_id: UUID
    seq: int


class SharedFiles(Shape, frozen=True):
    """Files of a conversation, the latest first; `next_before` asks for more."""

    items: list[SharedFile]
    next_before: str | None


class AvatarRequest(Input):
    """An own picture that was uploaded and not sent."""

    file_id: Id


class NewUpload(NamedTuple):
    """An announced upload."""

    owner_id: UUID
    name: str
    size: int
    description: str | None = None


class NewAvatar(NamedTuple):
    """A stored square, made of a picture; its sides have as many pixels."""

    id: UUID
    owner_id: UUID
    size: int
    sha256: str
    side: int


class Offset(NamedTuple):
    """How far an upload is, and when it expires; perhaps it was taken over from a slow request."""

    id: UUID
    received: int
    size: int
    expires_at: datetime
    taken_over: bool = False


class Checked(NamedTuple):
    """The result of the check of a file that is taken."""

    name: str
    media_type: str
    kind: str
    size: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    placeholder: str | None = None
    has_thumbnail: bool = False
