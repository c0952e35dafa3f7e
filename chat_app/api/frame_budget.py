"""How many frames one socket may send."""

import time

from chat_app.node.node import Node

TOO_MANY = 4429


class Refused(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class FrameBudget:
    """A token bucket of one socket; see core.rate_limit for the shared ones."""

    def __init__(self, node: Node) -> None:
        self._on = node.settings.limits == "on"
        self._burst = node.settings.limit_frame_burst
        self._per_second = node.settings.limit_frames_per_second
        self._left = float(self._burst)
        self._at = time.monotonic()

    def take(self) -> None:
        """Count a frame. Raises Refused when there were too many."""
        if not self._on:
            return
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            raise Refused(TOO_MANY, "too many frames")
        self._left -= 1
