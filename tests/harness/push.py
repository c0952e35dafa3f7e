"""A push service of browsers: it takes pushes over TLS, and reads them as the browsers would."""

import asyncio
import contextlib
import json
import os
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from chat_app.core.clock import utc_now
from chat_app.push.base64url import encode

HOST = "127.0.0.1"
PATIENCE_S = 30.0


@dataclass
class Browser:
    """A browser with a subscription; `name` is the end of its endpoint."""

    name: str
    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def point(self) -> bytes:
        """Return the public key, uncompressed."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> dict[str, Any]:
        """Return the subscription as `PushSubscription.toJSON()` has it."""
        keys = {"p256dh": encode(self.point), "auth": encode(self.auth)}
        return {"endpoint": self.endpoint, "keys": keys}

    def read(self, body: bytes) -> bytes:
        """Decrypt a push, by RFC 8188 and 8291 as a browser does."""
        salt, size, length = body[:16], *struct.unpack(">IB", body[16:21])
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.key.exchange(ec.ECDH(), public)

        def derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
            return HKDF(SHA256(), length, salt, info).derive(secret)

        secret = derive(shared, self.auth, b"WebPush: info\x00" + self.point + sender, 32)
        key = derive(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = derive(secret, salt, b"Content-Encoding: nonce\x00", 12)
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\x00")
        assert plain.endswith(b"\x02")
        return plain[:-1]


class Received(NamedTuple):
    """A request that came: its browser's name, its headers in lower case, and what it held."""

    name: str
    headers: dict[str, str]
    body: bytes


class PushServer:
    """A push service; `answer` returns the head of an answer to a request, None for none at all."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[Received] = []
        self.browsers: dict[str, Browser] = {}
        self.answer: Callable[[Received], str | None] = lambda _request: "201 Created"
        # Cleared, it holds back all answers.
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._changed = asyncio.Condition()

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        """Run a push service on a free port of this machine."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate())
        made = cls()
        server = await asyncio.start_server(made.serve, HOST, 0, ssl=context)
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            server.close()

    def browser(self, name: str) -> Browser:
        """Return a new browser with a subscription here."""
        made = Browser(name, f"https://{HOST}:{self.port}/push/{name}")
        self.browsers[name] = made
        return made

    def contents(self, name: str) -> list[dict[str, Any]]:
        """Return what a browser can read of the pushes that came for it."""
        browser = self.browsers[name]
        return [json.loads(browser.read(one.body)) for one in self.received if one.name == name]

    async def until(self, is_enough: Callable[[], bool]) -> None:
        """Wait until requests have come that are enough."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(is_enough)

    async def next_for(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many pushes have come for a browser; return all of them."""
        await self.until(lambda: sum(one.name == name for one in self.received) >= count)
        return self.contents(name)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request and answer it."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            request = Received(head[0].split(" ")[1].rpartition("/")[2], headers, body)
            answer = self.answer(request)
            async with self._changed:
                self.received.append(request)
                self._changed.notify_all()
            await self.may_answer.wait()
            if answer is None:
                await reader.read()
            else:
                writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()


def trust_push_server(patch: pytest.MonkeyPatch) -> None:
    """Let programs that start now, and this one, trust the certificate of push services."""
    patch.setenv("SSL_CERT_FILE", str(certificate()))


@lru_cache
def certificate() -> Path:
    """Return a file with a certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Push service")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utc_now() - timedelta(hours=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), False)  # noqa: FBT003  # its own form
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)  # noqa: FBT003  # its own form
        .sign(key, SHA256())
    )
    path = Path(tempfile.mkdtemp()) / "push.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + private)
    return path
