"""What can go wrong with accounts."""

from chat_app.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class UsernameTaken(Conflict):
    """Somebody has this username, in whatever spelling."""

    code = "username_taken"
    default_detail = "This username is taken."


class NoSuchUser(NotFound):
    """Nobody has this username; only whoever runs the chat is told so."""

    default_detail = "There is nobody of this name."


class InvalidCredentials(Unauthenticated):
    """No such user or not their password: the same words for both."""

    code = "invalid_credentials"
    default_detail = "The username or the password is wrong."


class WrongPassword(Invalid):
    """Somebody who is signed in typed a password that is not theirs.

    The code is that of a failed sign-in, the family is not: the session goes on.
    """

    code = "invalid_credentials"

    def __init__(self, field: str) -> None:
        super().__init__({field: "This is not your password."}, "This is not your password.")


class SessionNotFound(NotFound):
    """No such session, not one of the asker's, or over already."""

    default_detail = "There is no such device."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, spent, or of a session that has ended."""

    code = "invalid_refresh_token"
    default_detail = "Please sign in again."


class CrossSite(Forbidden):
    """A request with the cookie that another site may have caused."""

    code = "cross_site"
    default_detail = "This request did not come from the chat's own pages."
