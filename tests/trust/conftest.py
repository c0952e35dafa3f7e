"""What the trust tests share: one chat on one node, or on two where the pair allows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.harness.chats import Farm, Storage, start
from tests.harness.servers import ChatServer, Redis


@dataclass(frozen=True)
class Nodes:
    """One chat. `near` and `far` are two nodes of it where it has two, else the same one."""

    near: ChatServer
    far: ChatServer
    redis: Redis | None

    @property
    def all(self) -> list[ChatServer]:
        """Return each once."""
        return [self.near] if self.near is self.far else [self.near, self.far]


class StartNodes(Protocol):
    """Starts a chat on fresh storage, with these settings on every node."""

    def __call__(self, **settings: str) -> Nodes: ...


@pytest.fixture
def start_nodes(farm: Farm, pair: str, tmp_path: Path) -> Iterator[StartNodes]:
    """Give a function that starts a chat on as many nodes as the pair allows."""
    started: list[ChatServer] = []

    def start_all(**settings: str) -> Nodes:
        if pair == "sqlite+memory":
            started.append(start(Storage(pair, "", "", tmp_path), **settings))
            return Nodes(started[0], started[0], None)
        redis = farm.new_redis()
        storage = Storage(pair, farm.postgres.new_chat_database(), redis.url, tmp_path)
        started.extend(start(storage, **settings) for _ in range(2))
        return Nodes(started[0], started[1], redis)

    try:
        yield start_all
    finally:
        for chat in started:
            chat.stop()
