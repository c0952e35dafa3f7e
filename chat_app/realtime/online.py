"""Presence register: which users have a device connected to any node."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class Times(NamedTuple):
    """The intervals of the register, all in proportion to `ttl_s`.

    A node refreshes the entries of its users every `refresh_s`, and looks every `sweep_s` for
    entries that no node has refreshed for `ttl_s`.
    """

    ttl_s: float

    @property
    def refresh_s(self) -> float:
        """Seconds between two refreshes."""
        return self.ttl_s / 4

    @property
    def sweep_s(self) -> float:
        """Seconds between two sweeps of one node; every node sweeps."""
        return self.ttl_s / 18

    @property
    def silence_s(self) -> float:
        """Seconds without a refresh by any node that show the register was away, or emptied."""
        return self.ttl_s / 4

    @property
    def settling_s(self) -> float:
        """Seconds after that until every node has refreshed and absence means something."""
        return self.refresh_s * 1.5


class PresenceChanges(NamedTuple):
    """The users who connected and who disconnected, seen over all nodes."""

    connected: set[UUID]
    disconnected: set[UUID]


class Online(Protocol):
    """The register of connected users. No method fails while Redis is away."""

    async def filter_connected(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `user_ids` who have a device connected to any node."""

    async def connect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Add users who have a device here; return those who had none anywhere."""

    async def disconnect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Remove users who have no device here; return those who have none anywhere."""

    async def refresh(self) -> PresenceChanges:
        """Refresh the entries of this node's users; return the changes not reported before."""

    async def sweep(self) -> Mapping[UUID, datetime]:
        """Remove users whose node died; return each to one sweeper only, with its last refresh."""

    async def confirm(self, user_ids: Collection[UUID]) -> None:
        """Confirm that users returned by a sweep were published as offline."""

    async def close(self, *, lingering_s: float) -> None:
        """Remove this node's users, who count as connected for `lingering_s` seconds more."""

    def local_users(self) -> set[UUID]:
        """Return the users who have a device connected to this process."""


class MemoryOnline:
    """The register of a single process."""

    def __init__(self) -> None:
        self._here: set[UUID] = set()

    async def filter_connected(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `user_ids` who have a device connected to this process."""
        return self._here.intersection(user_ids)

    async def connect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Add users who have a device; return those who had none."""
        connected = set(user_ids) - self._here
        self._here |= connected
        return connected

    async def disconnect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Remove users who have no device any more; return those who had one."""
        disconnected = self._here.intersection(user_ids)
        self._here -= disconnected
        return disconnected

    async def refresh(self) -> PresenceChanges:
        """Return no changes: no entry expires."""
        return PresenceChanges(set(), set())

    async def sweep(self) -> Mapping[UUID, datetime]:
        """Return no users: there is no other process that could die."""
        return {}

    async def confirm(self, user_ids: Collection[UUID]) -> None:
        """Do nothing: no sweep returns users."""

    async def close(self, *, lingering_s: float) -> None:  # noqa: ARG002  # the protocol's
        """Remove all users."""
        self._here.clear()

    def local_users(self) -> set[UUID]:
        """Return the users who have a device connected."""
        return set(self._here)
