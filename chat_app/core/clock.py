"""The only clock: aware UTC times, so that nothing naive ever reaches a column or a client."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present moment in UTC, to the microsecond."""
    return datetime.now(UTC)
