"""Server for production: uvicorn, inside the process of `reflex run --env prod` itself.

Reflex would start granian with worker processes of its own. One process is simpler to stop cleanly,
and an idle socket costs uvicorn a seventh of the memory (docs/decisions/0001 has the measurements).
"""

import asyncio
import gc
import random
import signal
import socket
import sys
from types import FrameType

import uvicorn

from chat_app.core.settings import Settings
from chat_app.server.edge import AsgiApp, security_headers
from chat_app.server.http import HttpPeer
from chat_app.server.local_network import announce
from chat_app.server.unread_body import discard_unread
from chat_app.server.websocket import WebSocketPeer

# `/ws` answers a frame over 64 KiB by itself; one over this limit is not read to its end.
MAX_FRAME_BYTES = 128 * 1024
HEARTBEAT_SECONDS = 20.0
STOP_SECONDS = 4
# Closed in waves, the clients do not all reconnect to the other nodes at one moment.
WAVES = 25
BETWEEN_WAVES_SECONDS = 0.1
GC_THRESHOLDS = (5_000, 10, 10)


def serve(app: AsgiApp, settings: Settings, *, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; both stop the server in order."""

    class Peer(HttpPeer):
        security = security_headers((settings.public_url,))

    server = GentleServer(
        uvicorn.Config(
            discard_unread(app),
            host=host,
            port=port,
            # Logging is set up by then; uvicorn's own would print queries, which hold keys of tabs.
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=list(settings.trusted_proxies),
            lifespan="on",
            http=Peer,
            # Half the cost a frame of the others (docs/performance.md has the measurement).
            ws=WebSocketPeer,
            ws_max_size=MAX_FRAME_BYTES,
            ws_ping_interval=HEARTBEAT_SECONDS,
            ws_ping_timeout=HEARTBEAT_SECONDS,
            # `WebSocketPeer` has its own way to compress.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        ),
        settings,
    )
    # uvicorn raises the signal once more when it is done; without these that would kill the process
    # (SIGTERM) or print a traceback (Ctrl-C) after a perfectly orderly end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)
    # Loaded modules stay: the garbage collector need not visit them again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    server.run()
    if not server.started:
        sys.exit(1)


class GentleServer(uvicorn.Server):
    """A uvicorn server that names its address when it is ready, and stops in waves."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then announce the address in the local network."""
        await super().startup(sockets)
        if self.started:
            announce(self._settings, host=self.config.host)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections in random order, then shut down as uvicorn does."""
        for listener in self.servers:
            listener.close()
        connections = list(self.server_state.connections)
        random.shuffle(connections)
        size = max(WAVES, -(-len(connections) // WAVES))
        for start in range(0, len(connections), size):
            for connection in connections[start : start + size]:
                if connection in self.server_state.connections:
                    connection.shutdown()
            await asyncio.sleep(BETWEEN_WAVES_SECONDS)
        for connection in list(self.server_state.connections):
            # It is closing already, and reads too slowly for the close frame.
            if connection.transport.is_closing():
                connection.transport.abort()
        await asyncio.sleep(0)
        await super().shutdown(sockets)


def _stopped(_number: int, _frame: FrameType | None) -> None:
    """Ignore the signal: the process ends by itself."""
