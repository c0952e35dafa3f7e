"""Endpoints: the addresses to which the chat connects for a stranger, and those that it refuses."""

import socket
from collections.abc import Iterator

import pytest

from chat_app.push import endpoint
from chat_app.push.endpoint import Endpoints, Unresolved, is_public
from chat_app.push.errors import EndpointRefused


@pytest.fixture
def endpoints() -> Iterator[Endpoints]:
    """Give endpoints of a chat that trusts one more host."""
    made = Endpoints(trusted_hosts=["127.0.0.1", "push.internal:8443"])
    yield made
    made.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://push.example.org/x",
        "ftp://push.example.org/x",
        "//push.example.org/x",
        "https:///x",
        "https://push.example.org:8443/x",
        "https://push.example.org:22/x",
        "https://push.example.org:99999/x",
        "https://name@push.example.org/x",
        "https://push.example.org/x#y",
        "https://push.example.org/x y",
        "https://push.example.org/x\r\nHost: other",
        "https://push.example.org\\@10.0.0.1/x",
        "https://pü.example.org/x",
        "https://push.internal:8444/x",
        f"https://push.example.org/{'x' * 2_048}",
    ],
)
def test_an_address_of_another_form_is_refused(endpoints: Endpoints, url: str) -> None:
    with pytest.raises(EndpointRefused):
        endpoints.read(url)


def test_an_endpoint_has_an_origin_and_a_target(endpoints: Endpoints) -> None:
    read = endpoints.read("https://push.example.org/one?two=three")
    trusted = endpoints.read("https://push.internal:8443")

    assert (read.port, read.origin) == (443, "https://push.example.org")
    assert read.target == "/one?two=three"
    assert (trusted.origin, trusted.target) == ("https://push.internal:8443", "/")


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  # refused
        "0",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "192.0.0.8",
        "224.0.0.1",
        "255.255.255.255",
        "localhost",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[fe80::1]",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::1]",
        "[2001:0:7f00:1::]",
        "[::7f00:1]",
        "[ff02::1]",
    ],
)
async def test_a_host_in_no_public_network_is_refused(endpoints: Endpoints, host: str) -> None:
    with pytest.raises(EndpointRefused):
        await endpoints.resolve(endpoints.read(f"https://{host}/x"))


async def test_a_public_host_and_a_trusted_one_are_resolved_once(endpoints: Endpoints) -> None:
    for host in ("127.0.0.1", "93.184.216.34"):
        assert await endpoints.resolve(endpoints.read(f"https://{host}/x")) == [host]
    assert is_public("2606:4700:4700::1111")
    assert is_public("64:ff9b::808:808")


async def test_a_private_address_among_several_is_refused(
    endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_addresses", lambda *_: ["93.184.216.34", "10.0.0.1"])

    with pytest.raises(EndpointRefused):
        await endpoints.resolve(endpoints.read("https://push.example.org/x"))


async def test_name_servers_that_are_away_refuse_nothing(
    endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(endpoint, "_addresses", fail)

    with pytest.raises(Unresolved):
        await endpoints.resolve(endpoints.read("https://push.example.org/x"))
