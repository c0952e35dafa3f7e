"""Presence: publish who came and went to the connected people who may see it.

Only changes are published, never a broadcast. Changes within a fraction of a second share one
statement, which finds the audience of all of them; each receiver gets one event a person.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

import structlog

from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.rate_limit import RateLimits
from chat_app.core.settings import Settings
from chat_app.presence.queries import PresenceView, audience, presence_views
from chat_app.presence.seen import keep_last_seen
from chat_app.presence.tracker import PresenceTracker
from chat_app.presence.typing import TypingNotifier
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import Presence as PresenceEvent
from chat_app.realtime.events import make_envelope, user_topic
from chat_app.realtime.online import Online, Times

# News that came in meanwhile is told together. The first goes out at once.
COALESCE_S = 0.25
RETRY_S = 1.0
# So many people's news at once: more would crowd messages out of the queues they share.
BATCH_SIZE = 250
LAST_SEEN_INTERVAL_S = 60.0

log = structlog.get_logger(__name__)


class Presence:
    """Follows the devices of this node and tells the world; start it inside the running loop."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        online: Online,
        fixed_limits: RateLimits,
        settings: Settings,
    ) -> None:
        """`fixed_limits` are those limits that no setting lifts."""
        self._database = database
        self._broker = broker
        self._online = online
        self._tracker = PresenceTracker(
            online,
            grace_s=settings.presence_grace_seconds,
            times=Times(settings.presence_ttl_seconds),
            told=self._changed,
            seen=self._was_seen,
        )
        self._typists = TypingNotifier(
            database=database, broker=broker, online=online, fixed_limits=fixed_limits
        )
        # What is to be told: by person; by viewer and person; of a person to everybody.
        self._changes: dict[UUID, bool] = {}
        self._pairs: set[tuple[UUID, UUID]] = set()
        self._afresh: set[UUID] = set()
        self._seen: dict[UUID, datetime] = {}
        # Told to be offline in the last round: another node may have told the opposite just before.
        self._doubtful: set[UUID] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.connected = self._tracker.connected
        self.disconnected = self._tracker.disconnected
        self.known = self._tracker.known
        self.typing = self._typists.typing

    def start(self) -> None:
        """Start telling."""
        self._tracker.start()
        self._tasks = [
            asyncio.create_task(self._tell_for_ever(), name="presence news"),
            asyncio.create_task(self._note_those_here(), name="presence last seen"),
        ]

    async def close(self) -> None:
        """Note when everybody was last here, and end; the other nodes tell the rest."""
        await self._tracker.close()
        await tasks.end(self._tasks)
        try:
            await keep_last_seen(self._database, self._seen)
        except AppError as error:
            log.warning("presence.last_seen_lost", code=error.code)

    def look_again(self, one: UUID, other: UUID) -> None:
        """Tell each of two people what they now see of the other: something between them changed.

        Call it after the commit.
        """
        self._pairs |= {(one, other), (other, one)}
        self._wake.set()

    def look_again_at(self, user_id: UUID) -> None:
        """Tell everybody concerned what they now see of a person, who shows or hides it now.

        Call it after the commit.
        """
        self._afresh.add(user_id)
        self._wake.set()

    def _changed(self, user_id: UUID, *, online: bool) -> None:
        self._changes[user_id] = online
        self._wake.set()

    def _was_seen(self, user_id: UUID, at: datetime) -> None:
        self._seen[user_id] = max(at, self._seen.get(user_id, at))
        self._wake.set()

    async def _tell_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            rest_s = COALESCE_S
            try:
                await self._tell()
            except AppError as error:
                log.warning("presence.postponed", code=error.code)
                rest_s = RETRY_S
                self._wake.set()
            except Exception:  # whatever it was, it and the next news must still be told
                log.exception("presence.failed")
                rest_s = RETRY_S
                self._wake.set()
            await asyncio.sleep(rest_s)

    async def _tell(self) -> None:
        """Tell what has changed. What could not be told is kept for the next time."""
        seen, self._seen = self._seen, {}
        changes = dict(islice(self._changes.items(), BATCH_SIZE))
        pairs, afresh = self._pairs, self._afresh
        self._pairs, self._afresh = set(), set()
        for user_id in changes:
            del self._changes[user_id]
        if self._changes:
            self._wake.set()
        try:
            await keep_last_seen(self._database, seen)
            async with self._database.reading() as session:
                told = await audience(session, {*changes, *afresh})
                told = [view for view in told if view.is_shown or view.user_id in afresh]
                told += await presence_views(session, pairs) if pairs else []
                # Who came at the moment of becoming a friend would be told of twice.
                told = list({(view.viewer_id, view.user_id): view for view in told}.values())
        except BaseException:
            self._changes = changes | self._changes
            self._pairs |= pairs
            self._afresh |= afresh
            self._seen = seen | self._seen
            raise
        await self._publish(told, changes)

    async def _publish(self, told: Sequence[PresenceView], changes: Mapping[UUID, bool]) -> None:
        about = {view.user_id for view in told}
        gone = {user_id for user_id, online in changes.items() if not online}
        hearers = {view.viewer_id for view in told}
        there = await self._online.among({*hearers, *about, *self._doubtful})
        absent = (gone | (about - changes.keys())) - there
        back, self._doubtful = self._doubtful & there, absent
        if self._doubtful:
            self._wake.set()
        for user_id in back - changes.keys():
            self._changed(user_id, online=True)
        envelopes: defaultdict[PresenceView, list[str]] = defaultdict(list)
        for view in told:
            # Somebody who is gone here and there elsewhere has only changed the node.
            if view.viewer_id in there and view.user_id not in gone & there:
                state = view._replace(viewer_id=view.user_id)
                envelopes[state].append(user_topic(view.viewer_id))
        for state, topics in envelopes.items():
            event = _event(state, online=changes.get(state.user_id, state.user_id in there))
            self._broker.publish(
                topics, make_envelope(event, merge=f"presence:{state.user_id.hex}")
            )

    async def _note_those_here(self) -> None:
        while True:
            await asyncio.sleep(LAST_SEEN_INTERVAL_S)
            now = utc_now()
            try:
                for some in _pieces(self._online.here()):
                    await keep_last_seen(self._database, dict.fromkeys(some, now))
            except AppError as error:
                log.warning("presence.last_seen_postponed", code=error.code)


def _event(view: PresenceView, *, online: bool) -> PresenceEvent:
    if not view.is_shown:
        return PresenceEvent(user_id=view.user_id, online=None, last_seen_at=None)
    last_seen_at = utc_now() if online else view.last_seen_at
    return PresenceEvent(user_id=view.user_id, online=online, last_seen_at=last_seen_at)


def _pieces(user_ids: Iterable[UUID]) -> list[list[UUID]]:
    ordered = sorted(user_ids)
    return [ordered[i : i + BATCH_SIZE] for i in range(0, len(ordered), BATCH_SIZE)]
