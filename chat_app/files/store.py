"""Rows of files: announce, claim, move on and remove them. The callers own the transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.files.schemas import Checked, NewAvatar, NewUpload
from chat_app.models.tables import ATTACHMENTS, FILES, STORAGE_USES

# Unsent files go by then.
LIFETIME = timedelta(days=1)
_STORED = ("ready", "sent", "avatar")
_NO_UPLOADS = ("gone", "avatar")


def reserve(connection: Connection, *, user_id: UUID, size: int, most: int) -> bool:
    """Take room for a file of a user; return whether it is there, in one statement."""
    if size > most:
        return False
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    used = STORAGE_USES.c.bytes + size
    taken = (
        dialect.insert(STORAGE_USES)
        .values(user_id=user_id, bytes=size)
        .on_conflict_do_update(
            index_elements=[STORAGE_USES.c.user_id], set_={"bytes": used}, where=used <= most
        )
        .returning(STORAGE_USES.c.user_id)
    )
    return connection.execute(taken).first() is not None


def give_back(connection: Connection, sizes: Sequence[tuple[UUID, int]]) -> None:
    """Give back room of users."""
    totals: dict[UUID, int] = {}
    for user_id, size in sizes:
        totals[user_id] = totals.get(user_id, 0) + size
    # In one order on every node, or two could wait for each other.
    for user_id in sorted(totals):
        if totals[user_id]:
            connection.execute(
                update(STORAGE_USES)
                .where(STORAGE_USES.c.user_id == user_id)
                .values(bytes=STORAGE_USES.c.bytes - totals[user_id])
            )


def add_upload(connection: Connection, new: NewUpload) -> tuple[UUID, datetime]:
    """Add the row of an upload; return its id and when it was made."""
    file_id, now = new_id(), utc_now()
    connection.execute(
        FILES.insert().values(
            id=file_id,
            owner_id=new.owner_id,
            name=new.name,
            description=new.description,
            size=new.size,
            reserved=new.size,
            created_at=now,
        )
    )
    return file_id, now


def own_upload(owner_id: UUID, file_id: UUID) -> Select[*tuple[Any, ...]]:
    """Select an upload of a user, unless it is gone or has expired."""
    is_there = or_(FILES.c.state == "sent", FILES.c.created_at > utc_now() - LIFETIME)
    return select(FILES).where(
        FILES.c.id == file_id,
        FILES.c.owner_id == owner_id,
        FILES.c.state.not_in(_NO_UPLOADS),
        is_there,
    )


def lock_upload(connection: Connection, *, owner_id: UUID, file_id: UUID) -> Row[Any] | None:
    """Return an upload of a user, locked."""
    return connection.execute(own_upload(owner_id, file_id).with_for_update()).first()


def claim_upload(
    connection: Connection, file_id: UUID, *, claim: UUID | None, until: datetime | None
) -> None:
    """Give a locked upload to a request or a node until a time, or to nobody."""
    _set(connection, FILES.c.id == file_id, claim=claim, claimed_until=until)


def set_received(
    connection: Connection, file_id: UUID, *, claim: UUID, received: int, until: datetime
) -> bool:
    """Note how far a claimed upload is, and keep it; return whether it was still claimed."""
    return _set(connection, _received(file_id, claim), received=received, claimed_until=until)


def end_receiving(connection: Connection, file_id: UUID, *, claim: UUID, received: int) -> bool:
    """Note how far a claimed upload is, and give it to nobody; return whether it was claimed."""
    return _set(
        connection,
        _received(file_id, claim),
        received=received,
        claim=None,
        claimed_until=None,
    )


def begin_check(connection: Connection, file_id: UUID, *, claim: UUID, until: datetime) -> bool:
    """Let a complete upload be checked, by the node that has it until a time."""
    return _set(
        connection,
        _received(file_id, claim),
        state="checking",
        received=FILES.c.size,
        claimed_until=until,
    )


def claim_checks(
    connection: Connection, *, claim: UUID, until: datetime, count: int, without: Sequence[UUID]
) -> list[UUID]:
    """Claim uploads that nobody checks, the oldest first; no two nodes get the same."""
    now = utc_now()
    found = connection.scalars(
        select(FILES.c.id)
        .where(
            FILES.c.state == "checking",
            or_(FILES.c.claimed_until.is_(None), FILES.c.claimed_until <= now),
            FILES.c.id.not_in(without),
        )
        .order_by(FILES.c.created_at)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    ids = list(found)
    if ids:
        _set(connection, FILES.c.id.in_(ids), claim=claim, claimed_until=until)
    return ids


def keep_claim(connection: Connection, file_id: UUID, *, claim: UUID, until: datetime) -> bool:
    """Keep a claimed upload until a later time; return whether it was still claimed."""
    return _set(connection, _claimed(file_id, claim), claimed_until=until)


def begin_attempt(connection: Connection, file_id: UUID, *, claim: UUID) -> Row[Any] | None:
    """Count an attempt to check a claimed upload; return its row, None if it is not claimed."""
    is_checked = and_(_claimed(file_id, claim), FILES.c.state == "checking")
    return connection.execute(
        update(FILES).where(is_checked).values(attempts=FILES.c.attempts + 1).returning(FILES)
    ).first()


def end_check(connection: Connection, file_id: UUID, *, claim: UUID, result: Checked | str) -> bool:
    """Store what a check has found, or the code of its refusal; return whether it was claimed.

    A refused file takes no room any more.
    """
    is_checked = and_(_claimed(file_id, claim), FILES.c.state == "checking")
    row = connection.execute(
        select(FILES.c.owner_id, FILES.c.reserved).where(is_checked).with_for_update()
    ).first()
    if row is None:
        return False
    if isinstance(result, str):
        values: dict[str, Any] = {"state": "refused", "code": result, "reserved": 0}
        more = -row.reserved
    else:
        values = {"state": "ready", **result._asdict(), "reserved": result.size}
        more = result.size - row.reserved
    _set(connection, FILES.c.id == file_id, claim=None, claimed_until=None, **values)
    give_back(connection, [(row.owner_id, -more)])
    return True


def discard(connection: Connection, file_id: UUID) -> None:
    """Let the bytes of a locked file be removed."""
    _set(connection, FILES.c.id == file_id, state="gone", claim=None, claimed_until=None)


def use_picture(connection: Connection, file_id: UUID, *, avatar: NewAvatar) -> bool:
    """Replace an unsent picture by the avatar made of it; return whether it was still there."""
    row = lock_upload(connection, owner_id=avatar.owner_id, file_id=file_id)
    if row is None or row.state != "ready":
        return False
    discard(connection, file_id)
    connection.execute(
        FILES.insert().values(
            id=avatar.id,
            owner_id=avatar.owner_id,
            state="avatar",
            name="",
            size=avatar.size,
            received=avatar.size,
            media_type="image/webp",
            kind="image",
            width=avatar.side,
            height=avatar.side,
            sha256=avatar.sha256,
            created_at=utc_now(),
        )
    )
    return True


def is_discarded(connection: Connection, file_id: UUID) -> bool:
    """Return whether a file was discarded."""
    kept = select(FILES.c.id).where(FILES.c.id == file_id, FILES.c.state != "gone")
    return connection.execute(kept).first() is None


def discard_unsent(connection: Connection, before: datetime, count: int) -> int:
    """Discard at most `count` files that were not sent before a time; return how many."""
    old = (
        select(FILES.c.id)
        .where(
            FILES.c.state.in_(["uploading", "checking", "ready", "refused"]),
            FILES.c.state != "sent",  # as in the index
            FILES.c.created_at < before,
        )
        .order_by(FILES.c.id)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.scalars(old))
    if ids:
        _set(connection, FILES.c.id.in_(ids), state="gone", claim=None, claimed_until=None)
    return len(ids)


def discard_released(connection: Connection, count: int) -> int:
    """Discard files whose last message was deleted; return how many were looked at.

    Those that are in another message stay.
    """
    released = (
        select(FILES.c.id)
        .where(FILES.c.released_at.is_not(None))
        .order_by(FILES.c.id)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.scalars(released))
    if not ids:
        return 0
    # After the lock: a send that forwards one of them has waited for it, or this for the send.
    used = set(
        connection.scalars(
            select(ATTACHMENTS.c.file_id).where(ATTACHMENTS.c.file_id.in_(ids)).distinct()
        )
    )
    unused = [one for one in ids if one not in used]
    if used:
        _set(connection, FILES.c.id.in_(used), released_at=None)
    if unused:
        _set(connection, FILES.c.id.in_(unused), state="gone", released_at=None)
    return len(ids)


def gone_files(connection: Connection, count: int) -> list[UUID]:
    """Return at most `count` files whose bytes are to be removed."""
    gone = select(FILES.c.id).where(FILES.c.state == "gone", FILES.c.state != "sent").limit(count)
    return list(connection.scalars(gone))


def delete_gone(connection: Connection, file_ids: Sequence[UUID]) -> None:
    """Delete the rows of files whose bytes were removed, and give back their room."""
    deleted = connection.execute(
        delete(FILES)
        .where(FILES.c.id.in_(file_ids), FILES.c.state == "gone")
        .returning(FILES.c.owner_id, FILES.c.reserved)
    )
    give_back(connection, [(row.owner_id, row.reserved) for row in deleted])


def count_stored(connection: Connection) -> int:
    """Return how many files are stored."""
    counted = select(func.count()).select_from(FILES).where(FILES.c.state.in_(_STORED))
    return connection.execute(counted).scalar_one()


def stored_files(
    connection: Connection, after: UUID, count: int
) -> Sequence[Row[UUID, str | None, bool]]:
    """Return at most `count` stored files that follow one, by their ids."""
    following = (
        select(FILES.c.id, FILES.c.sha256, FILES.c.has_thumbnail)
        .where(FILES.c.state.in_(_STORED), FILES.c.id > after)
        .order_by(FILES.c.id)
        .limit(count)
    )
    return connection.execute(following).all()


def known_ids(connection: Connection, file_ids: Sequence[UUID]) -> set[UUID]:
    """Return which of these files have a row."""
    return set(connection.scalars(select(FILES.c.id).where(FILES.c.id.in_(file_ids))))


def unfinished_ids(connection: Connection, file_ids: Sequence[UUID]) -> set[UUID]:
    """Return which of these files are uploads that are not checked yet."""
    unfinished = FILES.c.state.in_(["uploading", "checking"])
    return set(connection.scalars(select(FILES.c.id).where(FILES.c.id.in_(file_ids), unfinished)))


def _claimed(file_id: UUID, claim: UUID) -> ColumnElement[bool]:
    return and_(FILES.c.id == file_id, FILES.c.claim == claim)


def _received(file_id: UUID, claim: UUID) -> ColumnElement[bool]:
    return and_(_claimed(file_id, claim), FILES.c.state == "uploading")


def _set(connection: Connection, which: ColumnElement[bool], **values: object) -> bool:
    return connection.execute(update(FILES).where(which).values(**values)).rowcount > 0
