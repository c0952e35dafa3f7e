"""Who has a device connected, counted over every tab and socket of every node."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class Times(NamedTuple):
    """How long the register believes what it was told, all in proportion.

    A node says again every `refresh_s` who is connected to it, and looks every `sweep_s` for those
    of whom nobody has said so for `ttl_s`.
    """

    ttl_s: float

    @property
    def refresh_s(self) -> float:
        """Seconds between two refreshes."""
        return self.ttl_s / 4

    @property
    def sweep_s(self) -> float:
        """Seconds between two sweeps; as many nodes sweep as there are."""
        return self.ttl_s / 18

    @property
    def silence_s(self) -> float:
        """Without any sign of any node for so long the register was away, or emptied."""
        return self.ttl_s / 4

    @property
    def settling_s(self) -> float:
        """After that, so long until every node has refreshed and absence means something."""
        return self.refresh_s * 1.5


class PresenceChanges(NamedTuple):
    """Who came and who has gone, seen over all nodes."""

    came: set[UUID]
    gone: set[UUID]


class Online(Protocol):
    """The register of who is connected. Nothing here ever fails; see each twin for the rest."""

    async def among(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `user_ids` who have a device connected somewhere."""

    async def connect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Note that these have a device here; return those who had none anywhere."""

    async def disconnect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Note that these have no device here any more; return those who have none anywhere."""

    async def refresh(self) -> PresenceChanges:
        """Say again who is here; return what turned out to be otherwise than was told."""

    async def sweep(self) -> Mapping[UUID, datetime]:
        """Forget those whose node died; return, to one sweeper only, when each was last sure."""

    async def confirm(self, user_ids: Collection[UUID]) -> None:
        """Say that whom a sweep returned has been told of."""

    async def close(self, *, lingering_s: float) -> None:
        """Say that this node stops: its people count as connected for `lingering_s` more."""

    def here(self) -> set[UUID]:
        """Return those who have a device connected to this process."""


class MemoryOnline:
    """The twin for a single process."""

    def __init__(self) -> None:
        self._here: set[UUID] = set()

    async def among(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `user_ids` who have a device connected to this process."""
        return self._here.intersection(user_ids)

    async def connect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Note that these have a device; return those who had none."""
        came = set(user_ids) - self._here
        self._here |= came
        return came

    async def disconnect(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Note that these have no device any more; return those who had one."""
        gone = self._here.intersection(user_ids)
        self._here -= gone
        return gone

    async def refresh(self) -> PresenceChanges:
        """Nothing is believed for a while only."""
        return PresenceChanges(set(), set())

    async def sweep(self) -> Mapping[UUID, datetime]:
        """There is no other process that could die."""
        return {}

    async def confirm(self, user_ids: Collection[UUID]) -> None:
        """No sweep returns anybody."""

    async def close(self, *, lingering_s: float) -> None:  # noqa: ARG002  # the protocol's
        """Nobody is there to hear of it."""
        self._here.clear()

    def here(self) -> set[UUID]:
        """Return those who have a device connected."""
        return set(self._here)
