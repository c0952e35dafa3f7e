"""Errors of administration."""

from chat_app.core.errors import Invalid, NotFound


class ReportNotFound(NotFound):
    """The report is unknown, or the actor is no admin."""

    default_detail = "There is no such report."


class ReportIsSelf(Invalid):
    """Somebody reports themselves, or their own message."""

    code = "report_is_self"

    def __init__(self) -> None:
        super().__init__({"reason": "This is your own."}, "You cannot report yourself.")
