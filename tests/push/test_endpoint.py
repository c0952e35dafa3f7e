"""Endpoints: the addresses to which the chat connects for a stranger, and those that it refuses."""

import asyncio
import socket
import threading
from collections.abc import Iterable, Iterator

import pytest

from chat_app.push import endpoint
from chat_app.push.endpoint import Endpoint, Endpoints, Unresolved, is_public
from chat_app.push.errors import EndpointRefused
from tests.harness.clients import PATIENCE_S


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


class NameServers:
    """Name servers of which those of some hosts do not answer until the test ends."""

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self.may_answer = threading.Event()

    def addresses(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        if host in self.silent:
            self.may_answer.wait()
        return ["93.184.216.34"]

    def give_up(self) -> None:
        """Let the look-ups of this moment end; later ones get no answer again."""
        self.may_answer, ended = threading.Event(), self.may_answer
        ended.set()


@pytest.fixture
def name_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    """Give name servers; without a promise about time."""
    made = NameServers()
    monkeypatch.setattr(endpoint, "_addresses", made.addresses)
    yield made
    made.may_answer.set()


def named(endpoints: Endpoints, host: str) -> Endpoint:
    return endpoints.read(f"https://{host}.example.org/x")


async def resolve_in_vain(endpoints: Endpoints, hosts: Iterable[str]) -> None:
    """Resolve hosts that do not answer."""
    waits = [endpoints.resolve(named(endpoints, host)) for host in hosts]
    for outcome in await asyncio.gather(*waits, return_exceptions=True):
        assert isinstance(outcome, Unresolved), outcome


async def test_hosts_that_do_not_answer_hold_up_none_that_did(
    endpoints: Endpoints, name_servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await endpoints.resolve(named(endpoints, "push"))
    monkeypatch.setattr(endpoint, "RESOLVE_S", 0.2)
    hosts = [f"silent-{number}" for number in range(2 * endpoint.MAX_RESOLVING)]
    name_servers.silent = {f"{host}.example.org" for host in hosts}
    await resolve_in_vain(endpoints, hosts)

    monkeypatch.setattr(endpoint, "RESOLVE_S", PATIENCE_S)
    assert await endpoints.resolve(named(endpoints, "push")) == ["93.184.216.34"]


async def test_a_host_that_answers_no_more_goes_to_the_threads_of_new_ones(
    endpoints: Endpoints, name_servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = [f"host-{number}" for number in range(endpoint.RESOLVERS)]
    for host in (*hosts, "push"):
        await endpoints.resolve(named(endpoints, host))
    name_servers.silent = {f"{host}.example.org" for host in hosts}
    # They take all threads of prompt hosts, until the name servers are given up.
    asked = len(name_servers.asked)
    while len(name_servers.asked) < asked + len(hosts):
        monkeypatch.setattr(endpoint, "RESOLVE_S", 0.2)
        await resolve_in_vain(endpoints, hosts)
    name_servers.give_up()
    monkeypatch.setattr(endpoint, "RESOLVE_S", PATIENCE_S)
    await endpoints.resolve(named(endpoints, "push"))

    monkeypatch.setattr(endpoint, "RESOLVE_S", 0.2)
    # One of before may end only now, and be found.
    again = [endpoints.resolve(named(endpoints, host)) for host in hosts]
    await asyncio.gather(*again, return_exceptions=True)
    monkeypatch.setattr(endpoint, "RESOLVE_S", PATIENCE_S)
    assert await endpoints.resolve(named(endpoints, "push")) == ["93.184.216.34"]


async def test_a_host_takes_one_thread(
    endpoints: Endpoints, name_servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "RESOLVE_S", 0.2)
    name_servers.silent = {"silent.example.org"}

    await resolve_in_vain(endpoints, ["silent"] * 5)
    await resolve_in_vain(endpoints, ["silent"])
    assert len(name_servers.asked) <= 1

    name_servers.may_answer.set()
    monkeypatch.setattr(endpoint, "RESOLVE_S", PATIENCE_S)
    assert await endpoints.resolve(named(endpoints, "silent")) == ["93.184.216.34"]
