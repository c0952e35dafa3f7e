"""Quiet hours: moments inside and outside, over midnight and in another time zone."""

from datetime import UTC, datetime

import pytest

from chat_app.accounts.quiet_hours import hours_of, is_quiet, text_of


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        (None, "23:00", False),
        ("22:00 07:00 UTC", "21:59", False),
        ("22:00 07:00 UTC", "22:00", True),
        ("22:00 07:00 UTC", "06:59", True),
        ("22:00 07:00 UTC", "07:00", False),
        ("12:00 13:30 UTC", "13:29", True),
        ("12:00 13:30 UTC", "13:30", False),
        # Winter time, and a zone that is no whole hour away.
        ("22:00 07:00 Europe/Berlin", "21:00", True),
        ("22:00 07:00 Europe/Berlin", "06:30", False),
        ("00:00 05:30 Asia/Kolkata", "18:30", True),
        ("22:00 07:00 Nowhere/Known", "23:00", False),
    ],
)
def test_a_moment_is_in_quiet_hours(text: str | None, moment: str, expected: bool) -> None:  # noqa: FBT001  # a parameter
    now = datetime.fromisoformat(f"2026-01-15T{moment}:00").replace(tzinfo=UTC)

    assert is_quiet(text, now) is expected


def test_hours_follow_summer_time() -> None:
    now = datetime(2026, 7, 15, 20, 30, tzinfo=UTC)

    assert is_quiet("22:00 07:00 Europe/Berlin", now)
    assert not is_quiet("22:00 07:00 UTC", now)


def test_an_account_keeps_hours_as_text() -> None:
    hours = hours_of("22:00 07:00 Europe/Berlin")

    assert hours is not None
    assert text_of(hours) == "22:00 07:00 Europe/Berlin"
