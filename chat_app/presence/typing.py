"""Typing notifications: published to the other members of a conversation, and not stored."""

from uuid import UUID

from chat_app.core.database import Database
from chat_app.core.errors import RateLimited
from chat_app.core.rate_limit import Limit, MemoryRateLimits, RateLimits
from chat_app.presence.queries import typing_audience
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import TYPING, Typing, make_envelope, user_topic
from chat_app.realtime.online import Online

# A screen shows it for six seconds.
INTERVAL_S = 2.0
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
        # Asked first: most of what is dropped needs no trip to Redis.
        self._limits_here = MemoryRateLimits()

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
        key = f"{conversation_id.hex}:{actor_id.hex}"
        try:
            await self._limits_here.take(ONE_EVERY, key)
            await self._fixed_limits.take(ONE_EVERY, key)
        except RateLimited:
            return False
        return True
