"""Presence tracking: from this process's outlets to the register of online users of all nodes.

A device that reconnects within the grace period (a reload, a change of networks) is no change.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.supervisor import Supervisor
from chat_app.realtime.online import Online, Times

OnLastSeen = Callable[[UUID, datetime], None]


class OnChange(Protocol):
    """A callback for a user who is now online or offline."""

    def __call__(self, user_id: UUID, *, online: bool) -> None:
        """Take the change; must not wait."""


class PresenceTracker:
    """An observer of the hub, which keeps this node's part of the register.

    `on_change` is called for each user who goes online or offline on all nodes together,
    `on_last_seen` with the time a user was last here, before they go offline. Both are called
    inside the running loop.
    """

    def __init__(
        self,
        online: Online,
        *,
        grace_s: float,
        times: Times,
        on_change: OnChange,
        on_last_seen: OnLastSeen,
    ) -> None:
        self._online = online
        self._grace_s = grace_s
        self._times = times
        self._on_change = on_change
        self._on_last_seen = on_last_seen
        self._in_grace: dict[UUID, asyncio.TimerHandle] = {}
        self._disconnected_at: dict[UUID, datetime] = {}
        # The next changes of the register.
        self._connecting: dict[UUID, asyncio.Future[None]] = {}
        self._disconnecting: set[UUID] = set()
        self._registering: dict[UUID, asyncio.Future[None]] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, supervisor: Supervisor) -> None:
        """Start to keep the register."""
        refresh_s, sweep_s = self._times.refresh_s, self._times.sweep_s
        self._tasks = [
            supervisor.start("presence_register", self._keep_register),
            supervisor.start("presence_refresh", partial(self._every, refresh_s, self._refresh)),
            supervisor.start("presence_sweep", partial(self._every, sweep_s, self._sweep)),
        ]

    async def close(self) -> None:
        """Stop; connected users linger in the register: they may reconnect to other nodes."""
        await tasks.end(self._tasks)
        for timer in self._in_grace.values():
            timer.cancel()
        for user_id in self._online.local_users():
            self._on_last_seen(user_id, self._disconnected_at.get(user_id, utc_now()))
        await self._online.close(lingering_s=self._grace_s)

    def connected(self, user_id: UUID) -> None:
        """Record the first device of a user on this node."""
        self._disconnected_at.pop(user_id, None)
        timer = self._in_grace.pop(user_id, None)
        if timer is not None:
            timer.cancel()
        elif user_id in self._disconnecting:
            self._disconnecting.discard(user_id)
        else:
            self._connecting[user_id] = asyncio.get_running_loop().create_future()
            self._wake.set()

    def disconnected(self, user_id: UUID) -> None:
        """Record that the last device of a user on this node has closed."""
        self._disconnected_at[user_id] = utc_now()
        loop = asyncio.get_running_loop()
        self._in_grace[user_id] = loop.call_later(self._grace_s, self._expire_grace, user_id)

    async def registered(self, user_id: UUID) -> None:
        """Wait until a user who connected is in the register."""
        entry = self._connecting.get(user_id) or self._registering.get(user_id)
        if entry is not None:
            await asyncio.shield(entry)

    def _expire_grace(self, user_id: UUID) -> None:
        del self._in_grace[user_id]
        self._disconnecting.add(user_id)
        self._wake.set()

    async def _keep_register(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            # Users who connect while the register is called go into its next call together.
            self._registering, self._connecting = self._connecting, {}
            disconnecting, self._disconnecting = self._disconnecting, set()
            try:
                await self._register()
                await self._unregister(disconnecting)
            except BaseException:
                # A user who connected again meanwhile must not be removed after that.
                self._disconnecting |= disconnecting - self._connecting.keys()
                self._wake.set()
                raise

    async def _register(self) -> None:
        try:
            for user_id in await self._online.connect(self._registering.keys()):
                self._on_change(user_id, online=True)
        except BaseException:
            self._connecting = self._registering | self._connecting
            raise
        finally:
            for entry in self._registering.values():
                if not entry.done():
                    entry.set_result(None)
            self._registering = {}

    async def _unregister(self, disconnecting: set[UUID]) -> None:
        if not disconnecting:
            return
        gone: set[UUID] = set()
        try:
            gone = await self._online.disconnect(disconnecting)
        finally:
            # Also for users whom another node will see as offline: it knows no later time.
            for user_id in disconnecting:
                if (disconnected_at := self._disconnected_at.pop(user_id, None)) is not None:
                    self._on_last_seen(user_id, disconnected_at)
        for user_id in gone:
            self._on_change(user_id, online=False)

    async def _refresh(self) -> None:
        changes = await self._online.refresh()
        for user_id in changes.connected:
            self._on_change(user_id, online=True)
        for user_id in changes.disconnected:
            self._on_change(user_id, online=False)

    async def _sweep(self) -> None:
        gone = await self._online.sweep()
        for user_id, last_sure in gone.items():
            self._on_last_seen(user_id, last_sure)
            self._on_change(user_id, online=False)
        await self._online.confirm(gone.keys())

    async def _every(self, interval_s: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await step()
            await asyncio.sleep(interval_s)
