"""Identifiers: UUID version 7 for new rows, and keys for pairs of users."""

import os
import time
from datetime import datetime
from uuid import UUID


def new_id() -> UUID:
    """Return a UUID version 7 (RFC 9562, section 5.7), so that keys grow with time."""
    return _id_of(time.time_ns() // 1_000_000)


def id_at(moment: datetime) -> UUID:
    """Return such an id of another moment, for a row that is older than its writing."""
    return _id_of(int(moment.timestamp() * 1000))


def _id_of(milliseconds: int) -> UUID:
    # 48 bits of Unix milliseconds, 74 random ones.
    value = milliseconds << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def first_id_since(moment: datetime) -> UUID:
    """Return the lower bound of all ids made at `moment` or later, by the clock of their node."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def pair_key(one: UUID, other: UUID) -> str:
    """Return the key of a pair, the same in either order."""
    low, high = sorted((one.hex, other.hex))
    return f"{low}:{high}"


def both_of(key: str) -> tuple[UUID, UUID]:
    """Return the two ids of a pair key, the lower first."""
    low, high = key.split(":")
    return UUID(low), UUID(high)


def peer_of(key: str | None, user_id: UUID) -> UUID | None:
    """Return the other id of a pair key; None without a key (a group's)."""
    if key is None:
        return None
    low, high = key.split(":")
    return UUID(high if low == user_id.hex else low)
