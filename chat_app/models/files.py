"""Tables of files: the uploads that become files, who holds how much, and the files of messages."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, SmallInteger, Text, column, literal_column
from sqlmodel import Field, Index

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table

# Of indexes: few files are in these states, and tasks look for them all the time.
IS_UNSENT = column("state") != literal_column("'sent'")
IS_RELEASED = column("released_at").is_not(None)
IS_AVATAR = column("state") == literal_column("'avatar'")


class File(Table, table=True):
    """A file, from its announcement to the removal of its bytes.

    Its `state` is `uploading`, then `checking`, then `ready` or `refused` (`code` is why); `sent`
    with its first message; `gone` once its bytes are to be removed, after which the row goes, too.
    One in the state `avatar` was made of a picture, and is that of one person or group, which has
    its `sha256`; those with equal bytes stand for each other.
    `size` is that of the upload, later of what is stored; `reserved` is what it takes of its
    owner's storage. `claim` is the node or request that works on it until `claimed_until`.
    `released_at` is when a message with it was deleted: it may have been the last.
    """

    __table_args__ = (
        Index(
            "ix_file_unsent",
            "state",
            "created_at",
            postgresql_where=IS_UNSENT,
            sqlite_where=IS_UNSENT,
        ),
        Index(
            "ix_file_released",
            "released_at",
            postgresql_where=IS_RELEASED,
            sqlite_where=IS_RELEASED,
        ),
        Index(
            "ix_file_avatar",
            "sha256",
            postgresql_where=IS_AVATAR,
            sqlite_where=IS_AVATAR,
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    owner_id: UUID = Field(foreign_key="user_account.id", index=True)
    state: str = Field(default="uploading", max_length=16)
    code: str | None = Field(default=None, max_length=32)
    name: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=500)
    size: int = Field(sa_type=BigInteger)
    received: int = Field(default=0, sa_type=BigInteger)
    reserved: int = Field(default=0, sa_type=BigInteger)
    media_type: str = Field(default="application/octet-stream", max_length=100)
    kind: str = Field(default="file", max_length=16)
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    placeholder: str | None = Field(default=None, sa_type=Text)
    has_thumbnail: bool = False
    sha256: str | None = Field(default=None, max_length=64)
    attempts: int = Field(default=0, sa_type=SmallInteger)
    claim: UUID | None = None
    claimed_until: datetime | None = None
    created_at: datetime = Field(default_factory=utc_now)
    released_at: datetime | None = None


class StorageUse(Table, table=True):
    """The bytes that the files of a user take, or will when their uploads are complete."""

    __tablename__ = "storage_use"

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    bytes: int = Field(sa_type=BigInteger)


class Attachment(Table, table=True):
    """A file of a message; a forwarded message has the same file.

    The place of the message and the kind of the file are copied, for lists of a conversation.
    """

    __table_args__ = (
        Index(None, "conversation_id", "seq", "position"),
        Index(None, "conversation_id", "kind", "seq", "position"),
    )

    message_id: UUID = Field(foreign_key="message.id", primary_key=True)
    position: int = Field(sa_type=SmallInteger, primary_key=True)
    file_id: UUID = Field(foreign_key="file.id", index=True)
    conversation_id: UUID
    seq: int = Field(sa_type=BigInteger)
    kind: str = Field(max_length=16)
