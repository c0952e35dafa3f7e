"""Database errors: translate those of a database that is away, full or busy."""

import contextlib
from collections.abc import Iterator

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chat_app.core.errors import Overtaken, Refused, StatementLost, Unavailable

# A serialization failure and a deadlock: rolled back so that another transaction could go on.
OVERTAKEN = ("40001", "40P01")
# A prepared statement that is unknown, or there already.
LOST = ("26000", "42P05")
# No right to do it, no right to connect, or no such database.
FORBIDDEN = ("42501", "28", "3D")
UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeout, OSError, TimeoutError)

log = structlog.get_logger(__name__)


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Raise Unavailable for errors that are the database's state, and no fault of ours."""
    try:
        yield
    except UNAVAILABLE as error:
        raise Unavailable from error
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state in OVERTAKEN:
            raise Overtaken from error
        if state in LOST:
            raise StatementLost from error
        if state.startswith(FORBIDDEN):
            reason = str(getattr(error.orig, "__cause__", None) or error.orig)
            log.error("database.refuses", reason=reason)  # noqa: TRY400  # a matter of rights
            raise Refused(reason) from error
        if error.connection_invalidated or not _is_our_fault(state):
            raise Unavailable from error
        raise


def _is_our_fault(state: str) -> bool:
    # SQLSTATE classes 53 (no resources), 57 (shutting down), 58 (system), 40 (rolled back by
    # the server) and 25006 (read-only after a failover) are the server's state, not our SQL.
    return not (state[:2] in ("53", "57", "58", "40", "08") or state == "25006")
