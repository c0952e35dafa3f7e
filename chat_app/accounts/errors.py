"""Errors of accounts and sessions."""

from chat_app.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class UsernameTaken(Conflict):
    """The username is taken, in whatever spelling."""

    code = "username_taken"
    default_detail = "This username is taken."


class NoSuchUser(NotFound):
    """The username is unknown; only the operator's commands disclose that."""

    default_detail = "There is nobody of this name."


class InvalidCredentials(Unauthenticated):
    """The user is unknown or the password is wrong: the same words for both."""

    code = "invalid_credentials"
    default_detail = "The username or the password is wrong."


class AccountDisabled(Forbidden):
    """The username and the password are right, but an admin has disabled the account."""

    code = "account_disabled"
    default_detail = "This account is disabled. Ask the people who run this chat."


class LastAdmin(Conflict):
    """The account is the only admin that can sign in: the chat must keep one."""

    code = "last_admin"
    default_detail = "This is the last admin. Make somebody else an admin first."


class ResetLinkNotFound(NotFound):
    """The link to reset a password is unknown, used or over: all look the same."""

    default_detail = "This link does not exist, was used, or is over. Ask for a new one."


class WrongPassword(Invalid):
    """A signed-in user typed a password that is not theirs.

    The code is that of a failed sign-in, the family is not: the session goes on.
    """

    code = "invalid_credentials"

    def __init__(self, field: str) -> None:
        super().__init__({field: "This is not your password."}, "This is not your password.")


class SessionNotFound(NotFound):
    """The session is unknown, not the actor's, or has ended."""

    default_detail = "There is no such device."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, spent, or of a session that has ended."""

    code = "invalid_refresh_token"
    default_detail = "Please sign in again."


class CrossSite(Forbidden):
    """A request with the cookie that another site may have caused."""

    code = "cross_site"
    default_detail = "This request did not come from the chat's own pages."


class OtherAccount(Conflict):
    """The request names another user than that of its session: nothing was done."""

    code = "other_account"
    default_detail = "Somebody else is signed in here now."


class RegistrationClosed(Forbidden):
    """Nobody may register here, or only with an invitation."""

    code = "registration_closed"
    default_detail = "Registration needs an invitation here."
