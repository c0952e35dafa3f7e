"""Typing notifications: published to the other members of a conversation, and not stored."""

import time
from uuid import UUID

from chat_app.core.database import Database
from chat_app.core.errors import RateLimited
from chat_app.core.rate_limit import Limit, RateLimits
from chat_app.presence.queries import typing_audience
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import TYPING, Typing, make_envelope, user_topic
from chat_app.realtime.online import Online

# A screen shows it for six seconds.
INTERVAL_S = 2.0
MAX_QUIET = 10_000
ONE_EVERY = Limit("typing", 1, INTERVAL_S)


class TypingNotifier:
    """A publisher of typing events: one every INTERVAL_S per user and conversation."""

    def __init__(
        self, *, database: Database, broker: Broker, online: Online, fixed_limits: RateLimits
    ) -> None:
        self._database = database
        self._broker = broker
        self._online = online
        self._fixed_limits = fixed_limits
        self._quiet_until: dict[tuple[UUID, UUID], float] = {}

    async def typing(self, *, actor_id: UUID, conversation_id: UUID) -> None:
        """Publish that `actor_id` writes; a call too soon after another is dropped.

        A conversation of others has no audience, and is no error: there is no answer to this.
        Raises Unavailable.
        """
        if not await self._is_due(actor_id, conversation_id):
            return
        async with self._database.reading() as session:
            audience = await typing_audience(
                session, actor_id=actor_id, conversation_id=conversation_id
            )
        connected = await self._online.filter_connected(audience)
        envelope = make_envelope(
            Typing(conversation_id=conversation_id, user_id=actor_id),
            merge=f"{TYPING}{conversation_id.hex}:{actor_id.hex}",
        )
        self._broker.publish(
            [user_topic(user_id) for user_id in audience if user_id in connected], envelope
        )

    async def _is_due(self, actor_id: UUID, conversation_id: UUID) -> bool:
        """Return whether the interval is over, first on this node, then on all."""
        if not self._is_due_here(actor_id, conversation_id):
            return False
        try:
            await self._fixed_limits.take(ONE_EVERY, f"{conversation_id.hex}:{actor_id.hex}")
        except RateLimited:
            return False
        return True

    def _is_due_here(self, actor_id: UUID, conversation_id: UUID) -> bool:
        now = time.monotonic()
        if len(self._quiet_until) >= MAX_QUIET:
            self._quiet_until = {key: at for key, at in self._quiet_until.items() if at > now}
            if len(self._quiet_until) >= MAX_QUIET:
                return False
        key = (actor_id, conversation_id)
        if self._quiet_until.get(key, 0.0) > now:
            return False
        self._quiet_until[key] = now + INTERVAL_S
        return True
