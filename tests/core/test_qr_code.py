"""QR codes in the terminal and as pictures: both are the same modules, in a quiet zone."""

import re
from urllib.parse import unquote

import pytest
import segno

from chat_app.core.qr_code import QUIET, picture_address, terminal_lines

LAN = "http://192.168.1.20:3000"
LINK = f"https://chat.example.org/invite/{'aB3_x-9Q' * 5}xyz"
LONG = "http://[fd12:3456:789a:bcde:f012:3456:789a:bcde]:65535"
HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def modules_in_terminal(text: str) -> list[list[int]]:
    """Return the modules that lines of a terminal show."""
    rows = []
    for line in terminal_lines(text):
        pairs = [HALVES[sign] for sign in re.sub(r"\x1b\[[0-9;]*m", "", line)]
        rows += [[upper for upper, _ in pairs], [lower for _, lower in pairs]]
    return rows[: len(rows[0])]


def modules_in_picture(text: str) -> list[list[int]]:
    """Return the modules that the boxes of a picture paint."""
    svg = unquote(picture_address(text).removeprefix("data:image/svg+xml,"))
    size = int(re.findall(r"viewBox='0 0 (\d+)", svg)[0])
    rows = [[0] * size for _ in range(size)]
    for x, y, width in re.findall(r"M(\d+),(\d+)h(\d+)v1h-\d+z", svg):
        for place in range(int(x), int(x) + int(width)):
            rows[int(y)][place] = 1
    return rows


@pytest.mark.parametrize("text", [LAN, LINK, LONG])
def test_terminal_and_picture_show_the_code_in_its_quiet_zone(text: str) -> None:
    code = segno.make_qr(text, error="l").matrix
    edge = [0] * QUIET
    nothing = [[0] * (len(code) + 2 * QUIET)] * QUIET
    expected = [*nothing, *([*edge, *row, *edge] for row in code), *nothing]

    assert modules_in_terminal(text) == expected
    assert modules_in_picture(text) == expected


@pytest.mark.parametrize("text", [LAN, LONG])
def test_an_address_fits_into_a_small_terminal(text: str) -> None:
    lines = terminal_lines(text)

    # With the two sentences above them, and the cursor below.
    assert len(lines) + 3 <= 24
    assert len(lines) * 2 <= 80


def test_lines_are_black_on_white_whatever_the_theme_of_the_terminal() -> None:
    for line in terminal_lines(LAN):
        assert line.startswith("\x1b[38;5;16;48;5;231m")
        assert line.endswith("\x1b[0m")
