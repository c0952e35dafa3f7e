"""Endpoints: the addresses of push services. They come from strangers, and none is trusted.

An endpoint is https, and every address of its host must be public: it must not make this server
reach what only it can reach. Hosts that the operator names (CHAT_PUSH_HOSTS) may be private.
"""

import asyncio
import re
import socket
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from chat_app.push.errors import EndpointRefused

MAX_LENGTH = 2_048
HTTPS_PORT = 443
RESOLVE_S = 5.0
# Name servers of strangers may never answer, and a look-up cannot be ended: new hosts, and those
# that were not found in time the last time, have threads of their own.
RESOLVERS = 8
# More would wait for too long.
MAX_RESOLVING = 32
MAX_PROMPT = 1_000
# Nothing that could end a line, or that clients read in several ways.
_ALLOWED = re.compile(r"https://[!#-;=?-\[\]_a-z~]+")
# Addresses that hold one of IPv4, which a gateway connects to (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
# All that is assigned to hosts (RFC 4291, section 2.4).
_UNICAST = IPv6Network("2000::/3")
# Addresses of protocols (RFC 6890).
_IETF = IPv4Network("192.0.0.0/24")


class Endpoint(NamedTuple):
    """The parts of an endpoint; `origin` is what VAPID signs, `target` what is requested."""

    host: str
    port: int
    origin: str
    target: str


class Unresolved(Exception):
    """The name servers do not answer at the moment."""


class Endpoints:
    """Reads endpoints and resolves their hosts; close it at the end."""

    def __init__(self, *, trusted_hosts: Collection[str] = ()) -> None:
        self._trusted_hosts = frozenset(trusted_hosts)
        self._threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="push resolver")
        self._other_threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="push resolver")
        # The hosts that were found in time, the last one last.
        self._prompt: dict[str, None] = {}
        # One host takes one thread.
        self._resolving: dict[str, Future[list[str]]] = {}

    def close(self) -> None:
        """Wait for no name server any more."""
        for threads in (self._threads, self._other_threads):
            threads.shutdown(wait=False, cancel_futures=True)

    def read(self, url: str) -> Endpoint:
        """Return the parts of an endpoint. Raises EndpointRefused."""
        if len(url) > MAX_LENGTH or not _ALLOWED.fullmatch(url):
            raise EndpointRefused
        try:
            parts = urlsplit(url)
            port = parts.port or HTTPS_PORT
        except ValueError:
            raise EndpointRefused from None
        if not parts.hostname or "@" in parts.netloc or parts.fragment:
            raise EndpointRefused
        if port != HTTPS_PORT and not self._is_trusted(parts.hostname, port):
            raise EndpointRefused
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        origin = f"https://{host}" if port == HTTPS_PORT else f"https://{host}:{port}"
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        return Endpoint(parts.hostname, port, origin, target)

    async def resolve(self, endpoint: Endpoint) -> list[str]:
        """Return the addresses of the host: connect to these, and resolve no second time.

        Raises EndpointRefused where one is not public, or there is no such host, and Unresolved.
        """
        looking = self._looking_up(endpoint)
        try:
            async with asyncio.timeout(RESOLVE_S):
                # Others may wait for the same.
                found = await asyncio.shield(asyncio.wrap_future(looking))
        except TimeoutError:
            # One that has not begun tells nothing about its host.
            if looking.running():
                self._prompt.pop(endpoint.host, None)
            raise Unresolved from None
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise Unresolved from None
            raise EndpointRefused from None
        except (OSError, UnicodeError):
            raise EndpointRefused from None
        self._prompt.pop(endpoint.host, None)
        if len(self._prompt) >= MAX_PROMPT:
            del self._prompt[next(iter(self._prompt))]
        self._prompt[endpoint.host] = None
        if self._is_trusted(endpoint.host, endpoint.port):
            return found
        if not found or not all(map(is_public, found)):
            raise EndpointRefused
        return found

    def _looking_up(self, endpoint: Endpoint) -> Future[list[str]]:
        """Return the look-up of a host that is under way, or begin one. Raises Unresolved."""
        host = endpoint.host
        looking = self._resolving.get(host)
        if looking is None:
            is_prompt = host in self._prompt
            if not is_prompt and len(self._resolving) >= MAX_RESOLVING:
                raise Unresolved
            threads = self._threads if is_prompt else self._other_threads
            looking = threads.submit(_addresses, host, endpoint.port)
            self._resolving[host] = looking
            looking.add_done_callback(lambda _: self._resolving.pop(host, None))
        return looking

    def _is_trusted(self, host: str, port: int) -> bool:
        return not self._trusted_hosts.isdisjoint((host, f"{host}:{port}"))


def is_public(address: str) -> bool:
    """Return whether an address is one of the public network, whatever it is wrapped in."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _IETF
    if ip.ipv4_mapped is not None:
        return is_public(str(ip.ipv4_mapped))
    if ip in _NAT64:
        return is_public(str(IPv4Address(int(ip) & 0xFFFF_FFFF)))
    is_tunnel = ip.sixtofour is not None or ip.teredo is not None
    return ip in _UNICAST and ip.is_global and not is_tunnel


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
