"""Visible tabs: devices that need no push, since somebody looks at the chat there.

A tab says when it becomes visible or hidden. Each node notes its visible tabs in the database, for
the node that stores a message, and repeats that: what a node that dies has noted ends by itself.
"""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta
from uuid import UUID

from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.supervisor import Supervisor
from chat_app.push import store

REPEAT_S = 30.0
VALID_FOR = timedelta(seconds=90)
PAUSE_S = 0.1


class VisibleTabs:
    """The visible tabs of this node; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._session_of: dict[str, UUID] = {}
        self._tabs_of: Counter[UUID] = Counter()
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Start to note them. The chat is ready without it."""
        self._task = supervisor.start("visible_tabs", self._run, is_vital=False)

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            await tasks.end([self._task])

    def show(self, tab: str, session_id: UUID) -> None:
        """Record that a tab of a session is visible."""
        self.hide(tab)
        self._session_of[tab] = session_id
        self._tabs_of[session_id] += 1
        self._note(session_id)

    def hide(self, tab: str) -> None:
        """Record that a tab is not visible, or closed."""
        session_id = self._session_of.pop(tab, None)
        if session_id is None:
            return
        self._tabs_of[session_id] -= 1
        if not self._tabs_of[session_id]:
            del self._tabs_of[session_id]
        self._note(session_id)

    def _note(self, session_id: UUID) -> None:
        self._changed.add(session_id)
        self._wake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        repeat_at = loop.time() + REPEAT_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(repeat_at):
                    await self._wake.wait()
            self._wake.clear()
            if loop.time() >= repeat_at:
                self._changed.update(self._tabs_of)
                repeat_at = loop.time() + REPEAT_S
            changed, self._changed = self._changed, set()
            try:
                await self._store(changed)
            except BaseException:
                # The supervisor runs this again, and it does not wait for another change.
                self._changed |= changed
                self._wake.set()
                raise
            await asyncio.sleep(PAUSE_S)

    async def _store(self, changed: set[UUID]) -> None:
        visible = changed & self._tabs_of.keys()
        if visible:
            await store.show(self._database, visible, until=utc_now() + VALID_FOR)
        if changed - visible:
            await store.show(self._database, changed - visible, until=None)
