"""Shapes of administration: what admins see and send, and what members report."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from chat_app.accounts import rules
from chat_app.accounts.schemas import NEW_PASSWORD
from chat_app.core.input import Input, text_pattern
from chat_app.core.text import has_control, has_lone_surrogate
from chat_app.realtime.shapes import Person, Shape

MAX_REASON_LENGTH = 1_000

Action = Literal[
    "created",
    "made_admin",
    "removed_admin",
    "disabled",
    "enabled",
    "deleted",
    "sessions_ended",
    "all_sessions_ended",
    "reset_link_made",
    "password_reset",
    "password_set",
    "invite_made",
    "invite_withdrawn",
    "report_open",
    "report_resolved",
    "report_dismissed",
    "backup_made",
    "backup_failed",
    "backup_downloaded",
]
# Why a backup failed; nothing for one that did not.
BackupFailure = Literal["", "disk_full", "too_long", "stopped", "failed"]
ReportState = Literal["open", "resolved", "dismissed"]


def _clean_reason(text: str) -> str:
    reason = text.replace("\r\n", "\n").strip()
    if not 1 <= len(reason) <= MAX_REASON_LENGTH:
        message = f"Write 1 to {MAX_REASON_LENGTH:,} characters."
        raise ValueError(message)
    if has_control(reason, allowed="\t\n") or has_lone_surrogate(reason):
        message = "The text holds characters that cannot be used."
        raise ValueError(message)
    return reason


class Actor(NamedTuple):
    """An admin, or a user who resets their password, at an address; no id in the shell."""

    user_id: UUID | None = None
    address: str = ""


class ReportRequest(Input):
    """A report of a person or a message, with the reason."""

    reason: Annotated[
        str,
        AfterValidator(_clean_reason),
        WithJsonSchema(
            {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_REASON_LENGTH,
                "pattern": text_pattern(allowed="\t\n"),
            }
        ),
    ]


class PasswordReset(Input):
    """The token of a reset link, and the new password."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    new_password: Annotated[str, AfterValidator(rules.check_password_shape), NEW_PASSWORD]


class UserChange(Input):
    """A change of an account by an admin: only what is given changes, and null is no value."""

    disabled: bool = Field(default_factory=bool)
    admin: bool = Field(default_factory=bool)


class ReportChange(Input):
    """The state that a report gets."""

    state: ReportState


class Reported(Shape, frozen=True):
    """The reply to a report."""

    id: UUID


class ManagedUser(Shape, frozen=True):
    """An account as admins see it: its open sessions are counted, and the bytes of its files."""

    id: UUID
    username: str
    display_name: str
    avatar_url: str | None
    created_at: datetime
    last_seen_at: datetime | None
    admin: bool
    disabled: bool
    sessions: int
    storage_bytes: int


class ManagedUsers(Shape, frozen=True):
    """A page of accounts, the newest first."""

    items: list[ManagedUser]
    next_after: UUID | None


class ResetLink(Shape, frozen=True):
    """A link by which a user sets a new password; it is shown this once."""

    url: str
    expires_at: datetime


class RegistrationInvite(Shape, frozen=True):
    """An invitation to register; `created_by` is null for one that was made in the shell."""

    id: UUID
    created_by: Person | None
    created_at: datetime
    expires_at: datetime
    uses: int
    max_uses: int | None


class RegistrationInvites(Shape, frozen=True):
    """The invitations to register that may be used, the newest first."""

    items: list[RegistrationInvite]


class Report(Shape, frozen=True):
    """A report; `content` is the text that the message had when it was reported."""

    id: UUID
    reporter: Person
    user: Person
    message_id: UUID | None
    conversation_id: UUID | None
    content: str
    reason: str
    state: ReportState
    created_at: datetime


class Reports(Shape, frozen=True):
    """A page of reports, the newest first."""

    items: list[Report]
    next_before: UUID | None


class Party(Shape, frozen=True):
    """An account in the audit log, by the username that it had then."""

    id: UUID
    username: str


class AuditEntry(Shape, frozen=True):
    """An entry of the audit log; `actor` is null for an operator in the shell."""

    id: UUID
    at: datetime
    actor: Party | None
    action: Action
    target: Party | None
    address: str
    detail: str


class AuditLog(Shape, frozen=True):
    """A page of the audit log, the newest first."""

    items: list[AuditEntry]
    next_before: UUID | None


class Backup(Shape, frozen=True):
    """A backup: one that is being made, a whole one, or the latest one where it failed.

    `failure` is a sentence for people, and null unless it failed.
    """

    name: str
    state: Literal["running", "ready", "failed"]
    made_at: datetime
    size: int
    failure: str | None


class Backups(Shape, frozen=True):
    """The backups in the folder of the node that answers, the newest first."""

    items: list[Backup]


class Figures(Shape, frozen=True):
    """The size and the use of the chat, estimated where counting would be slow."""

    people: int
    people_disabled: int
    people_last_day: int
    admins: int
    conversations: int
    messages: int
    messages_last_day: int
    open_reports: int
    database_bytes: int
    files_bytes: int
    registration: Literal["open", "invited", "closed"]
