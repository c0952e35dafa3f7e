"""What the bus lost, told from the database: it is the truth, and the bus carries hints only.

A node may die between a commit and its announcement, and Redis may be away: once a second each
process asks which conversations moved, and tells its own outlets the changes it has not heard of.
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
# News on its way is not lost yet.
IN_FLIGHT_S = 0.4
# What moved before that is told by nobody: whoever is connected has loaded it.
REMEMBERED_S = 900.0
# The nodes' clocks, which write the times of messages, may differ by this.
CLOCKS_DIFFER = timedelta(seconds=REMEMBERED_S / 2)
MAX_CHANGES = 5_000

log = structlog.get_logger(__name__)


class Moved(NamedTuple):
    """A conversation that moved, and since when this process has not heard of it."""

    id: UUID
    last_rev: int
    since: int
    is_at_rest: bool


class CatchUp:
    """Looks for what was not heard; start it inside the running loop, then close it."""

    def __init__(
        self,
        *,
        database: Database,
        hub: Hub,
        online: Online,
        about_to_tell: Callable[[Message], bool],
        metrics: Metrics | None = None,
    ) -> None:
        """`about_to_tell` knows what this process tells of next, once it has answered for it."""
        self._about_to_tell = about_to_tell
        self._database = database
        self._hub = hub
        self._online = online
        self._task: asyncio.Task[None] | None = None
        # Where something was not heard at the last look, and up to where all was.
        self._waiting: dict[UUID, int | None] = {}
        self._looked_at = time.monotonic()
        self._forgot_at = self._looked_at
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
            lambda: time.monotonic() - self._looked_at,
        )

    async def start(self) -> None:
        """Learn where the conversations stand before anybody listens, and start looking."""
        with contextlib.suppress(AppError):
            for row in await self._moved(REMEMBERED_S):
                self._hub.delivered_revs.advance(row.id, row.last_rev)
        self._task = asyncio.create_task(self._look_for_ever(), name="catch-up")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            await tasks.end([self._task])

    async def look(self) -> int:
        """Tell what moved lately and was not heard; return how many changes that were.

        Raises Unavailable: the next look reaches back as far as this one would have. So it does
        where there is more than one look tells, or something is left to the log writer, who may
        fail to tell of it.
        """
        now = time.monotonic()
        rows = await self._moved(now - self._looked_at + SLACK_S)
        unheard = [one for row in rows if (one := self._unheard(row)) is not None]
        lost = [one for one in unheard if one.is_at_rest or self._is_stuck(one.id)]
        told, is_all = await self._tell(lost) if lost else (0, True)
        self._waiting = {one.id: self._hub.delivered_revs.rev_of(one.id) for one in unheard}
        if is_all:
            self._looked_at = now
        if now - self._forgot_at > REMEMBERED_S:
            self._hub.delivered_revs.forget_old()
            self._forgot_at = now
        return told

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            try:
                told = await self.look()
            except AppError as error:
                log.warning("catch_up.postponed", code=error.code)
                continue
            if told:
                log.info("catch_up.told", changes=told)

    async def _moved(self, seconds: float) -> list[Row[UUID, str | None, int, bool]]:
        statement = changed_between(
            self._database.engine.dialect.name,
            oldest=timedelta(seconds=seconds + IN_FLIGHT_S),
            newest=timedelta(seconds=IN_FLIGHT_S),
        )
        async with self._database.reading() as session:
            return list(await session.execute(statement))

    def _unheard(self, row: Row[UUID, str | None, int, bool]) -> Moved | None:
        heard = self._hub.delivered_revs.rev_of(row.id)
        if heard is not None and heard >= row.last_rev:
            return None
        if not any(self._hub.has_subscribers(topic) for topic in topics_of(row.id, row.direct_key)):
            self._hub.delivered_revs.advance(row.id, row.last_rev)
            return None
        return Moved(row.id, row.last_rev, -1 if heard is None else heard, row.is_at_rest)

    def _is_stuck(self, conversation_id: UUID) -> bool:
        # A busy conversation never rests; but where nothing has come since the last look, what was
        # missing then is not on its way any more.
        if conversation_id not in self._waiting:
            return False
        return self._waiting[conversation_id] == self._hub.delivered_revs.rev_of(conversation_id)

    async def _tell(self, lost: list[Moved]) -> tuple[int, bool]:
        """Tell the changes of what was lost; return how many, and whether that was all."""
        changes = await self._changes(lost)
        told, left = 0, set[UUID]()
        for message, direct_key in changes:
            move = Move(message.conversation_id, message.rev)
            if self._hub.delivered_revs.has(move):
                continue
            if self._about_to_tell(message):
                # Its sender gets the ack, and only then may hear of it.
                left.add(message.conversation_id)
                continue
            if message.seq == 1 and direct_key is not None:
                await self._introduce(message)
            self._deliver(message, direct_key, move)
            self._events.add()
            self._late.add(_age_s(message))
            told += 1
        self._settle(lost, [message for message, _ in changes], left)
        return told, not left and len(changes) < MAX_CHANGES

    def _settle(self, lost: list[Moved], changes: list[Message], left: set[UUID]) -> None:
        ends = {one.id: one.last_rev for one in lost}
        if len(changes) == MAX_CHANGES:
            # There is more: of the last conversation, and of those that were not reached. Looking
            # at the same ones again would never come to an end where enough is written.
            last = changes[-1]
            ends = {message.conversation_id: ends[message.conversation_id] for message in changes}
            ends[last.conversation_id] = last.rev
        for conversation_id in ends.keys() - left:
            self._hub.delivered_revs.advance(conversation_id, ends[conversation_id])

    async def _changes(self, lost: list[Moved]) -> list[tuple[Message, str | None]]:
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
        """Show a conversation to those here for whom its first message makes it visible."""
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
