"""Errors: the families of what the chat refuses or cannot do.

Domains raise subclasses of these with texts of their own; the doors translate a family into an HTTP
status, a socket frame or a sentence on the screen. `detail` is written for people.
"""

from typing import ClassVar


class AppError(Exception):
    """Anything the chat refuses or cannot do, in words that may be shown."""

    code: ClassVar[str] = "error"
    default_detail: ClassVar[str] = "Something went wrong."
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.default_detail
        super().__init__(self.detail)


class CannotStart(Exception):
    """What keeps a process from starting, in words for whoever operates it. Never a secret."""


class NotFound(AppError):
    """A row that does not exist, or that the asker may not see: the two look the same."""

    code = "not_found"
    default_detail = "There is nothing here."


class Unauthenticated(AppError):
    """Nobody is signed in, or the session has ended."""

    code = "not_authenticated"
    default_detail = "Please sign in."


class Forbidden(AppError):
    """The asker is known and may not do this."""

    code = "forbidden"
    default_detail = "You may not do this."


class Conflict(AppError):
    """The request is sound, but the state of the chat speaks against it."""

    code = "conflict"
    default_detail = "This does not fit what is already there."


class Invalid(AppError):
    """Input that breaks a rule. `fields` maps each offending field to what is wrong with it."""

    code = "invalid"
    default_detail = "Some of the input is not valid."

    def __init__(self, fields: dict[str, str], detail: str | None = None) -> None:
        self.fields = fields
        super().__init__(detail)


class RateLimited(AppError):
    """Too often. `retry_after` is in whole seconds, at least 1."""

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
    """The database undid a transaction in favour of another; the same again may work at once."""


class Refused(Unavailable):
    """The database is there, and its rules forbid what the chat does: somebody must act.

    `reason` is the database's own, for the log; the detail for people is that of Unavailable.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__()
