"""Quiet hours of a user: the hours of each day, in their time zone, without push.

An account keeps them as one text, "22:00 07:00 Europe/Berlin".
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from chat_app.realtime.shapes import QuietHours

# Links to files outside of the database of zones are no names of it.
TIME_ZONES = frozenset(available_timezones() - {"localtime", "Factory"})


def check_time_zone(name: str) -> str:
    """Return the name of a time zone. Raises ValueError for one that is not known."""
    if name not in TIME_ZONES:
        message = "This is no name of a time zone."
        raise ValueError(message)
    return name


def text_of(hours: QuietHours) -> str:
    """Return the text that an account keeps."""
    return f"{hours.start} {hours.end} {hours.time_zone}"


@lru_cache(maxsize=4_096)
def hours_of(text: str | None) -> QuietHours | None:
    """Return the hours of such a text."""
    if text is None:
        return None
    start, end, time_zone = text.split(" ")
    return QuietHours(start=start, end=end, time_zone=time_zone)


def is_quiet(text: str | None, now: datetime) -> bool:
    """Return whether a moment is in the quiet hours of an account."""
    hours = hours_of(text)
    # A zone may have gone from the database of zones since.
    if hours is None or hours.time_zone not in TIME_ZONES:
        return False
    time = now.astimezone(ZoneInfo(hours.time_zone)).strftime("%H:%M")
    if hours.start < hours.end:
        return hours.start <= time < hours.end
    return time >= hours.start or time < hours.end
