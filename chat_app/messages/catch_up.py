"""Catch-up: deliver from the database the changes whose events were lost on their way.

The broker carries hints only: a node may die between a commit and its announcement, and Redis may
be away. Once a second each process selects the conversations that changed lately, and delivers to
its own outlets the changes that they have not received.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import Row

from chat_app.conversations.deliveries import delivery_of
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.service import topics_of
from chat_app.conversations.views import message_of
from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.json_rows import as_parameter
from chat_app.core.metrics import Metrics
from chat_app.messages.log.statements import changed_between, changes_after
from chat_app.messages.replay import event_of
from chat_app.realtime.events import ConversationUpdated, Move, make_envelope, user_topic
from chat_app.realtime.hub import Hub
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message

INTERVAL_S = 1.0
# A commit may become visible this much after the time that its rows carry.
SLACK_S = 2.0
# An event younger than this may still be on its way.
IN_FLIGHT_S = 0.4
# Older changes are not delivered: every connected device has loaded them.
REACH_S = 900.0
# The nodes' clocks, which write the times of messages, may differ by this.
CLOCKS_DIFFER = timedelta(seconds=REACH_S / 2)
MAX_CHANGES = 5_000

log = structlog.get_logger(__name__)


class Behind(NamedTuple):
    """A conversation with undelivered changes after the rev `since`; -1 where all are."""

    id: UUID
    last_rev: int
    since: int
    is_at_rest: bool


class CatchUp:
    """The periodic catch-up; start it inside the running loop, then close it."""

    def __init__(
        self,
        *,
        database: Database,
        hub: Hub,
        online: Online,
        is_announcing: Callable[[Message], bool],
        metrics: Metrics | None = None,
    ) -> None:
        """`is_announcing` returns whether this process will publish a message by itself."""
        self._is_announcing = is_announcing
        self._database = database
        self._hub = hub
        self._online = online
        self._task: asyncio.Task[None] | None = None
        # The conversations that were behind at the last check, with the rev delivered then.
        self._waiting: dict[UUID, int | None] = {}
        self._checked_at = time.monotonic()
        self._pruned_at = self._checked_at
        self._count_into(metrics or Metrics())

    def _count_into(self, metrics: Metrics) -> None:
        self._events = metrics.counter(
            "chat_catch_up_events_total", "Changes that the bus had lost, told from the database"
        )
        self._late = metrics.histogram(
            "chat_catch_up_delay_seconds", "How old a change was when it was told from the database"
        )
        metrics.gauge(
            "chat_catch_up_behind_conversations",
            "Conversations whose newest changes have not been heard here, at the last look",
            lambda: len(self._waiting),
        )
        metrics.gauge(
            "chat_catch_up_look_age_seconds",
            "Since the database was last asked what moved",
            lambda: time.monotonic() - self._checked_at,
        )

    async def start(self) -> None:
        """Load the revs of conversations before any outlet opens, and start the checks."""
        with contextlib.suppress(AppError):
            for row in await self._changed(REACH_S):
                self._hub.delivered_revs.advance(row.id, row.last_rev)
        self._task = asyncio.create_task(self._check_periodically(), name="catch-up")

    async def close(self) -> None:
        """Stop the checks."""
        if self._task is not None:
            await tasks.end([self._task])

    async def check(self) -> int:
        """Deliver recent changes that were not delivered here; return how many.

        Raises Unavailable: the next check reaches back as far as this one. So it does where there
        are more changes than one check delivers, or some are left to the log writer, which may
        fail to publish them.
        """
        now = time.monotonic()
        rows = await self._changed(now - self._checked_at + SLACK_S)
        behind = [one for row in rows if (one := self._behind(row)) is not None]
        lost = [one for one in behind if one.is_at_rest or self._is_stuck(one.id)]
        delivered, is_all = await self._deliver_changes(lost) if lost else (0, True)
        self._waiting = {one.id: self._hub.delivered_revs.rev_of(one.id) for one in behind}
        if is_all:
            self._checked_at = now
        if now - self._pruned_at > REACH_S:
            self._hub.delivered_revs.forget_old()
            self._pruned_at = now
        return delivered

    async def _check_periodically(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            try:
                delivered = await self.check()
            except AppError as error:
                log.warning("catch_up.postponed", code=error.code)
                continue
            if delivered:
                log.info("catch_up.delivered", changes=delivered)

    async def _changed(self, seconds: float) -> list[Row[UUID, str | None, int, bool]]:
        statement = changed_between(
            self._database.engine.dialect.name,
            oldest=timedelta(seconds=seconds + IN_FLIGHT_S),
            newest=timedelta(seconds=IN_FLIGHT_S),
        )
        async with self._database.reading() as session:
            return list(await session.execute(statement))

    def _behind(self, row: Row[UUID, str | None, int, bool]) -> Behind | None:
        delivered = self._hub.delivered_revs.rev_of(row.id)
        if delivered is not None and delivered >= row.last_rev:
            return None
        if not any(self._hub.has_subscribers(topic) for topic in topics_of(row.id, row.direct_key)):
            self._hub.delivered_revs.advance(row.id, row.last_rev)
            return None
        return Behind(row.id, row.last_rev, -1 if delivered is None else delivered, row.is_at_rest)

    def _is_stuck(self, conversation_id: UUID) -> bool:
        # A busy conversation is never at rest; but where nothing was delivered since the last
        # check, what was missing then is no longer on its way.
        if conversation_id not in self._waiting:
            return False
        return self._waiting[conversation_id] == self._hub.delivered_revs.rev_of(conversation_id)

    async def _deliver_changes(self, lost: list[Behind]) -> tuple[int, bool]:
        """Deliver the lost changes; return how many, and whether those were all."""
        changes = await self._fetch_changes(lost)
        delivered, left = 0, set[UUID]()
        for message, direct_key in changes:
            move = Move(message.conversation_id, message.rev)
            if self._hub.delivered_revs.has(move):
                continue
            if self._is_announcing(message):
                # Its sender must get the ack before the event.
                left.add(message.conversation_id)
                continue
            if message.seq == 1 and direct_key is not None:
                await self._introduce(message)
            self._deliver(message, direct_key, move)
            self._events.add()
            self._late.add(_age_s(message))
            delivered += 1
        self._advance(lost, [message for message, _ in changes], left)
        return delivered, not left and len(changes) < MAX_CHANGES

    def _advance(self, lost: list[Behind], changes: list[Message], left: set[UUID]) -> None:
        ends = {one.id: one.last_rev for one in lost}
        if len(changes) == MAX_CHANGES:
            # There are more: of the last conversation, and of those that were not reached. Checking
            # the same ones again might never end under a steady load.
            last = changes[-1]
            ends = {message.conversation_id: ends[message.conversation_id] for message in changes}
            ends[last.conversation_id] = last.rev
        for conversation_id in ends.keys() - left:
            self._hub.delivered_revs.advance(conversation_id, ends[conversation_id])

    async def _fetch_changes(self, lost: list[Behind]) -> list[tuple[Message, str | None]]:
        lately = utc_now() - CLOCKS_DIFFER
        dialect = self._database.engine.dialect.name
        statement = changes_after(dialect, lately=lately, limit=MAX_CHANGES)
        rows = as_parameter([{"id": one.id, "rev": one.since} for one in lost])
        async with self._database.reading() as session:
            found = await session.execute(statement, {"rows": rows})
            return [(message_of(row, row.direct_key), row.direct_key) for row in found]

    def _deliver(self, message: Message, direct_key: str | None, move: Move) -> None:
        envelope = make_envelope(event_of(message), delivers=delivery_of(message), moves=move)
        for topic in topics_of(message.conversation_id, direct_key):
            self._hub.deliver(topic, envelope)

    async def _introduce(self, message: Message) -> None:
        """Deliver the view of a new conversation to its members here, before its first message."""
        for member_id in (message.sender_id, message.receiver_id):
            if member_id is None or not self._hub.has_subscribers(user_topic(member_id)):
                continue
            async with self._database.reading() as session:
                view = await get_conversation(
                    session,
                    viewer_id=member_id,
                    conversation_id=message.conversation_id,
                    online=self._online,
                )
            self._hub.deliver(
                user_topic(member_id), make_envelope(ConversationUpdated(conversation=view))
            )


def _age_s(message: Message) -> float:
    changed_at = message.deleted_at or message.edited_at or message.created_at
    return max(0.0, (utc_now() - changed_at).total_seconds())
