"""Local requests: whether a program on this machine sent a request, not a proxy for a client."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

# Headers that proxies add; a request with one of them may come from another machine.
FORWARDED = (b"forwarded", b"via", b"x-real-ip", b"cf-connecting-ip", b"true-client-ip")
FORWARDED_PREFIX = b"x-forwarded"
DEFAULT_PORTS = {"http": 80, "https": 443}

Headers = Iterable[tuple[bytes, bytes]]


def is_local_request(
    headers: Headers,
    *,
    client: tuple[str, int] | None,
    server: tuple[str, int | None] | None,
    public_url: str,
) -> bool:
    """Return whether a program on this machine sent the request itself.

    A proxy on the same machine is such a program, too. So a request that was forwarded or that
    names another host is not local. Where browsers use HTTPS, or another port than this process
    listens on, there is a proxy that may add no header: then no request is local.
    """
    if client is None or server is None or not _is_loopback(client[0]):
        return False
    public = urlsplit(public_url)
    if public.scheme != "http" or (public.port or DEFAULT_PORTS["http"]) != server[1]:
        return False
    hosts = []
    for name, value in headers:
        lowered = name.lower()
        # Without any of these the server has left the peer's own address in `client`.
        if lowered in FORWARDED or lowered.startswith(FORWARDED_PREFIX):
            return False
        if lowered == b"host":
            hosts.append(value.decode("latin-1"))
    return len(hosts) == 1 and _names_loopback(hosts[0])


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)
