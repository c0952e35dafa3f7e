"""Rows of the settings: the own profile, and open sessions with the name of their device."""

import re
from typing import TypedDict

from chat_app.accounts.schemas import OpenSession, OwnUser
from chat_app.ui.conversations.rows import timestamp
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.told import told

# The first match counts: a browser's user agent also names the browsers it imitates.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")
UNKNOWN = "Unknown device"


class Profile(TypedDict):
    """The own profile; `id` is empty until it is loaded."""

    id: str
    username: str
    display_name: str
    status_text: str
    bio: str
    letters: str
    tone: str
    picture: str
    admin: bool


class DeviceRow(TypedDict):
    """An open session of the user."""

    id: str
    client: str
    address: str
    first_used: str
    last_used: str
    current: bool


EMPTY_PROFILE = Profile(
    id="",
    username="",
    display_name="",
    status_text="",
    bio="",
    letters="",
    tone="",
    picture="",
    admin=False,
)


def profile_of(user: OwnUser) -> Profile:
    """Return the profile as its owner sees it."""
    return Profile(
        id=str(user.id),
        username=user.username,
        display_name=user.display_name,
        status_text=user.status_text,
        bio=user.bio,
        letters=initials(user.display_name),
        tone=tone(user.id),
        picture=user.avatar_url or "",
        admin=user.admin,
    )


def device_row(session: OpenSession) -> DeviceRow:
    """Return the row of a session."""
    return DeviceRow(
        id=str(session.id),
        client=client_name(session.user_agent),
        address=session.address,
        first_used=timestamp(session.created_at),
        last_used=timestamp(session.last_used_at),
        current=session.current,
    )


def client_name(user_agent: str) -> str:
    """Return a name like "Firefox on Linux" for a user agent, or that of a program."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if browser and user_agent.startswith("Mozilla/"):
        if not system:
            return browser
        return told("{browser} on {system}", browser=browser, system=system)
    program = PROGRAM.match(user_agent)
    return program[0] if program and program[0] != "Mozilla" else UNKNOWN


def _first(marks: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in marks if mark in user_agent), "")
