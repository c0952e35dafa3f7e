"""From the devices of this process to the register of all: who came, who is gone for good.

A device that goes and comes back within the grace (a reload, a change of networks) is no news.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.realtime.online import Online, Times

Seen = Callable[[UUID, datetime], None]


class Told(Protocol):
    """Hears of somebody who came or has gone."""

    def __call__(self, user_id: UUID, *, online: bool) -> None:
        """Hear of it; never wait."""


class PresenceTracker:
    """Observes the hub and keeps this node's part of the register.

    `told` hears of everybody who came or went as all nodes together see it, `seen` when somebody
    was last here, before the going is told. Both are called inside the running loop.
    """

    def __init__(
        self, online: Online, *, grace_s: float, times: Times, told: Told, seen: Seen
    ) -> None:
        self._online = online
        self._grace_s = grace_s
        self._times = times
        self._told = told
        self._seen = seen
        self._in_grace: dict[UUID, asyncio.TimerHandle] = {}
        self._left_at: dict[UUID, datetime] = {}
        # What the register is to be told next.
        self._coming: dict[UUID, asyncio.Future[None]] = {}
        self._leaving: set[UUID] = set()
        self._entering: dict[UUID, asyncio.Future[None]] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start telling the register."""
        self._tasks = [
            asyncio.create_task(self._register_for_ever(), name="presence register"),
            asyncio.create_task(self._every(self._times.refresh_s, self._refresh)),
            asyncio.create_task(self._every(self._times.sweep_s, self._sweep)),
        ]

    async def close(self) -> None:
        """Leave everybody who is still here to the other nodes, where they may come back."""
        await tasks.end(self._tasks)
        for timer in self._in_grace.values():
            timer.cancel()
        for user_id in self._online.here():
            self._seen(user_id, self._left_at.get(user_id, utc_now()))
        await self._online.close(lingering_s=self._grace_s)

    def connected(self, user_id: UUID) -> None:
        """Note somebody's first device here."""
        self._left_at.pop(user_id, None)
        timer = self._in_grace.pop(user_id, None)
        if timer is not None:
            timer.cancel()
        elif user_id in self._leaving:
            self._leaving.discard(user_id)
        else:
            self._coming[user_id] = asyncio.get_running_loop().create_future()
            self._wake.set()

    def disconnected(self, user_id: UUID) -> None:
        """Note that somebody's last device here has gone."""
        self._left_at[user_id] = utc_now()
        loop = asyncio.get_running_loop()
        self._in_grace[user_id] = loop.call_later(self._grace_s, self._give_up, user_id)

    async def known(self, user_id: UUID) -> None:
        """Wait until the register knows of somebody who came."""
        entry = self._coming.get(user_id) or self._entering.get(user_id)
        if entry is not None:
            await asyncio.shield(entry)

    def _give_up(self, user_id: UUID) -> None:
        del self._in_grace[user_id]
        self._leaving.add(user_id)
        self._wake.set()

    async def _register_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            # All who came while the register was asked go into the next statement together.
            self._entering, self._coming = self._coming, {}
            leaving, self._leaving = self._leaving, set()
            await self._enter()
            await self._leave(leaving)

    async def _enter(self) -> None:
        try:
            for user_id in await self._online.connect(self._entering.keys()):
                self._told(user_id, online=True)
        finally:
            for entry in self._entering.values():
                if not entry.done():
                    entry.set_result(None)
            self._entering = {}

    async def _leave(self, leaving: set[UUID]) -> None:
        if not leaving:
            return
        gone: set[UUID] = set()
        try:
            gone = await self._online.disconnect(leaving)
        finally:
            # Also of those whose going another node will tell, who knows no better than this.
            for user_id in leaving:
                if (left_at := self._left_at.pop(user_id, None)) is not None:
                    self._seen(user_id, left_at)
        for user_id in gone:
            self._told(user_id, online=False)

    async def _refresh(self) -> None:
        changes = await self._online.refresh()
        for user_id in changes.connected:
            self._told(user_id, online=True)
        for user_id in changes.disconnected:
            self._told(user_id, online=False)

    async def _sweep(self) -> None:
        gone = await self._online.sweep()
        for user_id, last_sure in gone.items():
            self._seen(user_id, last_sure)
            self._told(user_id, online=False)
        await self._online.confirm(gone.keys())

    async def _every(self, seconds: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await step()
            await asyncio.sleep(seconds)
