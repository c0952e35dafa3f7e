"""The client of push services: one POST a connection, to an address that was checked before.

No library: those resolve the host themselves, follow redirects and read proxies from the
environment, and here none of that may be.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from chat_app.core.clock import utc_now
from chat_app.push.endpoint import Endpoint

CONNECT_S, ANSWER_S = 5.0, 10.0
MAX_ADDRESSES = 3
# More than the head of any answer; its body is not read.
MAX_HEAD = 16_384
HEAD_END = b"\r\n\r\n"
# Answers below it say that another one follows.
FINAL = 200


class Answer(NamedTuple):
    """The status of an answer, and the seconds after which to try again, where it names them."""

    status: int
    retry_after_s: float | None = None


class Unreachable(Exception):
    """The push service does not answer, or not as one."""


class PushService:
    """Sends requests to push services."""

    def __init__(self) -> None:
        # SSL_CERT_FILE adds authorities, as for every program.
        self._tls = ssl.create_default_context()

    async def post(
        self,
        endpoint: Endpoint,
        addresses: Sequence[str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        """Send a body to an endpoint at one of its addresses. Raises Unreachable."""
        head = [
            f"POST {endpoint.target} HTTP/1.1",
            f"Host: {endpoint.origin.removeprefix('https://')}",
        ]
        head += [f"{name}: {value}" for name, value in headers.items()]
        head += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._exchange(endpoint, addresses, "\r\n".join(head).encode() + body)
        except (
            OSError,
            ValueError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ) as error:
            # TimeoutError and the errors of TLS are among them.
            raise Unreachable from error

    async def _exchange(
        self, endpoint: Endpoint, addresses: Sequence[str], request: bytes
    ) -> Answer:
        reader, writer = await self._connect(endpoint, addresses)
        try:
            writer.write(request)
            await writer.drain()
            while (answer := _answer_of(await reader.readuntil(HEAD_END))).status < FINAL:
                pass
            return answer
        finally:
            # Not closed gracefully: that would wait for the other side.
            writer.transport.abort()

    async def _connect(
        self, endpoint: Endpoint, addresses: Sequence[str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failure: OSError = OSError("no address")
        for address in addresses[:MAX_ADDRESSES]:
            try:
                async with asyncio.timeout(CONNECT_S):
                    return await asyncio.open_connection(
                        address,
                        endpoint.port,
                        ssl=self._tls,
                        server_hostname=endpoint.host,
                        limit=MAX_HEAD,
                    )
            except OSError as error:
                failure = error
        raise failure


def _answer_of(head: bytes) -> Answer:
    """Read the head of an answer. Raises ValueError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ", 2)
    if not version.startswith("HTTP/1.") or len(status) != 3:  # noqa: PLR2004  # RFC 9112, section 4
        message = "This is no answer of HTTP."
        raise ValueError(message)
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "retry-after":
            return Answer(int(status), _seconds(value.strip()))
    return Answer(int(status))


def _seconds(value: str) -> float | None:
    """Return the seconds of a Retry-After, which may be a date; None for anything else."""
    if value.isdecimal():
        return float(value[:9])
    try:
        moment: datetime = parsedate_to_datetime(value)
        return max(0.0, (moment - utc_now()).total_seconds())
    except (TypeError, ValueError):
        return None
