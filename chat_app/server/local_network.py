"""Local network: tell whoever starts the chat at which address phones can open it."""

import sys

import structlog

from chat_app.core.own_origins import linked_origin
from chat_app.core.qr_code import terminal_lines
from chat_app.core.settings import Settings

EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  # compared with

log = structlog.get_logger(__name__)


def announce(settings: Settings, *, host: str) -> None:
    """Print the address in the local network with its QR code, or log it where nobody looks.

    Nothing is announced if there is no such address, or the server listens at `host` only.
    """
    address = linked_origin(settings)
    if address == settings.public_url or host not in EVERY_ADDRESS:
        return
    if not sys.stdout.isatty():
        log.info("local_network", address=address)
        return
    lines = [f"In your network the chat answers at {address}"]
    if sys.stdout.encoding.lower().startswith("utf"):
        lines += ["Phones in the same network can scan this:", *terminal_lines(address)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
