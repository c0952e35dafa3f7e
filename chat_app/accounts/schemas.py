"""Shapes of accounts: what comes in, and what may leave the server."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from chat_app.accounts import rules
from chat_app.accounts.quiet_hours import TIME_ZONES, check_time_zone, text_of
from chat_app.core.input import Input, text_pattern
from chat_app.core.languages import Language
from chat_app.realtime.events import EndReason
from chat_app.realtime.shapes import OwnUser, QuietHours, Shape, User, UserCard

__all__ = [
    "AuthenticatedUser",
    "Credentials",
    "Device",
    "Identity",
    "OpenSession",
    "OpenSessions",
    "OwnUser",
    "PasswordChange",
    "PasswordConfirmation",
    "People",
    "ProfileChange",
    "RefreshRequest",
    "Registration",
    "SignedIn",
    "TokenPair",
    "User",
    "UserCard",
    "UserReply",
]


# Rules are functions; the published schemas describe them as far as a schema can.
Username = Annotated[
    str,
    AfterValidator(rules.clean_username),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{2,31}$",
            "description": "Compatibility forms count as the plain letters, and blanks around the "
            "name are dropped. It is taken in any letter case.",
        }
    ),
]
NEW_PASSWORD = WithJsonSchema(
    {
        "type": "string",
        "format": "password",
        "minLength": rules.MIN_PASSWORD_LENGTH,
        "maxLength": rules.MAX_PASSWORD_LENGTH,
        "description": "Not the username, none that everybody tries first, and of at least three "
        "different characters; without NUL.",
    }
)
Password = Annotated[
    str,
    AfterValidator(rules.check_password_shape),
    WithJsonSchema(
        {"type": "string", "format": "password", "maxLength": rules.MAX_PASSWORD_LENGTH}
    ),
]


def _text(longest: int, *, shortest: int = 0, lines: bool = False, about: str) -> WithJsonSchema:
    """Return the published schema of a text that is trimmed before it is measured."""
    pattern = text_pattern(allowed="\n" if lines else "", may_be_blank=not shortest)
    schema = {"type": "string", "minLength": shortest, "maxLength": longest, "pattern": pattern}
    return WithJsonSchema({**schema, "description": about})


NAME = "In any script, without invisible characters, and with at most three marks on a letter."
WORDS = "Without control characters and characters that turn the direction of text."


class Identity(NamedTuple):
    """The user and the session of a request."""

    user_id: UUID
    session_id: UUID


class Ended(NamedTuple):
    """Sessions that have just been ended, and the reason that their devices receive."""

    session_ids: list[UUID]
    reason: EndReason


class AuthenticatedUser(NamedTuple):
    """The identity of a request, with the private view of its user."""

    identity: Identity
    user: OwnUser


class Device(NamedTuple):
    """The device that a session was opened on, as the session records it."""

    user_agent: str = ""
    address: str = ""


class Registration(Input):
    """A new account. With `tokens` false the reply holds no token, only the cookie is set.

    `invite` is the token of an invitation; that of a group brings the new user into it.
    """

    username: Username
    password: Annotated[str, NEW_PASSWORD]
    display_name: (
        Annotated[
            str,
            _text(rules.MAX_DISPLAY_NAME_LENGTH, about=f"{NAME} The username where it is blank."),
        ]
        | None
    ) = None
    tokens: bool = True
    invite: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None

    @field_validator("password")
    @classmethod
    def _is_good_enough(cls, value: str, info: ValidationInfo) -> str:
        return rules.check_new_password(value, info.data.get("username", ""))

    @field_validator("display_name")
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        return rules.clean_display_name(value) if value is not None and value.strip() else None


class Credentials(Input):
    """A username, in any spelling, with its password."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    password: Password
    tokens: bool = True


class PasswordChange(Input):
    """A new password, and the old one as confirmation."""

    current_password: Password
    new_password: Annotated[str, AfterValidator(rules.check_password_shape), NEW_PASSWORD]


class PasswordConfirmation(Input):
    """One's password, before something that cannot be taken back."""

    password: Password


TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
TimeZone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(check_time_zone),
    WithJsonSchema(
        {
            "type": "string",
            "enum": sorted(TIME_ZONES),
            "description": "A name of the IANA time zone database.",
        }
    ),
]


class QuietHoursChange(Input):
    """Hours of each day without push; they may go over midnight, and must not be empty."""

    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    time_zone: TimeZone

    @field_validator("end")
    @classmethod
    def _is_another_time(cls, value: str, info: ValidationInfo) -> str:
        if value == info.data.get("start"):
            message = "This must be another time than the beginning."
            raise ValueError(message)
        return value

    def as_text(self) -> str:
        """Return the hours as the account keeps them."""
        return text_of(QuietHours(start=self.start, end=self.end, time_zone=self.time_zone))


class ProfileChange(Input):
    """The changes of a profile by its user: only what is given changes.

    Null is no value, but for the quiet hours, which it ends, and the `locale`, which is that of the
    browser then.
    """

    # What was not given has a value of no meaning, from a factory, so that no document names it.
    display_name: Annotated[
        str,
        AfterValidator(rules.clean_display_name),
        _text(rules.MAX_DISPLAY_NAME_LENGTH, shortest=1, about=NAME),
    ] = Field(default_factory=str)
    bio: Annotated[
        str, AfterValidator(rules.clean_bio), _text(rules.MAX_BIO_LENGTH, lines=True, about=WORDS)
    ] = Field(default_factory=str)
    status_text: Annotated[
        str, AfterValidator(rules.clean_status_text), _text(rules.MAX_STATUS_LENGTH, about=WORDS)
    ] = Field(default_factory=str)
    accept_messages_from: Literal["everyone", "friends"] = Field(default_factory=lambda: "everyone")
    share_presence: bool = Field(default_factory=bool)
    sound: bool = Field(default_factory=bool)
    push_preview: bool = Field(default_factory=bool)
    quiet_hours: QuietHoursChange | None = Field(default_factory=lambda: None)
    locale: Language | None = Field(default_factory=lambda: None)

    def given(self) -> dict[str, str | bool | None]:
        """Return the fields that were given, by name, as the account keeps them."""
        given = self.model_dump(exclude_unset=True, exclude={"quiet_hours"})
        if "quiet_hours" in self.model_fields_set:
            quiet_hours = self.quiet_hours
            given["quiet_hours"] = None if quiet_hours is None else quiet_hours.as_text()
        return given


class RefreshRequest(Input):
    """A refresh token to spend."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class TokenPair(Shape, frozen=True):
    """Tokens for programs; `expires_in` is the access token's life in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the scheme, RFC 6750


class SignedIn(NamedTuple):
    """A fresh session: its user, the cookie's secret, and tokens where they were asked for."""

    user: OwnUser
    cookie: str
    tokens: TokenPair | None


class OpenSession(Shape, frozen=True):
    """A sign-in that is still good, with what is known of its device; `current` is the asker's."""

    id: UUID
    user_agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    current: bool


class OpenSessions(Shape, frozen=True):
    """Where somebody is signed in."""

    items: list[OpenSession]


class UserReply(Shape, frozen=True):
    """The reply to a sign-in without tokens."""

    user: OwnUser


class People(Shape, frozen=True):
    """A list of people."""

    items: list[UserCard]
