"""Updates of views: changed conversations, delivered to the people who are connected here.

A view takes milliseconds to make, and one changed name changes a hundred. Made inside the tail of
the change log, they would hold up everybody's messages; so they are made beside it, each as it is
when it is delivered. The tail waits for one at most.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from uuid import UUID

import structlog

from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.queries import get_conversation
from chat_app.core import tasks
from chat_app.core.database import Database
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor
from chat_app.realtime.events import ConversationUpdated, make_envelope, user_topic
from chat_app.realtime.hub import Hub
from chat_app.realtime.online import Online

# Beyond so many, devices load everything again.
MAX_WAITING = 20_000

log = structlog.get_logger(__name__)


class ViewUpdates:
    """The queue of views to deliver; start it inside the running loop, then close it."""

    def __init__(
        self,
        *,
        database: Database,
        hub: Hub,
        online: Online,
        delivering: asyncio.Lock,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._hub = hub
        # The tail's: a view that is read before an event is not delivered after it.
        self._delivering = delivering
        self._online = online
        # Viewers and conversations, in order; a pair that waits already stays where it is.
        self._waiting: dict[tuple[UUID, UUID], None] = {}
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        metrics.gauge(
            "chat_waiting_views",
            "Views of changed conversations that are not delivered yet",
            lambda: len(self._waiting),
        )

    def start(self, supervisor: Supervisor) -> None:
        """Begin to deliver."""
        self._task = supervisor.start("views", self._run)

    async def close(self) -> None:
        """Stop; devices load what was not delivered when they connect again."""
        if self._task is not None:
            await tasks.end([self._task])

    def add(self, conversation_id: UUID, viewer_ids: Iterable[UUID]) -> None:
        """Deliver a conversation anew to those viewers who are connected here."""
        for viewer_id in viewer_ids:
            if self._hub.has_subscribers(user_topic(viewer_id)):
                self._waiting[viewer_id, conversation_id] = None
        if len(self._waiting) > MAX_WAITING:
            log.warning("views.too_many", waiting=len(self._waiting))
            self._waiting.clear()
            self._hub.close_outlets()
        if self._waiting:
            self._woken.set()

    async def _run(self) -> None:
        while True:
            while self._waiting:
                pair = next(iter(self._waiting))
                async with self._delivering:
                    await self._deliver(*pair)
                    self._waiting.pop(pair, None)
            self._woken.clear()
            await self._woken.wait()

    async def _deliver(self, viewer_id: UUID, conversation_id: UUID) -> None:
        topic = user_topic(viewer_id)
        if not self._hub.has_subscribers(topic):
            return
        with contextlib.suppress(ConversationNotFound):
            async with self._database.reading() as session:
                view = await get_conversation(
                    session,
                    viewer_id=viewer_id,
                    conversation_id=conversation_id,
                    online=self._online,
                )
            self._hub.deliver(topic, make_envelope(ConversationUpdated(conversation=view)))
