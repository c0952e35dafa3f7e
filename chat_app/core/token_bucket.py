"""Token bucket: a burst of tokens at once, then a fixed number a second."""

import time

# Sums of intervals are rounded; a bucket never refuses over that.
ROUNDING_S = 1e-6


class TokenBucket:
    """A bucket of `burst` tokens that refills by `per_second`.

    Only the time at which it is full again is kept (the generic cell rate algorithm, ITU-T I.371).
    """

    __slots__ = ("_burst_s", "_full_at", "_interval_s")

    def __init__(self, *, burst: int, per_second: float) -> None:
        self._interval_s = 1 / per_second
        self._burst_s = burst * self._interval_s
        self._full_at = 0.0

    def take(self, cost: int = 1) -> float:
        """Take `cost` tokens and return 0, or take none and return the seconds to wait.

        A negative cost puts tokens back; there are never more than `burst`.
        """
        now = time.monotonic()
        full_at = max(self._full_at, now) + self._interval_s * cost
        wait_s = full_at - now - self._burst_s
        if wait_s > ROUNDING_S:
            return wait_s
        self._full_at = full_at
        return 0

    def is_full(self) -> bool:
        """Return whether the bucket has all its tokens."""
        return self._full_at <= time.monotonic()
