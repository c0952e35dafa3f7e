"""Objects in a bucket of S3, read and written by threads of their own.

Every request has a time limit, and a few run at once. The library's coroutines are not used: its
threads take Python's lock when they end, and a process that exits meanwhile is aborted.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import obstore
import structlog
from dotenv import dotenv_values
from obstore.exceptions import BaseError
from obstore.store import S3Store

from chat_app.core.errors import CannotStart, Unavailable

THREADS = 32
# For a free thread; for a connection; for a request, and for one with a whole file. All that a part
# of an upload may take is less than its request claims the row for (`files/uploads.py`).
WAIT_S, CONNECT_S, REQUEST_S, FILE_S = 10.0, 3.0, 10.0, 60.0
MAX_RETRIES, RETRY_S = 2, 5.0
# A larger file is put in parts of this size; it is in memory while it is put.
MAX_PUT = 32 * 1024 * 1024
PART = 8 * 1024 * 1024
NO_BUCKET = "NoSuchBucket"
# No such object, and none so long.
MISSING = ("404", "416")
# The answers of S3 that no repetition changes.
REFUSED = (NO_BUCKET, "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
# The first of these that is set counts.
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
# Others, for roles of clouds, the library reads from the environment.
VARIABLES = (
    *ENDPOINTS,
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
)
PLAIN = re.compile(r"[!-~]+")
ADDRESS = re.compile(
    r"https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?"
)
STATUS = re.compile(r"status code: (\d{3})")
CODE = re.compile(r"<Code>(\w{1,64})</Code>")

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class BucketAway(Unavailable):
    """S3 does not answer, or refuses; `reason` is for operators, and holds no secret."""

    default_detail = "The chat cannot reach its files right now. Please try again in a moment."

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__()


class ObjectMissing(Exception):
    """There is no such object."""


class Entry(NamedTuple):
    """An object in a list."""

    name: str
    modified: datetime


class Piece(NamedTuple):
    """A part of an object, the size of the whole, and when that was written."""

    data: bytes
    size: int
    modified: datetime


class Bucket:
    """A bucket, or what has a prefix in one: `url` is s3://bucket/prefix. Close it at the end.

    All methods raise BucketAway.
    """

    def __init__(self, url: str) -> None:
        """Open a bucket; nothing is asked yet. Raises CannotStart where AWS_* make no sense."""
        self._store = _open(url, REQUEST_S)
        self._file_store = _open(url, FILE_S)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bucket")
        self._free = asyncio.Semaphore(THREADS)

    def close(self) -> None:
        """Wait for what is under way; its time is limited."""
        self._threads.shutdown(cancel_futures=True)

    async def check(self) -> None:
        """Raise CannotStart if the bucket is not there, or the keys do not fit.

        A bucket that is away is no reason: it may come back.
        """
        try:
            await self._run(_first_page, self._store)
        except BucketAway as error:
            if error.reason.endswith(REFUSED):
                message = f"CHAT_FILES_URL: S3 refuses the bucket ({error.reason})"
                raise CannotStart(message) from None
            log.warning("bucket.away_at_start", reason=error.reason)

    async def read(self, name: str, start: int, stop: int) -> Piece:
        """Return the bytes of an object from `start` to `stop`, or to its end.

        Raises ObjectMissing, also where it ends before `start`.
        """
        return await self._run(_read, self._store, name, start, stop)

    async def put(self, name: str, data: bytes) -> None:
        """Store an object, whole or not at all."""
        await self._run(partial(obstore.put, self._store, name, data, use_multipart=False))

    async def put_file(self, name: str, path: Path) -> None:
        """Store a file as an object, whole or not at all."""
        await self._run(_put_file, self._file_store, name, path)

    async def delete(self, names: Sequence[str]) -> None:
        """Delete objects; those that are not there are deleted already."""
        if names:
            await self._run(obstore.delete, self._store, list(names))

    async def list(self, folder: str = "") -> list[Entry]:
        """Return the objects in a folder, by name."""
        return await self._run(_list, self._store, folder)

    async def _run(self, work: Callable[..., Result], *arguments: Any) -> Result:  # noqa: ANN401  # those of `work`
        """Run work in a thread. Raises BucketAway, and what is no failure of S3."""
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise BucketAway("other requests wait for it") from error
        future = self._threads.submit(work, *arguments)
        # Not when the caller is cancelled: the thread goes on.
        future.add_done_callback(partial(self._release, asyncio.get_running_loop()))
        try:
            return await asyncio.wrap_future(future)
        except (BaseError, OSError, ValueError) as error:
            reason = _reason(error)
            log.warning("bucket.failed", reason=reason)
            raise BucketAway(reason) from error

    def _release(self, loop: asyncio.AbstractEventLoop, _: Future[Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._free.release)


@contextlib.contextmanager
def open_bucket(url: str) -> Iterator[Bucket]:
    """Yield a bucket. Raises CannotStart."""
    bucket = Bucket(url)
    try:
        yield bucket
    finally:
        bucket.close()


def _open(url: str, limit_s: float) -> S3Store:
    config, parts = _config(), urlsplit(url)
    try:
        return S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,  # type: ignore[arg-type]  # names of the environment
            client_options={
                "allow_http": True,
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=limit_s),
            },
            retry_config={
                "max_retries": MAX_RETRIES,
                "retry_timeout": timedelta(seconds=RETRY_S),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=1),
                    "base": 2,
                },
            },
        )
    except (BaseError, ValueError) as error:
        # Only the first words: what follows may repeat a value.
        why = str(error).splitlines()[0].removeprefix("Generic S3 error: ").split(":")[0]
        message = f"CHAT_FILES_URL: the variables AWS_* do not fit ({why})"
        raise CannotStart(message) from None


def _variables() -> dict[str, str]:
    """Return the variables of the environment, or else of `.env`. Raises CannotStart."""
    given = {**dotenv_values(".env"), **os.environ}
    found = {name: value for name in VARIABLES if (value := given.get(name))}
    for name, value in found.items():
        # Others make the library panic.
        if not PLAIN.fullmatch(value):
            message = f"{name}: must be ASCII without blanks"
            raise CannotStart(message)
    return found


def _config() -> dict[str, str]:
    """Return the configuration of the library. Raises CannotStart."""
    given = _variables()
    config = {name.lower(): given[name] for name in VARIABLES if name in given}
    endpoints = [(name, config.pop(name.lower())) for name in ENDPOINTS if name in given]
    for name, value in endpoints[:1]:
        if not ADDRESS.fullmatch(value):
            message = f"{name}: must be an address such as https://s3.example.org"
            raise CannotStart(message)
        config["aws_endpoint_url"] = value
    return config


def _read(store: S3Store, name: str, start: int, stop: int) -> Piece:
    try:
        found = obstore.get(store, name, options={"range": (start, stop)})
        data = found.bytes().to_bytes()
    except (BaseError, FileNotFoundError) as error:
        reason = _reason(error)
        if reason.startswith(MISSING) and not reason.endswith(NO_BUCKET):
            raise ObjectMissing from error
        raise
    return Piece(data, found.meta["size"], found.meta["last_modified"])


def _put_file(store: S3Store, name: str, path: Path) -> None:
    is_small = path.stat().st_size <= MAX_PUT
    obstore.put(store, name, path, use_multipart=not is_small, chunk_size=PART, max_concurrency=1)


def _list(store: S3Store, folder: str) -> list[Entry]:
    return sorted(
        Entry(one["path"], one["last_modified"])
        for page in obstore.list(store, folder or None, chunk_size=1_000)
        for one in page
    )


def _first_page(store: S3Store) -> None:
    next(iter(obstore.list(store, chunk_size=1)), None)


def _reason(error: Exception) -> str:
    """Return why a request failed: never its address, which may hold a password."""
    text = str(error)
    status, code = STATUS.search(text), CODE.search(text)
    if status is None:
        return "no answer" if isinstance(error, BaseError) else type(error).__name__
    return " ".join(found[1] for found in (status, code) if found)
