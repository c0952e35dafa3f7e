"""What goes to the tabs, as JSON: the largest part of showing them news.

The encoder that Reflex brings takes several times as long for the same text. A server of one's own
is how it lets the encoder be chosen (`rx.App(sio=…)`); all else about it is as Reflex has it.
"""

from types import SimpleNamespace
from typing import Any

import msgspec
from reflex.state import StateUpdate
from reflex_base.environment import environment
from reflex_base.utils.serializers import serialize
from socketio import AsyncServer

_encoder = msgspec.json.Encoder(enc_hook=serialize)


def socket_server(public_url: str) -> AsyncServer:
    """Return the Socket.IO server for tabs of pages from one origin."""
    return AsyncServer(
        async_mode="asgi",
        cors_allowed_origins=[public_url],
        cors_credentials=True,
        max_http_buffer_size=environment.REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE.get(),
        ping_interval=environment.REFLEX_SOCKET_INTERVAL.get().total_seconds(),
        ping_timeout=environment.REFLEX_SOCKET_TIMEOUT.get().total_seconds(),
        json=SimpleNamespace(dumps=encode, loads=msgspec.json.decode),
        allow_upgrades=False,
        transports=["websocket"],
        async_handlers=False,
    )


def encode(packet: object, **_layout: Any) -> str:  # noqa: ANN401  # what Socket.IO calls with
    """Write a packet as JSON without blanks."""
    if isinstance(packet, list):
        # A dataclass that Reflex nevertheless writes in its own way: without what is empty.
        packet = [serialize(one) if isinstance(one, StateUpdate) else one for one in packet]
    return _encoder.encode(packet).decode()
