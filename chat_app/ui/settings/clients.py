"""What to call a device by what its browser says about itself."""

import re

# The first that fits counts: browsers name those they come from and those they imitate, too.
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


def client_name(user_agent: str) -> str:
    """Say "Firefox on Linux", or name the program that is no browser."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if browser and user_agent.startswith("Mozilla/"):
        return f"{browser} on {system}" if system else browser
    program = PROGRAM.match(user_agent)
    return program[0] if program and program[0] != "Mozilla" else UNKNOWN


def _first(marks: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in marks if mark in user_agent), "")
