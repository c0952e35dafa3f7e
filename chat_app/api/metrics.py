"""`/api/metrics`: the node's metrics in the format of Prometheus.

Neither the database nor Redis is queried: all figures are in the process.
"""

import hmac
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from litestar import Request, Response, get
from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from chat_app.core.errors import Unauthenticated
from chat_app.core.local_request import is_local_request
from chat_app.core.metrics import Counter, Family, Gauge, Histogram, Metrics
from chat_app.node.node import Node

# Processor time, memory and open files of this process.
_process = ProcessCollector(registry=None)


@get(
    "/api/metrics",
    media_type=CONTENT_TYPE_LATEST,
    tags=["Operation"],
    errors=[Unauthenticated],
    sync_to_thread=False,
)
def metrics(request: Request[Any, Any, Any], node: Node) -> Response[bytes]:
    """Return the metrics, to this machine itself or with `CHAT_METRICS_TOKEN` as bearer token."""
    if not (_has_token(request, node) or _is_local(request, node)):
        raise Unauthenticated("Ask from the chat's own machine, or with its metrics token.")
    return Response(generate_latest(_NodeCollector(node.metrics)), media_type=CONTENT_TYPE_LATEST)


def _has_token(request: Request[Any, Any, Any], node: Node) -> bool:
    wanted = node.settings.metrics_token.get_secret_value()
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not wanted or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), wanted.encode())


def _is_local(request: Request[Any, Any, Any], node: Node) -> bool:
    return is_local_request(
        request.scope["headers"],
        client=request.scope["client"],
        server=request.scope["server"],
        public_url=node.settings.public_url,
    )


class _NodeCollector(Collector):
    """Converts the node's metrics and the process's to the library's types."""

    def __init__(self, ours: Metrics) -> None:
        self._ours = ours

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from map(_counters, self._ours.counter_families.values())
        yield from map(_histograms, self._ours.histogram_families.values())
        yield from map(_readings, self._ours.readings.values())
        yield from _process.collect()


def _counters(family: Family[Counter]) -> Metric:
    shown = CounterMetricFamily(family.name, family.about, labels=family.labels)
    for values, counter in family.parts.items():
        shown.add_metric(values, counter.value)
    return shown


def _histograms(family: Family[Histogram]) -> Metric:
    shown = HistogramMetricFamily(family.name, family.about, labels=family.labels)
    for values, histogram in family.parts.items():
        bounds = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
        shown.add_metric(values, buckets, histogram.sum)
    return shown


def _readings(gauge: Gauge) -> Metric:
    labels = [gauge.label] if gauge.label else []
    kind = CounterMetricFamily if gauge.name.endswith("_total") else GaugeMetricFamily
    shown = kind(gauge.name, gauge.about, labels=labels)
    for value, number in gauge.read().items():
        shown.add_metric([value] if labels else [], number)
    return shown
