"""The authorities that the test's HTTP clients trust, read once: each reading takes 20 ms."""

import os
import ssl
from functools import lru_cache

import httpx


def trusted() -> ssl.SSLContext:
    """Return the TLS context for httpx; SSL_CERT_FILE names other authorities, also later."""
    return _read(os.environ.get("SSL_CERT_FILE", ""))


@lru_cache
def _read(_file: str) -> ssl.SSLContext:
    return httpx.create_ssl_context()
