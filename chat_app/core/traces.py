"""Spans of what happens, where somebody collects them; otherwise nothing at next to no cost.

The library is imported when it is switched on (`CHAT_OTEL_ENDPOINT` or OpenTelemetry's own
variables), by `otel.py` alone. Which span something belongs to goes with its context: into queues,
into tasks, and with the news to other nodes.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol, TypeAlias

from chat_app.core.request_context import RequestContext
from chat_app.core.settings import Settings

Kind: TypeAlias = Literal["internal", "server", "consumer"]
Value: TypeAlias = str | int | bool

STANDARD = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Span(Protocol):
    """A piece of work while it goes on."""

    def rename(self, name: str) -> None:
        """Give it a better name than was known at its start."""

    def note(self, key: str, value: Value) -> None:
        """Note something about it: never what people wrote, never a secret."""


class _Nothing:
    def rename(self, name: str) -> None:
        """Nobody collects it."""

    def note(self, key: str, value: Value) -> None:
        """Nobody collects it."""


class Collector(Protocol):
    """Makes spans and sends them away."""

    def span(
        self, name: str, kind: Kind, about: dict[str, Value], links: Sequence[RequestContext]
    ) -> AbstractContextManager[Span]:
        """Measure a block, within the span of the current context."""

    async def close(self) -> None:
        """Send what is left, for a moment at the most."""


NOTHING: AbstractContextManager[Span] = nullcontext(_Nothing())


class Traces:
    """The spans of one node; off until `start` finds them switched on."""

    def __init__(self) -> None:
        self._collector: Collector | None = None

    @property
    def are_on(self) -> bool:
        """Whether anybody collects."""
        return self._collector is not None

    def start(self, settings: Settings) -> None:
        """Start collecting if the settings or OpenTelemetry's own variables say where to."""
        if not settings.otel_endpoint and not _is_on_by_environment():
            return
        from chat_app.core.otel import OtlpCollector  # noqa: PLC0415  # an optional library

        self._collector = OtlpCollector(settings.otel_endpoint, settings.node_name)

    async def close(self) -> None:
        """Send what is left."""
        if self._collector is not None:
            await self._collector.close()
            self._collector = None

    def span(
        self,
        name: str,
        kind: Kind = "internal",
        links: Sequence[RequestContext] = (),
        **about: Value,
    ) -> AbstractContextManager[Span]:
        """Measure a block; what it does, and what that sets off elsewhere, belongs to it."""
        if self._collector is None:
            return NOTHING
        return self._collector.span(name, kind, about, links)


def _is_on_by_environment() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(os.environ.get(name) for name in STANDARD)
