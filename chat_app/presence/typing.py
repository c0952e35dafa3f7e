"""Somebody is writing: told to the others of the conversation, and kept nowhere."""

import time
from uuid import UUID

from chat_app.core.database import Database
from chat_app.core.errors import RateLimited
from chat_app.core.rate_limit import Limit, RateLimits
from chat_app.presence.queries import typing_hearers
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import TYPING, Typing, make_envelope, user_topic
from chat_app.realtime.online import Online

# It holds for six seconds on a screen.
INTERVAL_S = 2.0
REMEMBERED = 10_000
ONE_EVERY = Limit("typing", 1, INTERVAL_S)


class TypingNotifier:
    """Who is writing where, as often as counts."""

    def __init__(
        self, *, database: Database, broker: Broker, online: Online, fixed_limits: RateLimits
    ) -> None:
        self._database = database
        self._broker = broker
        self._online = online
        self._fixed_limits = fixed_limits
        self._quiet_until: dict[tuple[UUID, UUID], float] = {}

    async def typing(self, *, actor_id: UUID, conversation_id: UUID) -> None:
        """Tell the other members that `actor_id` writes; what comes too soon again is dropped.

        A conversation that is not the actor's is nobody's, and no error: there is no answer to
        this. Raises Unavailable.
        """
        if not await self._counts(actor_id, conversation_id):
            return
        async with self._database.reading() as session:
            hearers = await typing_hearers(
                session, actor_id=actor_id, conversation_id=conversation_id
            )
        there = await self._online.among(hearers)
        envelope = make_envelope(
            Typing(conversation_id=conversation_id, user_id=actor_id),
            merge=f"{TYPING}{conversation_id.hex}:{actor_id.hex}",
        )
        self._broker.publish(
            [user_topic(user_id) for user_id in hearers if user_id in there], envelope
        )

    async def _counts(self, actor_id: UUID, conversation_id: UUID) -> bool:
        """Whether this one counts. Only what counts here is asked of the other nodes."""
        if not self._counts_here(actor_id, conversation_id):
            return False
        try:
            await self._fixed_limits.take(ONE_EVERY, f"{conversation_id.hex}:{actor_id.hex}")
        except RateLimited:
            return False
        return True

    def _counts_here(self, actor_id: UUID, conversation_id: UUID) -> bool:
        now = time.monotonic()
        if len(self._quiet_until) >= REMEMBERED:
            self._quiet_until = {key: at for key, at in self._quiet_until.items() if at > now}
            if len(self._quiet_until) >= REMEMBERED:
                return False
        key = (actor_id, conversation_id)
        if self._quiet_until.get(key, 0.0) > now:
            return False
        self._quiet_until[key] = now + INTERVAL_S
        return True
