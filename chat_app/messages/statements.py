"""The statements of sending, composed once: composing them anew costs more than running them."""

import functools

from sqlalchemy import Uuid, and_, bindparam, exists, insert, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.core.pairs import Pairs
from chat_app.models import Conversation, Member, Message, User

MESSAGES = Message.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
CONVERSATIONS = Conversation.__table__  # type: ignore[attr-defined]  # the same
MEMBERS = Member.__table__  # type: ignore[attr-defined]  # the same

BUMP = (
    update(CONVERSATIONS)
    .where(CONVERSATIONS.c.id == bindparam("key"))
    .values(last_seq=bindparam("seq"), last_rev=bindparam("rev"), updated_at=bindparam("at"))
)
# Sending implies reading.
READ = (
    update(MEMBERS)
    .where(MEMBERS.c.conversation_id == bindparam("key"), MEMBERS.c.user_id == bindparam("reader"))
    .values(last_read_seq=bindparam("seq"), read_seq=bindparam("seq"))
)
ADD = insert(MESSAGES)


class Questions:
    """The two questions of every batch, composed once for each kind of database."""

    def __init__(self, dialect: str) -> None:
        keys = Pairs(dialect)
        self.earlier = (
            select(MESSAGES, CONVERSATIONS.c.direct_key)
            .select_from(keys.rows)
            .join(
                MESSAGES,
                (MESSAGES.c.sender_id == keys.id) & (MESSAGES.c.client_id == keys.key),
            )
            .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        )
        wanted = Pairs(dialect, key=Uuid)
        peer, person = aliased(Member), aliased(User)
        peer_is_gone = exists(
            select(1)
            .join_from(peer, person, col(person.id) == col(peer.user_id))
            .where(
                col(peer.conversation_id) == CONVERSATIONS.c.id,
                col(person.deleted_at).is_not(None),
            )
        )
        self.places = (
            select(
                CONVERSATIONS.c.id,
                CONVERSATIONS.c.direct_key,
                CONVERSATIONS.c.last_seq,
                CONVERSATIONS.c.last_rev,
                MEMBERS.c.user_id,
                # Only a direct conversation has a peer; of a group nobody is looked at here.
                and_(CONVERSATIONS.c.direct_key.is_not(None), peer_is_gone).label("peer_is_gone"),
            )
            .select_from(wanted.rows)
            .join(CONVERSATIONS, CONVERSATIONS.c.id == wanted.id)
            .join(
                MEMBERS,
                (MEMBERS.c.conversation_id == wanted.id) & (MEMBERS.c.user_id == wanted.key),
            )
            .order_by(CONVERSATIONS.c.id)
            .with_for_update(of=CONVERSATIONS)
        )


questions = functools.cache(Questions)
