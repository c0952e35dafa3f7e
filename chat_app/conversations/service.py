"""Use cases of conversations: open, read, mark as unread."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import ColumnElement, and_, case, exists, literal, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import col

from chat_app.conversations.direct import both_of, direct_key
from chat_app.conversations.errors import REFUSALS, ConversationNotFound, ReceiverIsSelf
from chat_app.conversations.membership_loader import MembershipLoader
from chat_app.conversations.queries import direct_peers, get_conversation
from chat_app.conversations.schemas import Conversation, Opened
from chat_app.conversations.store import NewConversation, add_conversation
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.unit_of_work import UnitOfWork, unit_of_work
from chat_app.friends.errors import PersonNotFound
from chat_app.friends.relations import blocked_between, has_blocked, unreachable
from chat_app.models import Conversation as ConversationRow
from chat_app.models import Member, User
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import (
    ConversationRead,
    ConversationUpdated,
    conversation_topic,
    make_envelope,
    user_topic,
)
from chat_app.realtime.online import Online

# How many hear of a new name at once.
PEERS_TOLD = 100


class Mark(NamedTuple):
    """A member's mark before a change, with the end of the conversation.

    `is_blocked`: a block stands between the two of a direct conversation.
    """

    direct_key: str | None
    last_seq: int
    last_read_seq: int
    is_blocked: bool


class Conversations:
    """The use cases of conversations over one database and bus."""

    def __init__(self, *, database: Database, broker: Broker, online: Online) -> None:
        self._database = database
        self._broker = broker
        self._online = online
        memberships = MembershipLoader(database)
        self.membership = memberships.membership
        self.recent_revs = memberships.recent_revs
        self.close = memberships.close

    async def open_direct(self, *, actor_id: UUID, user_id: UUID) -> Opened:
        """Return the direct conversation with a user, made where there was none.

        Until its first message only who opened it sees it listed. One that is there can always
        be opened. Raises ReceiverIsSelf, PersonNotFound for somebody who is not there, and
        CannotMessage or FriendsOnly for somebody whom the actor may not write to.
        """
        if actor_id == user_id:
            raise ReceiverIsSelf("user_id")
        try:
            return await self._open(actor_id, user_id)
        except IntegrityError:
            # The other side opened it between our look and our insert: now it is there.
            return await self._open(actor_id, user_id)

    async def create_group(self, *, actor_id: UUID, title: str, member_ids: Sequence[UUID]) -> UUID:
        """Make a group of the actor and `member_ids` (any number) and return its id."""
        everybody = list(dict.fromkeys([actor_id, *member_ids]))
        async with unit_of_work(self._database) as uow:
            new = NewConversation("group", actor_id, everybody, opened_by=everybody, title=title)
            connection = await uow.session.connection()
            group_id = await connection.run_sync(add_conversation, new)
            view = await self._view(uow, actor_id, group_id)
            # One envelope for all: nobody has read anything of a new group, and what the actor
            # is to each of them, or sees of their presence, is not for the others.
            event = ConversationUpdated(conversation=_for_anybody(view))
            envelope = make_envelope(event, join=conversation_topic(group_id))

            async def tell() -> None:
                self._broker.publish([user_topic(user_id) for user_id in everybody], envelope)

            uow.announce(tell)
        return group_id

    async def mark_read(self, *, actor_id: UUID, conversation_id: UUID, seq: int) -> None:
        """Move the actor's read mark forward to `seq`; past the end means the end.

        Tells the actor's other devices and the members, but nobody across a block. Raises
        ConversationNotFound.
        """
        async with unit_of_work(self._database) as uow:
            mark = await _mark_of(uow.session, actor_id, conversation_id)
            seq = min(seq, mark.last_seq)
            if not await _move_mark(uow.session, actor_id, conversation_id, mark, seq):
                return
            event = ConversationRead(conversation_id=conversation_id, user_id=actor_id, seq=seq)

            async def tell() -> None:
                topics = topics_of(conversation_id, mark.direct_key)
                own = [user_topic(actor_id)]
                self._broker.publish(own if mark.is_blocked else topics, make_envelope(event))

            uow.announce(tell)

    async def mark_unread(self, *, actor_id: UUID, conversation_id: UUID, seq: int) -> None:
        """Have message `seq` and all after it count as unread, for the actor alone.

        Raises ConversationNotFound, or Invalid for a message that is not there.
        """
        async with unit_of_work(self._database) as uow:
            mark = await _mark_of(uow.session, actor_id, conversation_id)
            if not 1 <= seq <= mark.last_seq:
                raise Invalid({"seq": "There is no such message."})
            await uow.session.execute(
                update(Member)
                .where(
                    col(Member.conversation_id) == conversation_id,
                    col(Member.user_id) == actor_id,
                )
                .values(last_read_seq=seq - 1)
            )
            view = await self._view(uow, actor_id, conversation_id)
            uow.announce(lambda: self._tell_own_devices(actor_id, view))

    async def tell_peers(self, user_id: UUID) -> None:
        """Tell those whom a user writes with, and who are connected, how the user looks now.

        Everybody else sees it when they load, and so do all but the newest conversations' peers.
        """
        async with self._database.reading() as session:
            places = await direct_peers(session, user_id=user_id, limit=PEERS_TOLD)
            connected = await self._online.among(peer_id for _, peer_id in places)
            views = [
                (
                    peer_id,
                    await get_conversation(
                        session, viewer_id=peer_id, conversation_id=place, online=self._online
                    ),
                )
                for place, peer_id in places
                if peer_id in connected
            ]
        for peer_id, view in views:
            await self._tell_own_devices(peer_id, view)

    async def _open(self, actor_id: UUID, user_id: UUID) -> Opened:
        key = direct_key(actor_id, user_id)
        async with unit_of_work(self._database) as uow:
            found = await _opened_before(uow.session, key, actor_id)
            if found is None:
                await _may_write(uow.session, actor_id, user_id)
                pair = (actor_id, user_id)
                new = NewConversation("direct", actor_id, pair, opened_by=pair[:1], direct_key=key)
                connection = await uow.session.connection()
                identifier = await connection.run_sync(add_conversation, new)
            else:
                identifier = found[0]
                if not found[1]:
                    await _set_opened(uow.session, identifier, actor_id)
            view = await self._view(uow, actor_id, identifier)
            if found is None or not found[1]:
                uow.announce(lambda: self._tell_own_devices(actor_id, view))
            return Opened(conversation=view, created=found is None)

    async def _view(self, uow: UnitOfWork, viewer_id: UUID, conversation_id: UUID) -> Conversation:
        return await get_conversation(
            uow.session,
            viewer_id=viewer_id,
            conversation_id=conversation_id,
            online=self._online,
        )

    async def _tell_own_devices(self, actor_id: UUID, view: Conversation) -> None:
        self._broker.publish(
            [user_topic(actor_id)], make_envelope(ConversationUpdated(conversation=view))
        )


_peer = aliased(Member)
# Looked up by keys alone; only a direct conversation can be cut off.
_IS_BLOCKED = and_(
    col(ConversationRow.direct_key).is_not(None),
    exists(
        select(1)
        .select_from(_peer)
        .where(
            col(_peer.conversation_id) == col(ConversationRow.id),
            col(_peer.user_id) != col(Member.user_id),
            blocked_between(col(Member.user_id), col(_peer.user_id)),
        )
        .correlate(ConversationRow, Member)
    ),
)


def topics_of(conversation_id: UUID, key: str | None) -> list[str]:
    """Return whom news of a conversation goes to: two users, or the one topic of a group."""
    if key is None:
        return [conversation_topic(conversation_id)]
    return [user_topic(user_id) for user_id in both_of(key)]


def _for_anybody(view: Conversation) -> Conversation:
    cards = [
        replace(card, friendship="none", online=None, last_seen_at=None) for card in view.members
    ]
    return replace(view, members=cards)


async def _mark_of(session: AsyncSession, user_id: UUID, conversation_id: UUID) -> Mark:
    row = (
        await session.execute(
            select(
                col(ConversationRow.direct_key),
                col(ConversationRow.last_seq),
                col(Member.last_read_seq),
                _IS_BLOCKED.label("is_blocked"),
            )
            .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
            .where(col(ConversationRow.id) == conversation_id, col(Member.user_id) == user_id)
        )
    ).first()
    if row is None:
        raise ConversationNotFound
    return Mark(row[0], row[1], row[2], bool(row[3]))


async def _move_mark(
    session: AsyncSession, user_id: UUID, conversation_id: UUID, mark: Mark, seq: int
) -> bool:
    """Move a mark forward; return whether that was forward by now."""
    if seq <= mark.last_read_seq:
        return False
    # Who is told nothing now shall not learn it later: `read_seq` is what the others see.
    told = {} if mark.is_blocked else {"read_seq": _at_least(col(Member.read_seq), seq)}
    moved = await session.execute(
        update(Member)
        .where(
            col(Member.conversation_id) == conversation_id,
            col(Member.user_id) == user_id,
            col(Member.last_read_seq) < seq,
        )
        .values(last_read_seq=seq, **told)
        .returning(col(Member.user_id))
    )
    return moved.first() is not None


def _at_least(column: Mapped[int], seq: int) -> ColumnElement[int]:
    return case((column < seq, literal(seq)), else_=column)


async def _opened_before(
    session: AsyncSession, key: str, actor_id: UUID
) -> tuple[UUID, bool] | None:
    row = (
        await session.execute(
            select(
                col(ConversationRow.id),
                or_(col(Member.opened), col(ConversationRow.last_seq) > 0),
            )
            .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
            .where(col(ConversationRow.direct_key) == key, col(Member.user_id) == actor_id)
        )
    ).first()
    return None if row is None else (row[0], bool(row[1]))


async def _may_write(session: AsyncSession, actor_id: UUID, user_id: UUID) -> None:
    """Raise why the actor may not write to a user, if they may not."""
    statement = select(has_blocked(user_id, actor_id), unreachable(actor_id, User))
    row = (await session.execute(statement.where(col(User.id) == user_id))).first()
    # Who has left or blocked the actor is not there for them.
    if row is None or row[0] or row[1] == "gone":
        raise PersonNotFound
    if row[1] is not None:
        raise REFUSALS[row[1]]


async def _set_opened(session: AsyncSession, conversation_id: UUID, user_id: UUID) -> None:
    await session.execute(
        update(Member)
        .where(col(Member.conversation_id) == conversation_id, col(Member.user_id) == user_id)
        .values(opened=True)
    )
