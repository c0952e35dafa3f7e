"""The check of uploads: what they are, whether they are taken, and pictures made anew.

The node that has received an upload checks it. What a node that ended has left is taken by any
other that has its bytes, or by the same one when it is back.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.ids import new_id
from chat_app.core.supervisor import Supervisor
from chat_app.files import store
from chat_app.files.children import ChildFailed
from chat_app.files.media import is_readable, read_media
from chat_app.files.media_types import (
    HEAD_BYTES,
    HEIC,
    PICTURES,
    UNKNOWN,
    kind_of,
    media_type_of,
)
from chat_app.files.metrics import FileMetrics
from chat_app.files.names import with_extension
from chat_app.files.pictures import Made, Refused, make_picture
from chat_app.files.scanner import Scanner
from chat_app.files.schemas import Checked
from chat_app.files.storage import FileStorage

# Each has a process of its own for a picture.
WORKERS = 2
# A claim is kept as long as the check takes; a node that ended loses it.
CLAIMED_FOR, KEEP_S = timedelta(seconds=15), 5.0
INTERVAL_S = 5.0
MAX_ATTEMPTS = 3
MAX_ABSENT = 10_000
MAX_WAITING = 1_000
PICTURE, WHOLE, THUMBNAIL = ".picture", ".whole", ".thumbnail"

log = structlog.get_logger(__name__)


class FileCheck:
    """The tasks that check uploads; start them inside the running loop, then close them."""

    def __init__(
        self,
        *,
        database: Database,
        storage: FileStorage,
        scanner: Scanner | None,
        metrics: FileMetrics,
    ) -> None:
        self._database = database
        self._storage = storage
        self._scanner = scanner
        self._metrics = metrics
        self._waiting: asyncio.Queue[tuple[UUID, UUID]] = asyncio.Queue(MAX_WAITING)
        # Uploads whose bytes another node has, in a folder of its own.
        self._absent: dict[UUID, None] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, supervisor: Supervisor) -> None:
        """Start the tasks."""
        self._tasks = [
            supervisor.start(f"file_check_{number}", self._run, is_vital=False)
            for number in range(WORKERS)
        ]

    async def close(self) -> None:
        """End the tasks; what is left is checked by another node, or by this one later."""
        await tasks.end(self._tasks)

    def begin(self, file_id: UUID, claim: UUID) -> None:
        """Check an upload that is complete and claimed by this node."""
        # One for which there is no room is found again when its claim is over.
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait((file_id, claim))

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(INTERVAL_S):
                    found = [await self._waiting.get()]
            except TimeoutError:
                found = await self._left_behind()
            for file_id, claim in found:
                await self._check(file_id, claim)

    async def _left_behind(self) -> list[tuple[UUID, UUID]]:
        claim = new_id()
        ids = await self._database.transact(
            partial(
                store.claim_checks,
                claim=claim,
                until=utc_now() + CLAIMED_FOR,
                count=1,
                without=list(self._absent),
            )
        )
        return [(file_id, claim) for file_id in ids]

    async def _check(self, file_id: UUID, claim: UUID) -> None:
        started = time.perf_counter()
        begin = partial(store.begin_attempt, file_id=file_id, claim=claim)
        row = await self._database.transact(begin)
        if row is None:
            return
        async with self._kept(file_id, claim):
            try:
                async with self._storage.upload_at_hand(file_id, row.size) as is_there:
                    result = await self._result(row) if is_there else None
            except AppError as error:
                # The disk is full or the scanner away: another attempt, when the claim is over.
                log.warning("file.check_postponed", file_id=str(file_id), code=error.code)
                return
            except ChildFailed as error:
                log.warning("file.check_failed", file_id=str(file_id), reason=str(error))
                if row.attempts < MAX_ATTEMPTS:
                    self.begin(file_id, claim)
                    return
                result = "unreadable_picture"
        if result is None:
            self._pass_on(file_id)
            return
        end = partial(store.end_check, file_id=file_id, claim=claim, result=result)
        if await self._database.transact(end):
            state = result if isinstance(result, str) else "ready"
            self._metrics.checked.of(state).add()
            self._metrics.check_seconds.add(time.perf_counter() - started)
            if isinstance(result, str):
                await self._storage.remove([file_id])
            else:
                await self._storage.remove_upload(file_id)
        elif await self._database.transact(partial(store.is_discarded, file_id=file_id)):
            # Its bytes may have been removed before those of the check were written.
            await self._storage.remove([file_id])

    def _pass_on(self, file_id: UUID) -> None:
        """Leave an upload to the node that has its bytes, once the claim is over."""
        self._absent[file_id] = None
        while len(self._absent) > MAX_ABSENT:
            del self._absent[next(iter(self._absent))]

    async def _result(self, row: Any) -> Checked | str | None:  # noqa: ANN401  # a row of the table
        """Return what an upload is, the code of its refusal, or None without its bytes."""
        source = self._storage.upload_path(row.id)
        head = await self._storage.head(row.id, HEAD_BYTES)
        if head is None:
            return None
        if self._scanner is not None and (verdict := await self._scanner.scan(source)) != "clean":
            return verdict
        media_type = media_type_of(head)
        if media_type in PICTURES or media_type == HEIC:
            return await self._picture(row)
        if is_readable(media_type):
            return await self._media(row, media_type)
        size, digest = await self._storage.keep(row.id, source)
        return Checked(row.name, media_type, kind_of(media_type), size, digest)

    async def _picture(self, row: Any) -> Checked | str:  # noqa: ANN401  # a row of the table
        source, whole, thumbnail = (
            self._storage.upload_path(row.id, suffix) for suffix in ("", WHOLE, THUMBNAIL)
        )
        made = await make_picture(source, whole, thumbnail)
        if isinstance(made, Refused):
            return made.code
        if not isinstance(made, Made):
            size, digest = await self._storage.keep(row.id, source)
            return Checked(row.name, UNKNOWN, "file", size, digest)
        kept = whole if made.rewritten else source
        size, digest = await self._storage.keep(row.id, kept, thumbnail)
        return Checked(
            with_extension(row.name, "jpg") if _was_converted(row.name, made) else row.name,
            made.media_type,
            "image",
            size,
            digest,
            width=made.width,
            height=made.height,
            placeholder=made.placeholder,
            has_thumbnail=True,
        )

    async def _media(self, row: Any, media_type: str) -> Checked:  # noqa: ANN401  # a row of the table
        source, picture, whole, thumbnail = (
            self._storage.upload_path(row.id, suffix) for suffix in ("", PICTURE, WHOLE, THUMBNAIL)
        )
        found = await read_media(media_type, source, picture)
        made = None
        if found.has_picture:
            # Without a preview it is still what was sent.
            with contextlib.suppress(ChildFailed):
                made = await make_picture(picture, whole, thumbnail)
        shown = made if isinstance(made, Made) else None
        size, digest = await self._storage.keep(row.id, source, thumbnail if shown else None)
        if found.has_video is False:
            media_type = media_type.replace("video/", "audio/")
        return Checked(
            row.name,
            media_type,
            kind_of(media_type),
            size,
            digest,
            width=found.width,
            height=found.height,
            duration_ms=found.duration_ms,
            placeholder=shown.placeholder if shown else None,
            has_thumbnail=shown is not None,
        )

    @contextlib.asynccontextmanager
    async def _kept(self, file_id: UUID, claim: UUID) -> AsyncIterator[None]:
        """Keep the claim of an upload while the block lasts."""

        async def keep() -> None:
            while True:
                await self._database.transact(
                    partial(
                        store.keep_claim,
                        file_id=file_id,
                        claim=claim,
                        until=utc_now() + CLAIMED_FOR,
                    )
                )
                await asyncio.sleep(KEEP_S)

        task = asyncio.create_task(keep(), name="file check claim")
        try:
            yield
        finally:
            await tasks.end([task])


def _was_converted(name: str, made: Made) -> bool:
    return made.format == "JPEG" and name.lower().endswith((".heic", ".heif"))
