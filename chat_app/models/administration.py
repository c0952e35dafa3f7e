"""Tables of the chat's admins: reports, links that reset a password, and the audit log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, Index

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table


class Report(Table, table=True):
    """A report of a person, or of their message with the text that it had.

    Without foreign keys to the message: it may be removed, the report stays.
    """

    __table_args__ = (Index(None, "state", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    reporter_id: UUID = Field(foreign_key="user_account.id")
    user_id: UUID = Field(foreign_key="user_account.id")
    message_id: UUID | None = None
    conversation_id: UUID | None = None
    content: str = Field(default="", sa_type=Text)
    reason: str = Field(sa_type=Text)
    # open, then resolved or dismissed.
    state: str = Field(default="open", max_length=16)
    created_at: datetime = Field(default_factory=utc_now)
    closed_at: datetime | None = Field(default=None, index=True)


class ResetLink(Table, table=True):
    """A link by which a user sets a new password, by the hash of its token; its use deletes it."""

    __tablename__ = "reset_link"

    token_hash: str = Field(max_length=64, primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    expires_at: datetime = Field(index=True)


class AuditEntry(Table, table=True):
    """An act of an admin, or about an account. It is never changed, and removed after a year.

    The names are those of that time: accounts lose theirs when they are deleted. An operator in
    the shell has no `actor_id`.
    """

    __tablename__ = "audit_entry"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    at: datetime = Field(default_factory=utc_now, index=True)
    actor_id: UUID | None = None
    actor_name: str = Field(default="", max_length=32)
    action: str = Field(max_length=32)
    target_id: UUID | None = None
    target_name: str = Field(default="", max_length=32)
    address: str = Field(default="", max_length=64)
    detail: str = Field(default="", max_length=200)


class BackupRun(Table, table=True):
    """The latest backup that an admin has begun, on whatever node: one row at most.

    The node that makes it renews `alive_at`. What is kept is what the folder holds.
    """

    __tablename__ = "backup_run"

    name: str = Field(max_length=32, primary_key=True)
    # running, then ready or failed.
    state: str = Field(default="running", max_length=16)
    failure: str = Field(default="", max_length=32)
    started_at: datetime = Field(default_factory=utc_now)
    alive_at: datetime = Field(default_factory=utc_now)
