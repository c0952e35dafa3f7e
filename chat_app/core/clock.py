"""The only clock: aware UTC times, so that nothing naive ever reaches a column or a client.

Several nodes go by their database's clock (`clock_sync.py`), however wrong their own may be.
"""

from datetime import UTC, datetime, timedelta

# Less is the network's doing, and hurts nobody.
TOLERATED = timedelta(seconds=1)


class _Correction:
    """How far the clock that counts is ahead of this machine's."""

    by = timedelta(0)


_correction = _Correction()


def utc_now() -> datetime:
    """Return the present moment in UTC, to the microsecond."""
    return machine_now() + _correction.by


def machine_now() -> datetime:
    """Return what this machine takes for the present moment."""
    return datetime.now(UTC)


def follow(ahead: timedelta) -> timedelta:
    """Go by a clock that is so far ahead of this machine's; return by how much that corrects."""
    _correction.by = ahead if abs(ahead) > TOLERATED else timedelta(0)
    return _correction.by
