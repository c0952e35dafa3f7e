"""The virus scanner: clamd, over TCP or a socket of the machine, by its command INSTREAM."""

import asyncio
import re
import struct
from pathlib import Path
from typing import Literal

import structlog

from chat_app.core.errors import Unavailable

CHUNK = 256 * 1024
CONNECT_S, SCAN_S = 5.0, 120.0

Verdict = Literal["clean", "infected", "not_scanned"]

log = structlog.get_logger(__name__)


class ScannerAway(Unavailable):
    """The scanner does not answer; files wait for it."""


class Scanner:
    """A clamd at `address`: host:port, or the path of a socket."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def scan(self, path: Path) -> Verdict:
        """Scan a file; `not_scanned` is too large for the scanner. Raises ScannerAway."""
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await self._connect()
        except (OSError, TimeoutError) as error:
            raise ScannerAway from error
        try:
            async with asyncio.timeout(SCAN_S):
                answer = await _stream(path, reader, writer)
        except (OSError, TimeoutError) as error:
            raise ScannerAway from error
        finally:
            writer.close()
        return _verdict(answer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("/"):
            return await asyncio.open_unix_connection(self._address)
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port))


async def _stream(path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Send a file; return the answer, which comes early where the file is too large."""
    writer.write(b"zINSTREAM\0")
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            writer.write(struct.pack(">I", len(chunk)) + chunk)
            await writer.drain()
        writer.write(struct.pack(">I", 0))
        await writer.drain()
    except ConnectionError:
        # It has answered that this is too much, and does not read on.
        pass
    finally:
        await asyncio.to_thread(file.close)
    return await reader.read()


def _verdict(answer: bytes) -> Verdict:
    text = answer.rstrip(b"\0\n").decode(errors="replace")
    if text.endswith(" OK"):
        return "clean"
    if text.endswith(" FOUND"):
        log.warning("file.infected", signature=re.sub(r"[^\w.:-]+", " ", text)[:200])
        return "infected"
    if "size limit exceeded" in text:
        return "not_scanned"
    raise ScannerAway
