"""Several equal nodes of one chat behind nginx."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.nginx import Nginx
from tests.servers import LOOPBACK, ChatServer

NODES = 3
# `off` is refused with an https address: made so wide that nobody meets them.
WIDE_LIMITS = {
    "CHAT_LIMITS": "on",
    "CHAT_LIMIT_MESSAGE_BURST": "100000",
    "CHAT_LIMIT_MESSAGES_PER_SECOND": "10000",
    "CHAT_LIMIT_REGISTRATIONS_PER_HOUR": "100000",
}


class Cluster:
    """Nodes that share their storage, reached at `url` through nginx.

    `launch_node` starts one with the settings it gets; it need not wait.
    """

    def __init__(
        self,
        folder: Path,
        launch_node: Callable[..., ChatServer],
        *,
        count: int = NODES,
        tls: bool = True,
        settings: Mapping[str, str] = WIDE_LIMITS,
    ) -> None:
        self.nginx = Nginx(folder, tls=tls)
        self.nodes: list[ChatServer] = []
        self._launch_node = launch_node
        self._settings = {"CHAT_PUBLIC_URL": self.url, **settings}
        try:
            for _ in range(count):
                self._launch()
            for node in self.nodes:
                node.wait_until_ready()
            self.nginx.start(self._addresses())
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where everybody reaches the chat."""
        return self.nginx.url

    async def add(self) -> ChatServer:
        """Start one more node and let nginx know, as operators do."""
        node = self._launch()
        await asyncio.to_thread(node.wait_until_ready)
        await asyncio.to_thread(self.nginx.set_nodes, self._addresses())
        return node

    async def remove(self, node: ChatServer) -> None:
        """Let nginx forget a node, then stop it."""
        self.nodes.remove(node)
        await asyncio.to_thread(self.nginx.set_nodes, self._addresses())
        await asyncio.to_thread(node.stop)

    async def start_again(self, node: ChatServer) -> None:
        """Start a node that was stopped or killed, and wait until it is ready."""
        # Not in a thread: the process ends with the thread that has started it.
        node.launch()
        await asyncio.to_thread(node.wait_until_ready)

    def stop(self) -> list[int]:
        """Stop everything; return how each node ended."""
        statuses = [node.stop() for node in self.nodes]
        if hasattr(self.nginx, "server"):
            self.nginx.stop()
        return statuses

    def _launch(self) -> ChatServer:
        self.nodes.append(self._launch_node(**self._settings))
        return self.nodes[-1]

    def _addresses(self) -> list[str]:
        return [f"{LOOPBACK}:{node.port}" for node in self.nodes]
