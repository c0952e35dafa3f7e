"""Password hashes: Argon2id through passlib, off the event loop, a bounded number at a time.

The maintained release of passlib is `libpass`, installed under the same import name.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import structlog
from passlib.context import CryptContext

from chat_app.core.errors import RateLimited
from chat_app.core.metrics import Metrics

# RFC 9106, section 4, second recommended option: 64 MiB, 3 passes. One lane, since two
# hashes run at a time and the target machines have two cores.
CONTEXT = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=65_536,
    argon2__time_cost=3,
    argon2__parallelism=1,
)
MAX_THREADS = 2
# At 0.1 s and two at a time, the last in the queue waits half a minute.
MAX_QUEUED = 512

log = structlog.get_logger(__name__)


Result = TypeVar("Result")


class Verdict(NamedTuple):
    """The result of a check; `new_hash` replaces a stored hash with outdated parameters."""

    fits: bool
    new_hash: str | None


class Passwords:
    """Password hashing in threads with a bounded queue. Raises RateLimited while it is full."""

    def __init__(self, context: CryptContext = CONTEXT, metrics: Metrics | None = None) -> None:
        self._context = context
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="argon2")
        self._under_way = 0
        # Made now: the first unknown name would take longer than a known one otherwise.
        self._nobodys_hash = self._threads.submit(context.hash, secrets.token_urlsafe())
        metrics = metrics or Metrics()
        metrics.gauge(
            "chat_password_hashes_waiting",
            "Passwords that are being hashed or wait for it",
            lambda: self._under_way,
        )
        self._refused = metrics.counter(
            "chat_password_hashes_refused_total", "Sign-ins refused because too many wait"
        )

    async def hash(self, password: str) -> str:
        """Return the Argon2id hash of `password` (about 0.1 s of one core, 64 MiB)."""
        return await self._run(self._context.hash, password)

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Check `password`; without a stored hash take as long as with one, and return False."""
        if stored is None:
            await self._run(self._verify_nobodys, password)
            return Verdict(fits=False, new_hash=None)
        try:
            return Verdict(*await self._run(self._context.verify_and_update, password, stored))
        except ValueError:
            # The stored value is not an Argon2id hash: a damaged row must admit no one.
            log.warning("password.unreadable_hash")
            return Verdict(fits=False, new_hash=None)

    def close(self) -> None:
        """Stop the threads; queued hashes are cancelled."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify_nobodys(self, password: str) -> None:
        # In a thread, which began with that hash.
        self._context.verify_and_update(password, self._nobodys_hash.result())

    async def _run(self, work: Callable[..., Result], *arguments: str) -> Result:
        if self._under_way >= MAX_QUEUED:
            self._refused.add()
            raise RateLimited(2, "Too many people are signing in right now. Please try again.")
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work, *arguments)
        finally:
            self._under_way -= 1
