"""Use cases between two people: ask, accept, decline, part, block.

Each locks both people first, so what happens between the same two happens one after the other,
on every node; whoever comes second sees what the first has done.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.accounts.schemas import UserCard
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.rate_limit import Limit, RateLimits
from chat_app.core.settings import Settings
from chat_app.friends import store
from chat_app.friends.cards import CardRow, cards_of, seen_by_each_other, user_card
from chat_app.friends.errors import (
    AlreadyFriends,
    AlreadyRequested,
    CannotBefriendSelf,
    CannotBlockSelf,
    FriendNotFound,
    HaveBlocked,
    RequestNotFound,
)
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import (
    FriendAccepted,
    FriendRemoved,
    FriendRequested,
    make_envelope,
    user_topic,
)
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Friendship

HOUR_S = 3600

REFUSALS: dict[Friendship, type[AppError]] = {
    "friends": AlreadyFriends,
    "requested": AlreadyRequested,
    "blocked": HaveBlocked,
}

Changed = Callable[[UUID, UUID], None]
Told = type[FriendRequested | FriendAccepted]


class Friends:
    """The use cases of friends and blocks over one database and bus.

    `changed` is called with both ids after what two people may see of each other has changed.
    """

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        online: Online,
        limits: RateLimits,
        settings: Settings,
        changed: Changed,
    ) -> None:
        self._database = database
        self._broker = broker
        self._online = online
        self._limits = limits
        self._changed = changed
        self._asking = Limit("friends", settings.limit_friend_requests_per_hour, HOUR_S)

    async def request(self, *, actor_id: UUID, user_id: UUID) -> UserCard:
        """Ask somebody to be friends; when they have asked too, the two are friends at once.

        Raises CannotBefriendSelf, PersonNotFound, AlreadyFriends, AlreadyRequested, HaveBlocked
        and RateLimited.
        """
        if actor_id == user_id:
            raise CannotBefriendSelf
        await self._limits.take(self._asking, actor_id.hex)
        async with self._database.writing() as session:
            await store.lock_pair(session, actor_id, user_id)
            both_asked = await self._have_been_asked(session, actor_id, user_id)
            if both_asked:
                await store.delete_request(session, sender_id=user_id, receiver_id=actor_id)
                await store.add_friendship(session, actor_id, user_id)
            else:
                await store.add_request(session, sender_id=actor_id, receiver_id=user_id)
            seen = await seen_by_each_other(session, actor_id, user_id)
        if both_asked:
            self._changed(actor_id, user_id)
        return await self._tell(FriendAccepted if both_asked else FriendRequested, *seen)

    async def accept(self, *, actor_id: UUID, user_id: UUID) -> UserCard:
        """Accept the request of somebody; harmless when the two are friends already.

        Raises PersonNotFound and RequestNotFound.
        """
        async with self._database.writing() as session:
            await store.lock_pair(session, actor_id, user_id)
            accepted = await store.delete_request(session, sender_id=user_id, receiver_id=actor_id)
            if accepted:
                await store.add_friendship(session, actor_id, user_id)
            seen = await seen_by_each_other(session, actor_id, user_id)
        if accepted:
            self._changed(actor_id, user_id)
            return await self._tell(FriendAccepted, *seen)
        [card] = await cards_of(seen[:1], self._online)
        if card.friendship != "friends":
            raise RequestNotFound
        return card

    async def remove_request(self, *, actor_id: UUID, user_id: UUID) -> None:
        """Decline the request of somebody, or cancel one's own. Raises RequestNotFound."""
        async with self._database.writing() as session:
            await store.lock_pair(session, actor_id, user_id)
            if not await store.delete_requests(session, actor_id, user_id):
                raise RequestNotFound
        self._tell_removed(actor_id, user_id)
        self._tell_removed(user_id, actor_id)

    async def unfriend(self, *, actor_id: UUID, user_id: UUID) -> None:
        """End a friendship. Raises PersonNotFound and FriendNotFound."""
        async with self._database.writing() as session:
            await store.lock_pair(session, actor_id, user_id)
            if not await store.delete_friendship(session, actor_id, user_id):
                raise FriendNotFound
        self._changed(actor_id, user_id)
        self._tell_removed(actor_id, user_id)
        self._tell_removed(user_id, actor_id)

    async def block(self, *, actor_id: UUID, user_id: UUID) -> None:
        """Block somebody, which ends friendship and requests; harmless when repeated.

        What the other hears of it is what they would hear of an end of the friendship.
        Raises CannotBlockSelf and PersonNotFound.
        """
        if actor_id == user_id:
            raise CannotBlockSelf
        async with self._database.writing() as session:
            await store.lock_pair(session, actor_id, user_id)
            if not await store.add_block(session, blocker_id=actor_id, blocked_id=user_id):
                return
            parted = await store.delete_friendship(session, actor_id, user_id)
            withdrawn = await store.delete_requests(session, actor_id, user_id)
        self._changed(actor_id, user_id)
        self._tell_removed(actor_id, user_id)
        if parted or withdrawn:
            self._tell_removed(user_id, actor_id)

    async def unblock(self, *, actor_id: UUID, user_id: UUID) -> None:
        """Lift a block; what it ended does not come back. Harmless when there is none.

        Raises CannotBlockSelf and PersonNotFound.
        """
        if actor_id == user_id:
            raise CannotBlockSelf
        async with self._database.writing() as session:
            await store.lock_pair(session, actor_id, user_id)
            lifted = await store.delete_block(session, blocker_id=actor_id, blocked_id=user_id)
        if lifted:
            self._changed(actor_id, user_id)
            # There is still nothing between them; their own other devices look again.
            self._tell_removed(actor_id, user_id)

    async def _have_been_asked(self, session: AsyncSession, actor_id: UUID, user_id: UUID) -> bool:
        """Whether the request that the actor wants to make is waiting for their own answer."""
        card = await user_card(session, viewer_id=actor_id, user_id=user_id, online=self._online)
        if card.friendship in REFUSALS:
            raise REFUSALS[card.friendship]
        return card.friendship == "incoming"

    async def _tell(self, kind: Told, mine: CardRow, theirs: CardRow) -> UserCard:
        """Tell every device of both what they are to each other now; return the actor's card."""
        [their_card, my_card] = await cards_of((mine, theirs), self._online)
        # Each row is of the one whom the other looks at.
        self._broker.publish([user_topic(my_card.id)], make_envelope(kind(user=their_card)))
        self._broker.publish([user_topic(their_card.id)], make_envelope(kind(user=my_card)))
        return their_card

    def _tell_removed(self, hearer_id: UUID, user_id: UUID) -> None:
        self._broker.publish([user_topic(hearer_id)], make_envelope(FriendRemoved(user_id=user_id)))
