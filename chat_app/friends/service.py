"""Use cases of friends: request, accept, decline, unfriend, block, unblock.

Each locks both users first, so the changes of one pair run one after the other, on every node, and
the second sees what the first has done.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.accounts.schemas import UserCard
from chat_app.change_log.unit_of_work import UnitOfWork, unit_of_work
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.rate_limit import HOUR_S, Limit, RateLimits, charged
from chat_app.core.settings import Settings
from chat_app.friends import store
from chat_app.friends.cards import CardRow, cards_of
from chat_app.friends.errors import (
    AlreadyFriends,
    AlreadyRequested,
    CannotBefriendSelf,
    CannotBlockSelf,
    FriendNotFound,
    HaveBlocked,
    RequestNotFound,
)
from chat_app.friends.queries import card_rows_of_pair, user_card
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

REFUSALS: dict[Friendship, type[AppError]] = {
    "friends": AlreadyFriends,
    "requested": AlreadyRequested,
    "blocked": HaveBlocked,
}

FriendEvent = type[FriendRequested | FriendAccepted]


class Friends:
    """The use cases of friends and blocks over one database and broker.

    `on_changed` is called with both ids after what two people may see of each other has changed.
    """

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        online: Online,
        limits: RateLimits,
        settings: Settings,
        on_changed: Callable[[UUID, UUID], None],
    ) -> None:
        self._database = database
        self._broker = broker
        self._online = online
        self._limits = limits
        self._on_changed = on_changed
        self._request_limit = Limit("friends", settings.limit_friend_requests_per_hour, HOUR_S)

    async def request(self, *, actor_id: UUID, user_id: UUID) -> UserCard:
        """Send a friend request; when the other has sent one, the two become friends at once.

        Raises CannotBefriendSelf, PersonNotFound, AlreadyFriends, AlreadyRequested, HaveBlocked
        and RateLimited.
        """
        if actor_id == user_id:
            raise CannotBefriendSelf
        async with (
            charged(self._limits, self._request_limit, actor_id.hex),
            unit_of_work(self._database, self._broker) as uow,
        ):
            session = uow.session
            await store.lock_pair(session, actor_id, user_id)
            is_mutual = await self._is_requested(session, actor_id, user_id)
            if is_mutual:
                await store.delete_request(session, sender_id=user_id, receiver_id=actor_id)
                await store.add_friendship(session, actor_id, user_id)
            else:
                await store.add_request(session, sender_id=actor_id, receiver_id=user_id)
            rows = await card_rows_of_pair(session, actor_id, user_id)
            card = await self._publish(uow, FriendAccepted if is_mutual else FriendRequested, *rows)
        if is_mutual:
            self._on_changed(actor_id, user_id)
        return card

    async def accept(self, *, actor_id: UUID, user_id: UUID) -> UserCard:
        """Accept a friend request; harmless when the two are friends already.

        Raises PersonNotFound and RequestNotFound.
        """
        async with unit_of_work(self._database, self._broker) as uow:
            session = uow.session
            await store.lock_pair(session, actor_id, user_id)
            accepted = await store.delete_request(session, sender_id=user_id, receiver_id=actor_id)
            if accepted:
                await store.add_friendship(session, actor_id, user_id)
            rows = await card_rows_of_pair(session, actor_id, user_id)
            if accepted:
                card = await self._publish(uow, FriendAccepted, *rows)
            else:
                [card] = await cards_of(rows[:1], self._online)
        if accepted:
            self._on_changed(actor_id, user_id)
        elif card.friendship != "friends":
            raise RequestNotFound
        return card

    async def remove_request(self, *, actor_id: UUID, user_id: UUID) -> None:
        """Decline a request of the other, or cancel one's own. Raises RequestNotFound."""
        async with unit_of_work(self._database, self._broker) as uow:
            session = uow.session
            await store.lock_pair(session, actor_id, user_id)
            if not await store.delete_requests(session, actor_id, user_id):
                raise RequestNotFound
            _publish_removed(uow, actor_id, user_id)
            _publish_removed(uow, user_id, actor_id)

    async def unfriend(self, *, actor_id: UUID, user_id: UUID) -> None:
        """End a friendship. Raises PersonNotFound and FriendNotFound."""
        async with unit_of_work(self._database, self._broker) as uow:
            session = uow.session
            await store.lock_pair(session, actor_id, user_id)
            if not await store.delete_friendship(session, actor_id, user_id):
                raise FriendNotFound
            _publish_removed(uow, actor_id, user_id)
            _publish_removed(uow, user_id, actor_id)
        self._on_changed(actor_id, user_id)

    async def block(self, *, actor_id: UUID, user_id: UUID) -> None:
        """Block a user, which ends friendship and requests; harmless when repeated.

        The other receives what they would receive at the end of a friendship.
        Raises CannotBlockSelf and PersonNotFound.
        """
        if actor_id == user_id:
            raise CannotBlockSelf
        async with unit_of_work(self._database, self._broker) as uow:
            session = uow.session
            await store.lock_pair(session, actor_id, user_id)
            if not await store.add_block(session, blocker_id=actor_id, blocked_id=user_id):
                return
            unfriended = await store.delete_friendship(session, actor_id, user_id)
            withdrawn = await store.delete_requests(session, actor_id, user_id)
            _publish_removed(uow, actor_id, user_id)
            if unfriended or withdrawn:
                _publish_removed(uow, user_id, actor_id)
        self._on_changed(actor_id, user_id)

    async def unblock(self, *, actor_id: UUID, user_id: UUID) -> None:
        """Lift a block; what it ended does not come back. Harmless when there is none.

        Raises CannotBlockSelf and PersonNotFound.
        """
        if actor_id == user_id:
            raise CannotBlockSelf
        async with unit_of_work(self._database, self._broker) as uow:
            session = uow.session
            await store.lock_pair(session, actor_id, user_id)
            unblocked = await store.delete_block(session, blocker_id=actor_id, blocked_id=user_id)
            if unblocked:
                # There is still nothing between them; the actor's devices load the card again.
                _publish_removed(uow, actor_id, user_id)
        if unblocked:
            self._on_changed(actor_id, user_id)

    async def _is_requested(self, session: AsyncSession, actor_id: UUID, user_id: UUID) -> bool:
        """Return whether a request of the other waits for the actor's answer."""
        card = await user_card(session, viewer_id=actor_id, user_id=user_id, online=self._online)
        if card.friendship in REFUSALS:
            raise REFUSALS[card.friendship]
        return card.friendship == "incoming"

    async def _publish(
        self, uow: UnitOfWork, kind: FriendEvent, mine: CardRow, theirs: CardRow
    ) -> UserCard:
        """Publish to every device of both the card of the other; return the card for the actor."""
        [their_card, my_card] = await cards_of((mine, theirs), self._online)
        # Each row is the card of one for the viewer who is the other.
        uow.publish([user_topic(my_card.id)], make_envelope(kind(user=their_card)))
        uow.publish([user_topic(their_card.id)], make_envelope(kind(user=my_card)))
        return their_card


def _publish_removed(uow: UnitOfWork, receiver_id: UUID, user_id: UUID) -> None:
    uow.publish([user_topic(receiver_id)], make_envelope(FriendRemoved(user_id=user_id)))
