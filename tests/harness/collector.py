"""A minimal collector of OpenTelemetry spans, by OTLP over HTTP."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from zlib import MAX_WBITS, decompress

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATIENCE_S = 90
GZIP = MAX_WBITS | 16


class Span(NamedTuple):
    """A span as it was received, ids in hexadecimal; `node` is the service's instance."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    node: str
    links: tuple[str, ...]
    values: dict[str, str]
    failed: str


class Collected:
    """The spans received so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []

    async def wait_for(self, name: str, **values: str) -> Span:
        """Wait for a span of that name with these attributes (dots are underscores)."""

        def fits(span: Span) -> bool:
            known = {key.replace(".", "_"): value for key, value in span.values.items()}
            return span.name == name and values.items() <= known.items()

        return await self.wait_until(fits)

    async def wait_until(self, fits: Callable[[Span], bool]) -> Span:
        """Wait for a span that fulfils the condition."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for span in list(self.spans):
                    if fits(span):
                        return span
                await asyncio.sleep(0.05)


@contextmanager
def collector() -> Iterator[Collected]:
    """Receive spans at `url` for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = decompress(body, GZIP)
            assert self.path == "/v1/traces"
            collected.bodies.append(body)
            collected.spans.extend(_read(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collected = Collected(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collected
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _read(body: bytes) -> Iterator[Span]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {one.key: one.value.string_value for one in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    node=about.get("service.instance.id", ""),
                    links=tuple(link.trace_id.hex() for link in span.links),
                    values={
                        one.key: one.value.string_value or str(one.value.int_value)
                        for one in span.attributes
                    },
                    failed=span.status.message,
                )
