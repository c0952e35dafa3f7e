"""OpenTelemetry export of spans; imported only when traces are switched on."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chat_app.core import request_context
from chat_app.core.request_context import RequestContext
from chat_app.core.traces import Kind, Value

CLOSE_WITHIN_S = 2.0
HEADER = "traceparent"
KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "consumer": SpanKind.CONSUMER,
}

_propagator = TraceContextTextMapPropagator()


class OtlpSpan:
    """A span of OpenTelemetry."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        """Replace the name."""
        self._span.update_name(name)

    def set_attribute(self, key: str, value: Value) -> None:
        """Set an attribute."""
        self._span.set_attribute(key, value)


class OtlpCollector:
    """An exporter of spans by OTLP over HTTP, in a thread of its own; excess spans are dropped."""

    def __init__(self, endpoint: str, node: str) -> None:
        about = {"service.name": "chat"} | ({"service.instance.id": node} if node else {})
        # Without an endpoint of ours the exporter reads OpenTelemetry's own variables.
        address = f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(address)))
        self._tracer = self._provider.get_tracer("chat_app")

    @contextlib.contextmanager
    def span(
        self, name: str, kind: Kind, about: dict[str, Value], links: Sequence[RequestContext]
    ) -> Iterator[OtlpSpan]:
        """Return a span around a block, a child of the current one."""
        context = request_context.current()
        span = self._tracer.start_span(
            name,
            context=_context(context),
            kind=KINDS[kind],
            attributes=about,
            links=[Link(get_current_span(_context(one)).get_span_context()) for one in links],
        )
        headers: dict[str, str] = {}
        _propagator.inject(headers, set_span_in_context(span, Context()))
        if context.request_id:
            span.set_attribute("chat.request_id", context.request_id)
        request_context.set_current(RequestContext(context.request_id, headers.get(HEADER, "")))
        try:
            yield OtlpSpan(span)
        except Exception as error:
            # The type of the error only: its text may contain message content.
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            request_context.set_current(context)
            span.end()

    async def close(self) -> None:
        """Send the remaining spans, within `CLOSE_WITHIN_S`: a collector may be away."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # too late: the loop is closed
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=shut_down, name="traces end", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await done.wait()


def _context(context: RequestContext) -> Context:
    return _propagator.extract({HEADER: context.trace}, context=Context())
