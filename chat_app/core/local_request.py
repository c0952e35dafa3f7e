"""Local requests: whether a program on this machine sent a request, not a proxy for a client."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from chat_app.core.settings import DEFAULT_PORTS, is_loopback

# Headers that proxies add; a request with one of them may come from another machine.
FORWARDED = (b"forwarded", b"via", b"x-real-ip", b"cf-connecting-ip", b"true-client-ip")
FORWARDED_PREFIX = b"x-forwarded"

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
    if client is None or server is None or not is_loopback(client[0]):
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
    return name == "localhost" or is_loopback(name)
