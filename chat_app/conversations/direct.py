"""Direct conversations: the one key of a pair, in either order."""

from uuid import UUID

from chat_app.core.ids import pair_key


def direct_key(one: UUID, other: UUID) -> str:
    """Return what names the direct conversation of two users."""
    return pair_key(one, other)


def both_of(key: str) -> tuple[UUID, UUID]:
    """Return the two users of a direct conversation."""
    low, high = key.split(":")
    return UUID(low), UUID(high)


def peer_of(key: str | None, user_id: UUID) -> UUID | None:
    """Return the other user of a direct conversation; None without a key (a group)."""
    if key is None:
        return None
    low, high = key.split(":")
    return UUID(high if low == user_id.hex else low)
