"""A chat on two nodes, or on one where its storage allows no more, and its restarts."""

import asyncio
import signal
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from tests.harness.chats import Farm, Storage, launch
from tests.harness.servers import ChatServer, Redis
from tests.harness.tls import trusted


@dataclass
class Nodes:
    """One chat. `near` and `far` are two nodes of it where it has two, else the same one."""

    near: ChatServer
    far: ChatServer
    redis: Redis | None
    _logged: dict[int, int] = field(default_factory=dict)  # characters, by port

    @property
    def all(self) -> list[ChatServer]:
        """Return every distinct node."""
        return [self.near] if self.near is self.far else [self.near, self.far]

    def mend(self) -> None:
        """Start the nodes that have ended, and wait until every node is ready."""
        for node in self.all:
            if node.server.process.poll() is not None:
                node.launch()
        for node in self.all:
            node.wait_until_ready()
            if self.redis is not None:
                node.server.wait_until(partial(_reaches_redis, node))

    def begin_log(self) -> None:
        """Exclude the lines logged so far from `log`."""
        self._logged = {node.port: len(node.log()) for node in self.all}

    def log(self, node: ChatServer) -> str:
        """Return what a node has logged since `begin_log`."""
        return node.log()[self._logged.get(node.port, 0) :]

    def stop(self) -> None:
        """Stop every node."""
        for node in self.all:
            node.stop()


def start_nodes(farm: Farm, pair: str, folder: Path, **settings: str) -> Nodes:
    """Start a chat on fresh storage, its nodes at the same time, and wait until they answer."""
    if pair == "sqlite+memory":
        node = launch(Storage(pair, "", "", folder), **settings).wait_until_ready()
        return Nodes(node, node, None)
    redis = farm.new_redis()
    storage = Storage(pair, farm.postgres.new_chat_database(), redis.url, folder)
    near, far = launch(storage, **settings), launch(storage, **settings)
    return Nodes(near.wait_until_ready(), far.wait_until_ready(), redis)


async def restart(node: ChatServer, *, with_signal: int = signal.SIGTERM) -> int:
    """Stop a node, start it again while the caller's loop runs on; return its exit status."""
    status = await asyncio.to_thread(node.server.stop, with_signal=with_signal)
    # Not in a thread: the process ends with the thread that has started it.
    node.launch()
    await asyncio.to_thread(node.wait_until_ready)
    return status


def _reaches_redis(node: ChatServer) -> bool:
    ready = httpx.get(f"{node.url}/api/health/ready", timeout=5, verify=trusted())
    return bool(ready.json()["redis"] == "ok")
