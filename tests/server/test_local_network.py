"""The announcement of the address in the local network, in terminals and in logs."""

import io

import pytest
from structlog.testing import capture_logs

from chat_app.core.settings import Settings
from chat_app.server import local_network
from chat_app.server.local_network import announce

ADDRESS = "http://192.168.1.20:3000"


class Output(io.StringIO):
    """The standard output, a terminal or a file."""

    encoding = "utf-8"

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def announced(
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_terminal: bool = True,
    host: str = "0.0.0.0",  # noqa: S104  # nothing listens
    address: str = ADDRESS,
    encoding: str = "utf-8",
) -> tuple[str, list[str]]:
    """Return what is printed, and the addresses that are logged."""
    output = Output(is_terminal=is_terminal)
    output.encoding = encoding
    monkeypatch.setattr("sys.stdout", output)
    monkeypatch.setattr(local_network, "linked_origin", lambda _settings: address)
    with capture_logs() as entries:
        announce(Settings(), host=host)
    return output.getvalue(), [entry["address"] for entry in entries]


def test_a_terminal_gets_the_address_and_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    printed, logged = announced(monkeypatch)

    assert f"In your network the chat answers at {ADDRESS}\n" in printed
    assert "█" in printed
    assert printed.count("\n") < 24
    assert logged == []


def test_a_terminal_without_unicode_gets_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    printed, _ = announced(monkeypatch, encoding="iso8859-1")

    assert ADDRESS in printed
    assert printed.isascii()


def test_a_log_gets_the_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert announced(monkeypatch, is_terminal=False) == ("", [ADDRESS])


@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_is_announced_that_a_phone_cannot_open(
    monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    here = announced(monkeypatch, is_terminal=is_terminal, host="127.0.0.1")
    alone = announced(monkeypatch, is_terminal=is_terminal, address=Settings().public_url)

    assert here == alone == ("", [])
