"""A pool of database connections that tells how long people wait for one."""

import time

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from chat_app.core.metrics import Histogram, Metrics


class CountingPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's own; whoever finds every connection taken is counted."""

    waits: Histogram | None = None
    waiting = 0

    def _do_get(self) -> ConnectionPoolEntry:
        if self.waits is None or self.checkedout() < self.size():
            return super()._do_get()
        started = time.perf_counter()
        self.waiting += 1
        try:
            return super()._do_get()
        finally:
            self.waiting -= 1
            self.waits.add(time.perf_counter() - started)


def count_pool(engine: AsyncEngine, metrics: Metrics) -> None:
    """Show the engine's pool in `metrics`."""
    pool = engine.pool
    if not isinstance(pool, CountingPool):
        return
    pool.waits = metrics.histogram(
        "chat_database_pool_wait_seconds", "Waiting for a connection when all were in use"
    )
    metrics.gauge("chat_database_pool_waiting", "Who waits for a connection", lambda: pool.waiting)
    metrics.gauge("chat_database_pool_size", "Connections that may be open", pool.size)
    metrics.gauge("chat_database_pool_in_use", "Connections in use", pool.checkedout)
