"""Own origins: the public address, and with CHAT_LOCAL_NETWORK that of the request's own socket."""

import socket
from typing import Self

import pytest

from chat_app.core.own_origins import linked_origin, own_origins
from chat_app.core.settings import Settings

HOME = "http://localhost:3000"


def settings(public_url: str = HOME, local_network: str = "on", **more: str) -> Settings:
    fields = {"public_url": public_url, "local_network": local_network, **more}
    return Settings.model_validate(fields)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("192.168.1.20", "http://192.168.1.20:3000"),
        ("10.0.0.7", "http://10.0.0.7:3000"),
        ("172.17.0.2", "http://172.17.0.2:3000"),
        ("169.254.3.4", "http://169.254.3.4:3000"),
        ("100.64.0.9", "http://100.64.0.9:3000"),
        ("::ffff:192.168.1.20", "http://192.168.1.20:3000"),
        ("fd00::2", "http://[fd00::2]:3000"),
    ],
)
def test_an_address_of_a_local_network_is_an_origin(host: str, origin: str) -> None:
    assert own_origins(settings(), (host, 3000)) == (HOME, origin)


@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "2606:4700::1", "127.0.0.1", "::1", "0.0.0.0", "fe80::1%eth0", "laptop.local", ""],  # noqa: S104  # not listened on
)
def test_no_other_address_is_one(host: str) -> None:
    assert own_origins(settings(), (host, 3000)) == (HOME,)


def test_only_the_port_of_the_public_address_counts() -> None:
    """At another port a proxy is in front, whose address is none of ours."""
    assert own_origins(settings(), ("10.0.0.7", 8080)) == (HOME,)
    assert own_origins(settings(), None) == (HOME,)
    assert own_origins(settings("http://localhost"), ("10.0.0.7", 80)) == (
        "http://localhost",
        "http://10.0.0.7",
    )


@pytest.mark.parametrize(
    "there",
    [
        settings(local_network="off"),
        settings("https://chat.example.org"),
        settings("https://localhost:3000"),
        settings("http://chat.example.org:3000"),
        settings("http://192.168.1.20:3000"),
        settings(api_url="http://localhost:8000"),
    ],
)
def test_elsewhere_the_setting_changes_nothing(there: Settings) -> None:
    assert own_origins(there, ("10.0.0.7", 3000)) == (there.public_url,)
    assert linked_origin(there) == there.public_url


def probe_of(machine: dict[int, str]) -> type:
    """Return sockets of a machine that has an address of its own in each of some families."""

    class Probe:
        def __init__(self, family: int, _kind: int) -> None:
            self._family = family

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def connect(self, _address: tuple[str, int]) -> None:
            if self._family not in machine:
                raise OSError

        def getsockname(self) -> tuple[str, int]:
            return machine[self._family], 40_000

    return Probe


@pytest.mark.parametrize(
    ("machine", "origin"),
    [
        ({socket.AF_INET: "192.168.1.20", socket.AF_INET6: "fd00::2"}, "http://192.168.1.20:3000"),
        ({socket.AF_INET6: "fd00::2"}, "http://[fd00::2]:3000"),
        ({socket.AF_INET: "203.0.112.9", socket.AF_INET6: "fd00::2"}, "http://[fd00::2]:3000"),
        ({socket.AF_INET: "203.0.112.9"}, HOME),
        ({}, HOME),
    ],
)
def test_links_name_the_machine_in_its_network(
    monkeypatch: pytest.MonkeyPatch, machine: dict[int, str], origin: str
) -> None:
    monkeypatch.setattr(socket, "socket", probe_of(machine))

    assert linked_origin(settings()) == origin
