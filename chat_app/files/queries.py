"""Reads of files on behalf of somebody. Permission is in each statement."""

import functools
import re
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Integer, Select, String, Uuid, and_, bindparam, exists, or_, select, tuple_

from chat_app.conversations.errors import BadCursor, ConversationNotFound
from chat_app.conversations.message_rows import IS_READABLE, file_of
from chat_app.core.database import Database
from chat_app.files.errors import NoSuchFile, NotAPicture, NotUnsent, UploadNotFound
from chat_app.files.schemas import Offset, SharedFile, SharedFiles, Upload
from chat_app.files.store import LIFETIME, own_upload
from chat_app.models.files import IS_AVATAR
from chat_app.models.tables import ATTACHMENTS, FILES, MEMBERS, MESSAGES

CURSOR = re.compile(r"([0-9]{1,18})-([0-9])")
_VIEWER = bindparam("viewer_id", type_=Uuid)


class ReadableFile(NamedTuple):
    """A file that somebody may read."""

    id: UUID
    name: str
    media_type: str
    has_thumbnail: bool


async def upload_state(
    database: Database, *, owner_id: UUID, upload_id: UUID
) -> tuple[Upload, Offset]:
    """Return the state of an upload of a user, and how far it is. Raises UploadNotFound."""
    rows = await database.fetch_all(own_upload(owner_id, upload_id), {})
    if not rows:
        raise UploadNotFound
    row: Any = rows[0]
    if row.state == "sent":
        try:
            await readable_file(database, viewer_id=owner_id, file_id=upload_id)
        except NoSuchFile:
            # Its message is deleted, and somebody has forwarded it before.
            raise UploadNotFound from None
    is_stored = row.state not in ("uploading", "checking")
    # A stored file may have another size than its upload.
    length = row.received if is_stored else row.size
    offset = Offset(row.id, row.received, length, row.created_at + LIFETIME)
    if row.state in ("ready", "sent"):
        return Upload(file=file_of(row), state="ready"), offset
    return Upload(file=None, state=row.state, code=row.code), offset


async def readable_file(database: Database, *, viewer_id: UUID, file_id: UUID) -> ReadableFile:
    """Return a file that the viewer may read. Raises NoSuchFile.

    That is one of a message that they may read, or their own before it is sent.
    """
    values = {"viewer_id": viewer_id, "file_id": file_id}
    rows = await database.fetch_all(_readable(), values)
    if not rows:
        raise NoSuchFile
    return ReadableFile(*rows[0])


async def check_picture(database: Database, *, owner_id: UUID, file_id: UUID) -> None:
    """Check that a file is an own unsent picture. Raises NotUnsent and NotAPicture."""
    rows = await database.fetch_all(own_upload(owner_id, file_id), {})
    row: Any = rows[0] if rows else None
    if row is None or row.state != "ready":
        raise NotUnsent(file_id)
    if row.kind != "image":
        raise NotAPicture(file_id)


async def avatar_file(database: Database, *, avatar: str) -> UUID:
    """Return a file with the bytes of an avatar that somebody has. Raises NoSuchFile."""
    rows = await database.fetch_all(_avatars(), {"avatar": avatar})
    if not rows:
        raise NoSuchFile
    file_id: UUID = rows[0].id
    return file_id


async def shared_files(
    database: Database,
    *,
    viewer_id: UUID,
    conversation_id: UUID,
    kind: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> SharedFiles:
    """Return a page of the files of a conversation, the latest first.

    Raises ConversationNotFound and BadCursor.
    """
    values: dict[str, Any] = {
        "viewer_id": viewer_id,
        "conversation_id": conversation_id,
        "most": limit + 1,
    }
    if before is not None:
        place = CURSOR.fullmatch(before)
        if place is None:
            raise BadCursor
        values |= {"before_seq": int(place[1]), "before_position": int(place[2])}
    if kind is not None:
        values["kind"] = kind
    statement = _shared(of_kind=kind is not None, is_first=before is None)
    rows = await database.fetch_all(statement, values)
    if not rows:
        raise ConversationNotFound
    # A member of a conversation without files has one row without one.
    found = [row for row in rows if row.id is not None]
    items = [
        SharedFile(file=file_of(row), message_id=row.message_id, seq=row.seq)
        for row in found[:limit]
    ]
    next_before = None
    if len(found) > limit:
        next_before = f"{found[limit - 1].seq}-{found[limit - 1].position}"
    return SharedFiles(items=items, next_before=next_before)


@functools.cache
def _readable() -> Select[*tuple[Any, ...]]:
    in_message = exists(
        select(ATTACHMENTS.c.message_id)
        .join(MESSAGES, MESSAGES.c.id == ATTACHMENTS.c.message_id)
        .join(
            MEMBERS,
            and_(
                MEMBERS.c.conversation_id == MESSAGES.c.conversation_id,
                MEMBERS.c.user_id == _VIEWER,
                IS_READABLE,
            ),
        )
        .where(ATTACHMENTS.c.file_id == FILES.c.id)
        .correlate(FILES)
    )
    is_unsent = and_(FILES.c.owner_id == _VIEWER, FILES.c.state == "ready")
    columns = [FILES.c[name] for name in ReadableFile._fields]
    return select(*columns).where(
        FILES.c.id == bindparam("file_id", type_=Uuid), or_(is_unsent, in_message)
    )


@functools.cache
def _avatars() -> Select[*tuple[Any, ...]]:
    return (
        select(FILES.c.id)
        .where(IS_AVATAR, FILES.c.sha256 == bindparam("avatar", type_=String))
        # The first one is the first that goes.
        .order_by(FILES.c.id.desc())
        .limit(1)
    )


@functools.cache
def _shared(*, of_kind: bool, is_first: bool) -> Select[*tuple[Any, ...]]:
    conditions = [
        ATTACHMENTS.c.conversation_id == MEMBERS.c.conversation_id,
        # As IS_READABLE, of the copied place of the message.
        ATTACHMENTS.c.seq >= MEMBERS.c.since_seq,
    ]
    if of_kind:
        conditions.append(ATTACHMENTS.c.kind == bindparam("kind", type_=String))
    if not is_first:
        before = tuple_(
            bindparam("before_seq", type_=ATTACHMENTS.c.seq.type),
            bindparam("before_position", type_=ATTACHMENTS.c.position.type),
        )
        conditions.append(tuple_(ATTACHMENTS.c.seq, ATTACHMENTS.c.position) < before)
    place = (ATTACHMENTS.c.seq, ATTACHMENTS.c.position)
    return (
        select(*FILES.columns, ATTACHMENTS.c.message_id, *place)
        .select_from(MEMBERS)
        .outerjoin(ATTACHMENTS, and_(*conditions))
        .outerjoin(FILES, FILES.c.id == ATTACHMENTS.c.file_id)
        .where(
            MEMBERS.c.conversation_id == bindparam("conversation_id", type_=Uuid),
            MEMBERS.c.user_id == _VIEWER,
        )
        .order_by(*(column.desc() for column in place))
        .limit(bindparam("most", type_=Integer))
    )
