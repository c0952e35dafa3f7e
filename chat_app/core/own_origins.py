"""Own origins: the addresses at which browsers open the chat, and the one that links name.

With CHAT_LOCAL_NETWORK the chat is also open at the address of this machine in its network. Only an
address counts, and only that of the socket by which a request came in: a host name could be made to
point here by anybody (DNS rebinding), and would pass for one of our own pages.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

from chat_app.core.settings import DEFAULT_PORTS, Settings

Server: TypeAlias = tuple[str, int | None] | None
Address: TypeAlias = IPv4Address | IPv6Address

HTTP_PORT = DEFAULT_PORTS["http"]
# Addresses of documentation (RFC 5737, RFC 3849). Nothing is sent there: the system only chooses
# from which of its own addresses it would send.
ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def own_origins(settings: Settings, server: Server) -> tuple[str, ...]:
    """Return the origins of our own pages for a request that came in by the socket `server`."""
    if not settings.opens_local_network or server is None or server[1] != _port(settings):
        return (settings.public_url,)
    address = _local_address(server[0])
    if address is None:
        return (settings.public_url,)
    return settings.public_url, _origin(address, settings)


def linked_origin(settings: Settings) -> str:
    """Return the origin of links that people hand on.

    A phone cannot open `localhost`: where the local network is open, it is the machine's address.
    """
    if not settings.opens_local_network:
        return settings.public_url
    for family, elsewhere in ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, HTTP_PORT))
                address = _local_address(probe.getsockname()[0])
        except OSError:
            continue  # Without a network of this family.
        if address is not None:
            return _origin(address, settings)
    return settings.public_url


def _local_address(text: str) -> Address | None:
    """Return an address of a local network; None for others, and for what no browser can open."""
    try:
        ip = ip_address(text)
    except ValueError:
        return None  # The path of a socket on the disk.
    ip = getattr(ip, "ipv4_mapped", None) or ip
    # One with a zone (fe80::1%eth0) stands in no web address.
    if ip.is_global or ip.is_loopback or ip.is_unspecified or "%" in str(ip):
        return None
    return ip


def _port(settings: Settings) -> int:
    return urlsplit(settings.public_url).port or HTTP_PORT


def _origin(address: Address, settings: Settings) -> str:
    # As browsers write it in `Origin` (RFC 6454).
    host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004  # IPv6
    port = _port(settings)
    return f"http://{host}" if port == HTTP_PORT else f"http://{host}:{port}"
