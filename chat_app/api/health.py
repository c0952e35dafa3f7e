"""`/api/health`: liveness and readiness checks."""

from typing import Literal

from litestar import Controller, Response, get
from litestar.openapi.datastructures import ResponseSpec

from chat_app.api.schemas import Alive, Health
from chat_app.core.database import POOLED
from chat_app.core.errors import Unavailable
from chat_app.node.node import Node


class HealthController(Controller):
    """Liveness and readiness of the process."""

    path = "/api/health"
    tags = ("Operation",)

    @get("/live")
    async def live(self) -> Alive:
        """Return 200 while the process runs."""
        return Alive()

    @get("/ready", responses={503: ResponseSpec(Health, description="The process is not ready.")})
    async def ready(self, node: Node) -> Response[Health]:
        """Return 200 if the database is migrated and its log read, and the rest is whole.

        That is: no lasting task fails, and all nodes have the same secret key.
        """
        health = await health_of(node)
        headers = {} if health.status == "ok" else {"Retry-After": "2"}
        status = 200 if health.status == "ok" else 503
        return Response(health, status_code=status, headers=headers)


async def health_of(node: Node) -> Health:
    """Check the database, the log and the tasks of a node."""
    database: Literal["ok", "unavailable", "pooled"] = "ok"
    migrations: Literal["current", "pending", "ahead", "unknown"] = "unknown"
    try:
        migrations = await node.schema()
    except Unavailable:
        database = "unavailable"
    is_pooled = node.database.is_pooled
    if is_pooled:
        database = "pooled"
    redis: Literal["ok", "unavailable", "off"] = "off"
    if node.settings.redis_url:
        redis = "ok" if node.broker.is_up() else "unavailable"
    same_key = node.shared_key is None or not node.shared_key.differs
    is_current = node.tail.is_current()
    is_whole = not node.supervisor.failing()
    good = migrations == "current" and same_key and is_current and is_whole and not is_pooled
    return Health(
        status="ok" if good else "unavailable",
        database=database,
        migrations=migrations,
        change_log="ok" if is_current else "behind",
        tasks="ok" if is_whole else "failing",
        redis=redis,
        secret_key="same" if same_key else "differs",
        what_to_do=POOLED if is_pooled else None,
    )
