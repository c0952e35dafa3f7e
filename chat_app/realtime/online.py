"""Who has a device connected, counted over every tab and socket of every node."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID


class Online(Protocol):
    """The register of who is connected."""

    async def among(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `user_ids` who have a device connected somewhere. Never fails."""


class MemoryOnline:
    """The twin for a single process."""

    def __init__(self) -> None:
        self._here: set[UUID] = set()

    async def among(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of `user_ids` who have a device connected to this process."""
        return self._here.intersection(user_ids)
