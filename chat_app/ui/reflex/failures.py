"""What the log says when a handler of a screen fails."""

import time

import structlog

from chat_app.core.errors import AppError

log = structlog.get_logger(__name__)

# A script could call a handler with wrong values fifty times a second. Its first failures say
# where they come from; more of them would only fill the disk.
TRACES_PER_WINDOW = 20
WINDOW_SECONDS = 60.0


class Failures:
    """Reports failures, with a bounded number of traces."""

    def __init__(self) -> None:
        self._window_ends = 0.0
        self._traces = 0

    def report(self, exception: Exception) -> None:
        """Log a failure; what the chat itself refused needs no trace."""
        if isinstance(exception, AppError):
            log.warning("handler_refused", code=exception.code)
            return
        now = time.monotonic()
        if now > self._window_ends:
            self._window_ends = now + WINDOW_SECONDS
            self._traces = 0
        self._traces += 1
        traced = self._traces <= TRACES_PER_WINDOW
        log.error(
            "handler_failed",
            kind=type(exception).__name__,
            exc_info=exception if traced else None,
        )
