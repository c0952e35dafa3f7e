"""Several equal nodes of one chat behind nginx.

With `pytest --behind-nginx` the tests of the doors get such a chat wherever they ask for one server
(`OneChat`), and check that they see no difference.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.harness.nginx import Nginx
from tests.harness.servers import LOOPBACK, START_S, ChatServer

NODES = 3
# `off` is refused with an https address: limits so wide that no test reaches them.
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
            self.nginx.start(self.addresses())
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Return the URL at which clients reach the chat."""
        return self.nginx.url

    async def add(self) -> ChatServer:
        """Start one more node and add it to nginx, as operators do."""
        node = self._launch()
        await asyncio.to_thread(node.wait_until_ready)
        await asyncio.to_thread(self.nginx.set_nodes, self.addresses())
        return node

    async def remove(self, node: ChatServer) -> None:
        """Remove a node from nginx, then stop it."""
        self.nodes.remove(node)
        await asyncio.to_thread(self.nginx.set_nodes, self.addresses())
        await asyncio.to_thread(node.stop)

    async def start_again(self, node: ChatServer) -> None:
        """Start a node that was stopped or killed, and wait until it is ready."""
        # Not in a thread: the process ends with the thread that has started it.
        node.launch()
        await asyncio.to_thread(node.wait_until_ready)

    def stop(self) -> list[int]:
        """Stop everything; return how each node ended."""
        statuses = [node.stop() for node in self.nodes]
        self.nginx.stop()
        return statuses

    def _launch(self) -> ChatServer:
        self.nodes.append(self._launch_node(**self._settings))
        return self.nodes[-1]

    def addresses(self) -> list[str]:
        """Return the addresses of the nodes."""
        return [f"{LOOPBACK}:{node.port}" for node in self.nodes]


class OneChat(ChatServer):
    """A cluster without TLS that a test may take for one server."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.url = cluster.url
        self.port = cluster.nginx.port
        self.settings = cluster.nodes[0].settings
        # A test that changes the settings and restarts means all nodes.
        for node in cluster.nodes:
            node.settings = self.settings

    @property
    def processes(self) -> Sequence[ChatServer]:
        """Return the nodes, without nginx in front."""
        return self.cluster.nodes

    def wait_until_ready(self, *, seconds: float = START_S) -> Self:
        """Wait for every node."""
        for node in self.cluster.nodes:
            node.wait_until_ready(seconds=seconds)
        return self

    def end(self, *, with_signal: int = signal.SIGTERM) -> None:
        """End every node, all at once."""
        for node in self.cluster.nodes:
            node.end(with_signal=with_signal)

    def launch(self) -> None:
        """Start every node again, and nginx where it was stopped with them."""
        for node in self.cluster.nodes:
            node.launch()
        if not self.cluster.nginx.is_running():
            self.cluster.nginx.start(self.cluster.addresses())

    def stop(self) -> int:
        """Stop everything; return the worst of the exit statuses."""
        return max(self.cluster.stop(), key=abs)

    def log(self) -> str:
        """Return the logs of all nodes."""
        return "".join(node.log() for node in self.cluster.nodes)
