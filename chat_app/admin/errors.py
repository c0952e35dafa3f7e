"""Errors of administration."""

from chat_app.core.errors import Conflict, Invalid, NotFound, Unavailable


class ReportNotFound(NotFound):
    """The report is unknown, or the actor is no admin."""

    default_detail = "There is no such report."


class ReportIsSelf(Invalid):
    """Somebody reports themselves, or their own message."""

    code = "report_is_self"

    def __init__(self) -> None:
        super().__init__({"reason": "This is your own."}, "You cannot report yourself.")


class BackupRunning(Conflict):
    """Another backup is being made, on whatever node."""

    code = "backup_running"
    default_detail = "A backup is being made already."


class NoSpaceForBackup(Unavailable):
    """The disk has no room for a backup: nothing was begun."""

    code = "no_space"
    default_detail = "There is not enough space on the disk for a backup."
    retry_after = 3600


class NoSuchBackup(NotFound):
    """The file is unknown here, or the actor is no admin."""

    default_detail = (
        "This backup is not here: it was replaced by newer ones, or another machine keeps it."
    )
