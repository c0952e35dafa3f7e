"""Use cases of saved messages."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError

from chat_app.change_log.unit_of_work import unit_of_work
from chat_app.core.database import Database
from chat_app.core.rate_limit import RateLimits, token_bucket
from chat_app.core.settings import Settings
from chat_app.messages.errors import MessageNotFound
from chat_app.messages.saved import store
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import SavedUpdated, make_envelope, user_topic


class SavedMessages:
    """The messages that each user keeps for themselves."""

    def __init__(
        self, *, database: Database, broker: Broker, limits: RateLimits, settings: Settings
    ) -> None:
        self._database = database
        self._broker = broker
        self._limits = limits
        self._limit = token_bucket(
            "save", settings.limit_message_burst, settings.limit_messages_per_second
        )

    async def save(self, *, actor_id: UUID, message_id: UUID) -> None:
        """Save a message for the actor alone; repeating it is harmless.

        Raises MessageNotFound for a notice or a deleted one, too, RateLimited and Unavailable.
        """
        await self._limits.take(self._limit, actor_id.hex)
        try:
            async with unit_of_work(self._database, self._broker) as uow:
                if not await store.lock_readable(
                    uow.session, user_id=actor_id, message_id=message_id
                ):
                    raise MessageNotFound
                if await store.add(uow.session, user_id=actor_id, message_id=message_id):
                    event = SavedUpdated(message_id=message_id, saved=True)
                    uow.publish([user_topic(actor_id)], make_envelope(event))
        except IntegrityError:
            # Another device of theirs has saved it at the same time.
            return

    async def remove(self, *, actor_id: UUID, message_id: UUID) -> None:
        """Keep a message no more; repeating it is harmless. Raises RateLimited and Unavailable."""
        await self._limits.take(self._limit, actor_id.hex)
        async with unit_of_work(self._database, self._broker) as uow:
            if await store.remove(uow.session, user_id=actor_id, message_id=message_id):
                event = SavedUpdated(message_id=message_id, saved=False)
                uow.publish([user_topic(actor_id)], make_envelope(event))
