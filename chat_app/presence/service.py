"""Presence: publish online and offline to the connected users who may see it.

Only changes are published, never a broadcast. Changes within a fraction of a second share one
statement, which selects the audience of all of them; each receiver gets one event a user.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.rate_limit import RateLimits
from chat_app.core.settings import Settings
from chat_app.core.supervisor import Supervisor
from chat_app.presence.queries import PresenceView, audience, presence_views
from chat_app.presence.store import store_last_seen
from chat_app.presence.tracker import PresenceTracker
from chat_app.presence.typing import TypingNotifier
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import Presence as PresenceEvent
from chat_app.realtime.events import make_envelope, user_topic
from chat_app.realtime.online import Online, Times

# Changes within this time are published together; the first is published at once.
COALESCE_S = 0.25
# So many users at once: more would crowd messages out of the queues they share.
BATCH_SIZE = 250
LAST_SEEN_INTERVAL_S = 60.0

log = structlog.get_logger(__name__)

Item = TypeVar("Item", UUID, tuple[UUID, UUID])


class Presence:
    """The presence of this node's users; start it inside the running loop, then close it."""

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
            on_change=self._changed,
            on_last_seen=self._was_seen,
        )
        self._typing = TypingNotifier(
            database=database, broker=broker, online=online, fixed_limits=fixed_limits
        )
        # To publish: the state of a user; of a user to one viewer; of a user to all viewers, though
        # it may be hidden now.
        self._changes: dict[UUID, bool] = {}
        self._pairs: set[tuple[UUID, UUID]] = set()
        self._shown_or_hidden: set[UUID] = set()
        # Whether events may have been missed here: the users of this node see everybody anew.
        self._is_stale = False
        self._seen: dict[UUID, datetime] = {}
        # Published as offline in the last round; another node may have published online before.
        self._unconfirmed: set[UUID] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def connected(self, user_id: UUID) -> None:
        """Record the first device of a user on this node."""
        self._tracker.connected(user_id)

    def disconnected(self, user_id: UUID) -> None:
        """Record that the last device of a user on this node has closed."""
        self._tracker.disconnected(user_id)

    async def registered(self, user_id: UUID) -> None:
        """Wait until a user who connected is in the register of all nodes."""
        await self._tracker.registered(user_id)

    async def typing(self, *, actor_id: UUID, conversation_id: UUID) -> None:
        """Publish that `actor_id` writes; a call too soon after another is dropped.

        Raises Unavailable.
        """
        await self._typing.typing(actor_id=actor_id, conversation_id=conversation_id)

    def start(self, supervisor: Supervisor) -> None:
        """Start to publish."""
        self._tracker.start(supervisor)
        self._tasks = [
            supervisor.start("presence_changes", self._publish_changes),
            supervisor.start("presence_last_seen", self._store_connected),
        ]

    async def close(self) -> None:
        """Store last-seen times and stop; other nodes publish what changes from now on."""
        await self._tracker.close()
        await tasks.end(self._tasks)
        try:
            await store_last_seen(self._database, self._seen)
        except AppError as error:
            log.warning("presence.last_seen_lost", code=error.code)

    def refresh_pair(self, one: UUID, other: UUID) -> None:
        """Publish to each of two users what they now see of the other.

        Call it after the commit of a change between them.
        """
        self._pairs |= {(one, other), (other, one)}
        self._wake.set()

    def refresh_user(self, user_id: UUID) -> None:
        """Publish to all viewers what they now see of a user.

        Call it after the commit of a change of `share_presence`.
        """
        self._shown_or_hidden.add(user_id)
        self._wake.set()

    def refresh_connected(self) -> None:
        """Publish to the users who are connected here what they now see of all others.

        Call it when the link to the other nodes was broken.
        """
        self._is_stale = True
        self._wake.set()

    def _changed(self, user_id: UUID, *, online: bool) -> None:
        self._changes[user_id] = online
        self._wake.set()

    def _was_seen(self, user_id: UUID, at: datetime) -> None:
        self._seen[user_id] = max(at, self._seen.get(user_id, at))
        self._wake.set()

    async def _publish_changes(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._publish_next()
            except BaseException:
                self._wake.set()
                raise
            await asyncio.sleep(COALESCE_S)

    async def _publish_next(self) -> None:
        """Publish what has changed; after an error it is kept for the next round."""
        seen, self._seen = self._seen, {}
        changes = dict(islice(self._changes.items(), BATCH_SIZE))
        pairs, shown_or_hidden = self._pairs, self._shown_or_hidden
        is_stale, self._is_stale = self._is_stale, False
        self._pairs, self._shown_or_hidden = set(), set()
        for user_id in changes:
            del self._changes[user_id]
        if self._changes:
            self._wake.set()
        try:
            await store_last_seen(self._database, seen)
            async with self._database.reading() as session:
                views = await audience(session, {*changes, *shown_or_hidden})
                views = [view for view in views if view.is_shown or view.user_id in shown_or_hidden]
                seen_here = await self._pairs_seen_here(session) if is_stale else set()
                for some in _pieces(pairs | seen_here):
                    views += await presence_views(session, some)
                # A user who connects at the moment of becoming a friend would be published twice.
                views = list({(view.viewer_id, view.user_id): view for view in views}.values())
            await self._publish(views, changes)
        except BaseException:
            self._changes = changes | self._changes
            self._pairs |= pairs
            self._is_stale = is_stale or self._is_stale
            self._shown_or_hidden |= shown_or_hidden
            self._seen = seen | self._seen
            raise

    async def _pairs_seen_here(self, session: AsyncSession) -> set[tuple[UUID, UUID]]:
        """Return the users who are connected here, each with everybody they may see."""
        pairs = set()
        for some in _pieces(self._online.local_users()):
            # Two people who may see each other are viewers of each other.
            pairs |= {(view.user_id, view.viewer_id) for view in await audience(session, some)}
        return pairs

    async def _publish(self, views: Sequence[PresenceView], changes: Mapping[UUID, bool]) -> None:
        about = {view.user_id for view in views}
        offline = {user_id for user_id, online in changes.items() if not online}
        viewers = {view.viewer_id for view in views}
        connected = await self._online.filter_connected({*viewers, *about, *self._unconfirmed})
        unconfirmed = (offline | (about - changes.keys())) - connected
        back, self._unconfirmed = self._unconfirmed & connected, unconfirmed
        if self._unconfirmed:
            self._wake.set()
        for user_id in back - changes.keys():
            self._changed(user_id, online=True)
        envelopes: defaultdict[PresenceView, list[str]] = defaultdict(list)
        for view in views:
            # A user who is offline here and online elsewhere has only changed the node.
            if view.viewer_id in connected and view.user_id not in offline & connected:
                state = view._replace(viewer_id=view.user_id)
                envelopes[state].append(user_topic(view.viewer_id))
        for state, topics in envelopes.items():
            event = _event(state, online=changes.get(state.user_id, state.user_id in connected))
            self._broker.publish(
                topics, make_envelope(event, merge=f"presence:{state.user_id.hex}")
            )

    async def _store_connected(self) -> None:
        while True:
            await asyncio.sleep(LAST_SEEN_INTERVAL_S)
            now = utc_now()
            for some in _pieces(self._online.local_users()):
                await store_last_seen(self._database, dict.fromkeys(some, now))


def _event(view: PresenceView, *, online: bool) -> PresenceEvent:
    if not view.is_shown:
        return PresenceEvent(user_id=view.user_id, online=None, last_seen_at=None)
    last_seen_at = utc_now() if online else view.last_seen_at
    return PresenceEvent(user_id=view.user_id, online=online, last_seen_at=last_seen_at)


def _pieces(items: Iterable[Item]) -> list[list[Item]]:
    ordered = sorted(items)
    return [ordered[i : i + BATCH_SIZE] for i in range(0, len(ordered), BATCH_SIZE)]
