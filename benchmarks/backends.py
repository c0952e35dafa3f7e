"""The outside servers of a measurement: a private PostgreSQL that keeps its word, and a Redis."""

import contextlib
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from benchmarks import machine
from tests.harness import servers


class Backends:
    """Servers that start when they are first asked for, and a fresh database each time."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder = folder
        self._stack = stack

    def addresses(self, pair: str) -> tuple[str, str]:
        """Return where storage and bus of a new chat are; empty for the embedded pair."""
        if pair == "sqlite":
            return "", ""
        # Whoever asks may be restricted to the load client's cores; these servers are not.
        with machine.on(machine.ALL_CORES):
            self._redis.empty()
            return self._postgres.new_database(), self._redis.url

    @cached_property
    def _postgres(self) -> servers.Postgres:
        postgres = servers.Postgres(self._folder, durable=True)
        self._stack.callback(postgres.stop)
        return postgres

    @cached_property
    def _redis(self) -> servers.Redis:
        redis = servers.Redis(self._folder)
        self._stack.callback(redis.stop)
        return redis


@contextlib.contextmanager
def backends() -> Iterator[Backends]:
    """Give the servers, and stop at the end what was started."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="chat-bench-servers-"))
        yield Backends(Path(folder), stack)
