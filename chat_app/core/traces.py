"""Traces: OpenTelemetry spans where a collector is configured, else nothing at next to no cost.

The library is imported when it is switched on (`CHAT_OTEL_ENDPOINT` or OpenTelemetry's own
variables), by `otel.py` alone. The current span is part of the request context, which goes into
queues, into tasks, and with envelopes to other nodes.
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
    """A span that has not ended."""

    def rename(self, name: str) -> None:
        """Replace the name that was known at its start."""

    def set_attribute(self, key: str, value: Value) -> None:
        """Set an attribute: never message content, never a secret."""


class _NoSpan:
    def rename(self, name: str) -> None:
        """Do nothing: no collector is configured."""

    def set_attribute(self, key: str, value: Value) -> None:
        """Do nothing: no collector is configured."""


class Collector(Protocol):
    """A maker of spans, which sends them to a collector."""

    def span(
        self, name: str, kind: Kind, about: dict[str, Value], links: Sequence[RequestContext]
    ) -> AbstractContextManager[Span]:
        """Return a span around a block, a child of the current one."""

    async def close(self) -> None:
        """Send the remaining spans, within `CLOSE_WITHIN_S`."""


NO_SPAN: AbstractContextManager[Span] = nullcontext(_NoSpan())


class Traces:
    """The spans of one node; off until `start` finds them switched on."""

    def __init__(self) -> None:
        self._collector: Collector | None = None

    @property
    def are_on(self) -> bool:
        """Whether a collector is configured."""
        return self._collector is not None

    def start(self, settings: Settings) -> None:
        """Start, if the settings or OpenTelemetry's own variables name a collector."""
        if not settings.otel_endpoint and not _is_on_by_environment():
            return
        from chat_app.core.otel import OtlpCollector  # noqa: PLC0415  # an optional library

        self._collector = OtlpCollector(settings.otel_endpoint, settings.node_name)

    async def close(self) -> None:
        """Send the remaining spans."""
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
        """Return a span around a block; work that the block starts elsewhere is its child."""
        if self._collector is None:
            return NO_SPAN
        return self._collector.span(name, kind, about, links)


def _is_on_by_environment() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(os.environ.get(name) for name in STANDARD)
