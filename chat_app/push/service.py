"""Use cases of push: subscribe a browser, and end that."""

import contextlib
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from chat_app.accounts.schemas import Identity
from chat_app.core.database import Database
from chat_app.core.rate_limit import HOUR_S, Limit, RateLimits
from chat_app.push import store
from chat_app.push.endpoint import Endpoints, Unresolved
from chat_app.push.errors import SubscriptionNotFound
from chat_app.push.schemas import PushKey, SubscriptionRequest
from chat_app.push.vapid import Vapid

# Each asks a name server of the caller's choice.
LIMIT = Limit("push_subscription", 60, HOUR_S)


class PushSubscriptions:
    """The use cases of subscriptions."""

    def __init__(
        self, *, database: Database, limits: RateLimits, vapid: Vapid, endpoints: Endpoints
    ) -> None:
        self._database = database
        self._limits = limits
        self._vapid = vapid
        self._endpoints = endpoints

    def key(self) -> PushKey:
        """Return the key with which browsers subscribe."""
        return PushKey(public_key=self._vapid.public_key)

    async def put(self, identity: Identity, data: SubscriptionRequest) -> tuple[UUID, bool]:
        """Store a subscription of the session; return its id, and whether it is new.

        Raises EndpointRefused, RateLimited and Unavailable.
        """
        endpoint = self._endpoints.read(data.endpoint)
        await self._limits.take(LIMIT, identity.user_id.hex)
        # It is resolved anew for every push; while name servers are away, nothing is refused.
        with contextlib.suppress(Unresolved):
            await self._endpoints.resolve(endpoint)
        try:
            return await self._put(identity, data)
        except IntegrityError:
            # The same was stored at the same moment.
            return await self._put(identity, data)

    async def remove(self, *, actor_id: UUID, subscription_id: UUID) -> None:
        """End a subscription. Raises SubscriptionNotFound and Unavailable."""
        async with self._database.writing() as session:
            if not await store.remove(session, user_id=actor_id, subscription_id=subscription_id):
                raise SubscriptionNotFound

    async def end_of_session(self, session_id: UUID) -> None:
        """End the subscriptions of a session: its browser is another account's by now."""
        async with self._database.writing() as session:
            await store.remove_of_session(session, session_id)

    async def _put(self, identity: Identity, data: SubscriptionRequest) -> tuple[UUID, bool]:
        async with self._database.writing() as session:
            return await store.put(session, identity, data)
