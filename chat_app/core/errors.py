"""Errors: the base classes of everything that the chat refuses or cannot do.

Domains raise subclasses of these with their own texts; the doors translate a base class into an
HTTP status, a socket frame or a sentence on the screen. `detail` is written for people.
"""

from typing import ClassVar


class AppError(Exception):
    """A request that the chat refuses or cannot fulfil; `detail` may be shown to the user."""

    code: ClassVar[str] = "error"
    default_detail: ClassVar[str] = "Something went wrong."
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.default_detail
        super().__init__(self.detail)


class CannotStart(Exception):
    """The reason why a process does not start, written for its operator, without secrets."""


class NotFound(AppError):
    """The row does not exist, or the user may not see it: the two look the same."""

    code = "not_found"
    default_detail = "There is nothing here."


class Unauthenticated(AppError):
    """The request has no session, or its session has ended."""

    code = "not_authenticated"
    default_detail = "Please sign in."


class Forbidden(AppError):
    """The user is signed in and may not do this."""

    code = "forbidden"
    default_detail = "You may not do this."


class Conflict(AppError):
    """The request is valid, but conflicts with the stored state."""

    code = "conflict"
    default_detail = "This does not fit what is already there."


class Invalid(AppError):
    """The input breaks a rule. `fields` maps each wrong field to a sentence about it."""

    code = "invalid"
    default_detail = "Some of the input is not valid."

    def __init__(self, fields: dict[str, str], detail: str | None = None) -> None:
        self.fields = fields
        super().__init__(detail)


class RateLimited(AppError):
    """A rate limit was exceeded. `retry_after` is in whole seconds, at least 1."""

    code = "rate_limited"
    default_detail = "Too many attempts. Please wait a moment."
    retryable = True

    def __init__(self, retry_after: float, detail: str | None = None) -> None:
        self.retry_after = max(1, round(retry_after + 0.5))
        super().__init__(detail)


class Unavailable(AppError):
    """The database is away, locked or full. Nothing was stored; trying again is safe."""

    code = "unavailable"
    default_detail = "The chat cannot store anything right now. Please try again in a moment."
    retryable = True
    retry_after = 2


class Overtaken(Unavailable):
    """The database rolled back a transaction in favour of another; a retry may work at once."""


class StatementLost(Unavailable):
    """A prepared statement is not where it was prepared: a pooler has changed the connection."""


class Refused(Unavailable):
    """The database answers, but denies the rights that the chat needs: the operator must act.

    `reason` is the database's own, for the log; `detail` is that of Unavailable.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__()
