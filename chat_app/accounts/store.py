"""Rows of accounts, sessions and refresh tokens: find, lock, add, change and end them.

The callers own the transaction. A session is one sign-in on one device.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts.errors import InvalidRefreshToken, LastAdmin, UsernameTaken
from chat_app.accounts.names import part_rows
from chat_app.accounts.rules import username_key
from chat_app.accounts.schemas import Device, Ended, Identity, Registration
from chat_app.core.clock import ago, utc_now
from chat_app.core.errors import Unauthenticated
from chat_app.core.ids import new_id
from chat_app.core.tokens import fingerprint, new_secret
from chat_app.models import (
    AuthSession,
    Block,
    Conversation,
    Draft,
    DueItem,
    File,
    FriendRequest,
    Friendship,
    NamePart,
    PushedConversation,
    PushSubscription,
    RefreshToken,
    ResetLink,
    SavedMessage,
    User,
)
from chat_app.models.files import IS_AVATAR
from chat_app.realtime.events import EndReason

# Two tabs may race with one token; a later reuse means that it was stolen.
REUSE_GRACE = timedelta(seconds=30)
# PostgreSQL's number for the lock of who changes who is an admin; any number of ours will do.
ADMINS_LOCK = 7_346_209_117


class Departure(NamedTuple):
    """The sessions that a deleted account had, and the people who were its friends or had asked."""

    ended: Ended
    acquaintance_ids: set[UUID]


async def account_named(session: AsyncSession, key: str) -> User | None:
    """Return the account with this username, by its key."""
    found = await session.execute(
        select(User).where(col(User.username_key) == key, col(User.deleted_at).is_(None))
    )
    return found.scalar_one_or_none()


async def account_with_id(session: AsyncSession, user_id: UUID) -> User:
    """Return the account of somebody who was signed in. Raises Unauthenticated when it is gone."""
    account = await session.get(User, user_id)
    if account is None or account.deleted_at is not None:
        raise Unauthenticated
    return account


async def lock_account(
    session: AsyncSession, user_id: UUID, *, password_hash: str | None = None, leaving: bool = False
) -> User | None:
    """Lock and return an account, unless it is gone or has another password hash than the given.

    `leaving` locks also against transactions that only refer to the account, as new messages do.
    """
    statement = select(User).where(col(User.id) == user_id, col(User.deleted_at).is_(None))
    if password_hash is not None:
        statement = statement.where(col(User.password_hash) == password_hash)
    found = await session.execute(statement.with_for_update(key_share=not leaving))
    return found.scalar_one_or_none()


async def add_account(session: AsyncSession, data: Registration, password_hash: str) -> User:
    """Add an account that the search finds by its names. Raises UsernameTaken.

    The first one is an admin.
    """
    if is_first := not await _has_accounts(session):
        # Of several at once, the second one sees the first after this.
        await lock_admins(session)
        is_first = not await _has_accounts(session)
    account = User(
        username=data.username,
        username_key=username_key(data.username),
        display_name=data.display_name or data.username,
        password_hash=password_hash,
        admin=is_first,
    )
    session.add(account)
    try:
        await index_names(session, account)
    except IntegrityError:
        raise UsernameTaken from None
    return account


async def _has_accounts(session: AsyncSession) -> bool:
    """Return whether somebody has registered, also where they have left since."""
    return bool(await session.scalar(select(exists().select_from(User))))


async def lock_admins(session: AsyncSession) -> None:
    """Let no other transaction change who is an admin until this one ends.

    Take it before any row. In SQLite a transaction that writes is alone anyway.
    """
    if session.get_bind().dialect.name != "sqlite":
        lock = func.pg_advisory_xact_lock(bindparam("lock", ADMINS_LOCK, type_=BigInteger))
        await session.execute(select(lock))


async def refuse_last_admin(session: AsyncSession, account: User) -> None:
    """Raise LastAdmin if no other admin than this account can sign in; `lock_admins` first."""
    if not account.admin or account.disabled:
        return
    others = select(exists().where(is_acting_admin(), col(User.id) != account.id))
    if not await session.scalar(others):
        raise LastAdmin


def is_acting_admin() -> ColumnElement[bool]:
    """Return whether an account is that of an admin who can sign in."""
    return and_(col(User.admin), ~col(User.disabled), col(User.deleted_at).is_(None))


async def set_password(session: AsyncSession, account: User, password_hash: str) -> None:
    """Set the password of a locked account; links that would set another one end."""
    account.password_hash = password_hash
    await session.execute(delete(ResetLink).where(col(ResetLink.user_id) == account.id))


async def end_reset_links(session: AsyncSession) -> None:
    """End all reset links: an admin loses the rights with which some may have been made."""
    await session.execute(delete(ResetLink))


async def index_names(session: AsyncSession, account: User) -> None:
    """Replace the name parts by which the search finds a person; a deleted account has none.

    The account belongs to the session already; it is flushed here.
    """
    await session.flush()
    await session.execute(delete(NamePart).where(col(NamePart.user_id) == account.id))
    if account.deleted_at is None:
        rows = part_rows(account.id, account.username, account.display_name)
        await session.execute(insert(NamePart), rows)


async def erase_account(session: AsyncSession, account: User) -> Departure:
    """Empty an account that the caller has locked, and delete its sessions and relations.

    The row stays: its messages refer to it.
    """
    account.deleted_at = utc_now()
    account.username = ""
    # Unique, and nobody can register it. The old name is free again.
    account.username_key = f"!{account.id.hex}"
    account.display_name = ""
    account.bio = ""
    account.status_text = ""
    account.quiet_hours = None
    account.locale = None
    await set_avatar(session, account, None)
    account.password_hash = ""
    account.last_seen_at = None
    if account.admin:
        await end_reset_links(session)
        account.admin = False
    await index_names(session, account)
    await session.flush()
    for own in (SavedMessage, Draft, DueItem, ResetLink, PushedConversation):
        await session.execute(delete(own).where(col(own.user_id) == account.id))
    # Files that were sent stay, as their messages do, and avatars of groups; the others lose their
    # bytes.
    is_unsent = and_(col(File.owner_id) == account.id, col(File.state).not_in(("sent", "avatar")))
    await session.execute(update(File).where(is_unsent).values(state="gone"))
    acquaintance_ids = await _delete_relations(session, account.id)
    return Departure(await _erase_sessions(session, account.id), acquaintance_ids)


async def set_avatar(session: AsyncSession, owner: User | Conversation, avatar: str | None) -> None:
    """Set the avatar of a locked account or group; the bytes of the earlier one are removed then.

    Each has a file of its own; of those with equal bytes it does not matter which one goes.
    """
    earlier, owner.avatar = owner.avatar, avatar
    if earlier is not None:
        one = (
            select(col(File.id))
            .where(IS_AVATAR, col(File.sha256) == earlier)
            .order_by(col(File.id))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        going = update(File).where(col(File.id) == one.scalar_subquery())
        await session.execute(going.values(state="gone"))


async def _delete_relations(session: AsyncSession, user_id: UUID) -> set[UUID]:
    """Delete friendships, requests and blocks; return the friends and both sides of requests."""
    mine = await session.execute(
        delete(Friendship)
        .where(col(Friendship.user_id) == user_id)
        .returning(col(Friendship.friend_id))
    )
    friends = set(mine.scalars())
    # The other side of each friendship, by its primary key.
    await session.execute(
        delete(Friendship).where(
            col(Friendship.user_id).in_(friends), col(Friendship.friend_id) == user_id
        )
    )
    requests = await session.execute(
        delete(FriendRequest)
        .where(
            or_(
                col(FriendRequest.sender_id) == user_id,
                col(FriendRequest.receiver_id) == user_id,
            )
        )
        .returning(col(FriendRequest.sender_id), col(FriendRequest.receiver_id))
    )
    pairs = {person for pair in requests for person in pair}
    await session.execute(
        delete(Block).where(or_(col(Block.blocker_id) == user_id, col(Block.blocked_id) == user_id))
    )
    return (friends | pairs) - {user_id}


async def _erase_sessions(session: AsyncSession, user_id: UUID) -> Ended:
    """End all sessions of a user, with what they record of devices and their refresh tokens."""
    ended = await end_sessions(session, user_id=user_id, reason="account_deleted")
    theirs = col(AuthSession.user_id) == user_id
    await session.execute(update(AuthSession).where(theirs).values(user_agent="", address=""))
    await session.execute(
        delete(RefreshToken).where(
            col(RefreshToken.session_id).in_(select(col(AuthSession.id)).where(theirs))
        )
    )
    return ended


def live_sessions() -> Select[UUID, UUID, datetime]:
    """Select id, user_id and last_used_at of live sessions."""
    return (
        select(col(AuthSession.id), col(AuthSession.user_id), col(AuthSession.last_used_at))
        .join(User, col(User.id) == col(AuthSession.user_id))
        .where(
            col(AuthSession.ended_at).is_(None),
            col(AuthSession.expires_at) > utc_now(),
            col(User.deleted_at).is_(None),
        )
    )


async def signed_in_addresses(session: AsyncSession, user_id: UUID) -> Sequence[str]:
    """Return the addresses from which an account's live sessions were opened."""
    found = await session.scalars(
        live_sessions()
        .with_only_columns(col(AuthSession.address))
        .where(col(AuthSession.user_id) == user_id)
        .distinct()
    )
    return found.all()


def open_session(
    session: AsyncSession, *, user_id: UUID, device: Device, lifetime: timedelta
) -> tuple[UUID, str]:
    """Add a session row; return its id and the secret that goes into the cookie."""
    secret = new_secret()
    row = AuthSession(
        id=new_id(),
        user_id=user_id,
        cookie_hash=fingerprint(secret),
        user_agent=device.user_agent[:300],
        address=device.address[:64],
        expires_at=utc_now() + lifetime,
    )
    session.add(row)
    return row.id, secret


async def add_refresh_token(session: AsyncSession, *, session_id: UUID) -> str:
    """Add a refresh token to the session and return it."""
    secret = new_secret()
    await session.flush()
    session.add(RefreshToken(token_hash=fingerprint(secret), session_id=session_id))
    return secret


async def spend_refresh_token(session: AsyncSession, token: str) -> tuple[Identity, bool]:
    """Spend a token; return its session, and whether it was stolen (spent long ago).

    Raises InvalidRefreshToken for an unknown one or one of an ended session.
    """
    now = utc_now()
    found = (
        await session.execute(
            live_sessions()
            .add_columns(col(RefreshToken.spent_at))
            .join(RefreshToken, col(RefreshToken.session_id) == col(AuthSession.id))
            .where(col(RefreshToken.token_hash) == fingerprint(token))
            .with_for_update(of=RefreshToken)
        )
    ).first()
    if found is None:
        raise InvalidRefreshToken
    identity = Identity(found.user_id, found.id)
    if found.spent_at is not None:
        return identity, now - found.spent_at > REUSE_GRACE
    await session.execute(
        update(RefreshToken)
        .where(col(RefreshToken.token_hash) == fingerprint(token))
        .values(spent_at=now)
    )
    return identity, False


async def delete_old_tokens(session: AsyncSession, *, session_id: UUID, age: timedelta) -> None:
    """Delete the session's tokens that were spent more than `age` ago."""
    await session.execute(
        delete(RefreshToken).where(
            col(RefreshToken.session_id) == session_id,
            col(RefreshToken.spent_at) < utc_now() - age,
        )
    )


async def end_session(session: AsyncSession, *, user_id: UUID, session_id: UUID) -> Ended:
    """End a live session of this user; return none when it is not theirs."""
    return await _end(session, user_id, col(AuthSession.id) == session_id, "signed_out")


async def end_other_sessions(
    session: AsyncSession, identity: Identity, *, reason: EndReason
) -> Ended:
    """End all live sessions of a user but this one."""
    others = col(AuthSession.id) != identity.session_id
    return await _end(session, identity.user_id, others, reason)


async def end_sessions(session: AsyncSession, *, user_id: UUID, reason: EndReason) -> Ended:
    """End all live sessions of a user."""
    return await _end(session, user_id, true(), reason)


async def end_some_sessions(session: AsyncSession, *, at_most: int) -> Ended:
    """End up to `at_most` live sessions of anybody."""
    some = live_sessions().limit(at_most).with_only_columns(col(AuthSession.id))
    return await _mark(session, col(AuthSession.id).in_(some), "signed_out")


async def _end(
    session: AsyncSession, user_id: UUID, which: ColumnElement[bool], reason: EndReason
) -> Ended:
    live = col(AuthSession.ended_at).is_(None)
    theirs = col(AuthSession.user_id) == user_id
    return await _mark(session, and_(theirs, live, which), reason)


async def _mark(session: AsyncSession, which: ColumnElement[bool], reason: EndReason) -> Ended:
    now = ago(session.get_bind().dialect.name, timedelta(0))
    ended = await session.execute(
        update(AuthSession)
        .where(which)
        .values(ended_at=now, ended_reason=reason)
        .returning(col(AuthSession.id))
    )
    ids = list(ended.scalars())
    if ids:
        await session.execute(
            delete(PushSubscription).where(col(PushSubscription.session_id).in_(ids))
        )
    return Ended(ids, reason)


def remove_sessions(connection: Connection, before: datetime, count: int) -> int:
    """Delete at most `count` sessions that were over before a time, with what belongs to them.

    Return how many.
    """
    over = or_(col(AuthSession.ended_at) < before, col(AuthSession.expires_at) < before)
    ids = list(connection.scalars(select(col(AuthSession.id)).where(over).limit(count)))
    for owned in (RefreshToken, PushSubscription):
        connection.execute(delete(owned).where(col(owned.session_id).in_(ids)))
    return connection.execute(delete(AuthSession).where(col(AuthSession.id).in_(ids))).rowcount
