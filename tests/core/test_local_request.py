"""Local requests: those of programs on this machine, and none that a proxy may have forwarded."""

import pytest

from chat_app.core.local_request import is_local_request

HOST = (b"host", b"localhost:3000")


def is_local(
    *headers: tuple[bytes, bytes],
    client: tuple[str, int] | None = ("127.0.0.1", 50_000),
    server: tuple[str, int | None] | None = ("127.0.0.1", 3000),
    public_url: str = "http://localhost:3000",
) -> bool:
    return is_local_request(headers, client=client, server=server, public_url=public_url)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_request_of_this_machine_is_local(address: str) -> None:
    assert is_local(HOST, client=(address, 50_000))
    assert is_local((b"host", b"127.0.0.1:3000"), client=(address, 50_000))
    assert is_local((b"host", b"[::1]:3000"), client=(address, 50_000))


@pytest.mark.parametrize("address", ["192.168.1.20", "::ffff:10.0.0.1", "", "unix:", "localhost"])
def test_no_other_address_is_local(address: str) -> None:
    assert not is_local(HOST, client=(address, 50_000))


@pytest.mark.parametrize(
    "name",
    [b"X-Forwarded-For", b"x-forwarded-proto", b"X-Real-IP", b"Forwarded", b"Via"],
)
def test_a_request_through_a_proxy_is_not_local(name: bytes) -> None:
    """Even where the header names this machine: any client can send that."""
    assert not is_local(HOST, (name, b"127.0.0.1"))


@pytest.mark.parametrize("host", [b"chat.example.org", b"127.0.0.1.example.org", b"[", b""])
def test_a_request_for_another_host_is_not_local(host: bytes) -> None:
    """A proxy forwards the name; so does a page whose name resolves to this address."""
    assert not is_local((b"host", host))


def test_a_request_names_its_host_once() -> None:
    assert not is_local()
    assert not is_local(HOST, (b"host", b"chat.example.org"))


@pytest.mark.parametrize(
    "public_url", ["https://localhost", "https://localhost:3000", "http://localhost:8080"]
)
def test_behind_https_no_request_is_local(public_url: str) -> None:
    """A proxy that adds no header looks like any program of this machine."""
    assert not is_local(HOST, public_url=public_url)


def test_the_default_port_is_local_too() -> None:
    assert is_local(HOST, server=("127.0.0.1", 80), public_url="http://localhost")


def test_a_request_without_a_known_address_is_not_local() -> None:
    assert not is_local(HOST, client=None)
    assert not is_local(HOST, server=None)
    assert not is_local(HOST, server=("/run/chat.sock", None))
