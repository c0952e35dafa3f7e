"""Shapes of accounts: what comes in, and what may leave the server."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from chat_app.accounts import rules
from chat_app.core.input import Input
from chat_app.realtime.events import EndReason
from chat_app.realtime.shapes import OwnUser, Shape, User, UserCard

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
    """A new account. With `tokens` false the reply holds no token, only the cookie is set."""

    username: Annotated[str, AfterValidator(rules.clean_username)]
    password: str
    display_name: str | None = None
    tokens: bool = True

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
    password: Annotated[str, AfterValidator(rules.check_password_shape)]
    tokens: bool = True


class PasswordChange(Input):
    """A new password, and the old one as confirmation."""

    current_password: Annotated[str, AfterValidator(rules.check_password_shape)]
    new_password: Annotated[str, AfterValidator(rules.check_password_shape)]


class PasswordConfirmation(Input):
    """One's password, before something that cannot be taken back."""

    password: Annotated[str, AfterValidator(rules.check_password_shape)]


class ProfileChange(Input):
    """What somebody changes about themselves: only what is given changes, and null is no value.

    What was not given has a value of no meaning, from a factory, so that no document names it.
    """

    display_name: Annotated[str, AfterValidator(rules.clean_display_name)] = Field(
        default_factory=str
    )
    bio: Annotated[str, AfterValidator(rules.clean_bio)] = Field(default_factory=str)
    status_text: Annotated[str, AfterValidator(rules.clean_status_text)] = Field(
        default_factory=str
    )
    accept_messages_from: Literal["everyone", "friends"] = Field(default_factory=lambda: "everyone")
    share_presence: bool = Field(default_factory=bool)
    sound: bool = Field(default_factory=bool)

    def given(self) -> dict[str, str | bool]:
        """Return the fields that were given, by name."""
        return self.model_dump(exclude_unset=True)


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
