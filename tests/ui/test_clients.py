"""Names of devices, made from user agents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_app.ui.settings.rows import UNKNOWN, client_name
from tests.harness.texts import in_english

CHROMIUM = "(KHTML, like Gecko) Chrome/150.0.0.0"
SAFARI = "(KHTML, like Gecko) Version/19.0"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
ANDROID = "Mozilla/5.0 (Linux; Android 16; Pixel 11) AppleWebKit/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
            "Firefox on Linux",
        ),
        (f"{WINDOWS} {CHROMIUM} Safari/537.36", "Chrome on Windows"),
        (f"{WINDOWS} {CHROMIUM} Safari/537.36 Edg/150.0.0.0", "Edge on Windows"),
        (f"{WINDOWS} {CHROMIUM} Safari/537.36 OPR/120.0.0.0", "Opera on Windows"),
        (f"{ANDROID} {CHROMIUM} Mobile Safari/537.36", "Chrome on Android"),
        (
            f"{ANDROID} (KHTML, like Gecko) SamsungBrowser/30.0 Chrome/150.0",
            "Samsung Internet on Android",
        ),
        (f"{IPHONE} {SAFARI} Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (
            f"{IPHONE} (KHTML, like Gecko) CriOS/150.0 Mobile/15E148 Safari/604.1",
            "Chrome on iPhone",
        ),
        (
            f"{IPHONE} (KHTML, like Gecko) FxiOS/150.0 Mobile/15E148 Safari/604.1",
            "Firefox on iPhone",
        ),
        (f"{MAC} {SAFARI} Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (something new) Firefox/150.0", "Firefox"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("curl/8.5.0", "curl"),
        ("", UNKNOWN),
        ("Mozilla/5.0", UNKNOWN),
        ("<script>alert(1)</script>", UNKNOWN),
        ("\u202egnp.exe", UNKNOWN),
    ],
)
def test_a_client_has_a_readable_name(user_agent: str, name: str) -> None:
    assert in_english(client_name(user_agent)) == name


@given(st.text(max_size=300))
def test_a_name_is_short_and_printable_for_any_user_agent(user_agent: str) -> None:
    name = in_english(client_name(user_agent))

    assert 1 <= len(name) <= 40
    assert name.isascii()
    assert name.isprintable()
