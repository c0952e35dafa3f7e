"""Metrics of the log writer: a few additions a batch, one a message."""

import time
from collections.abc import Sequence

from chat_app.core.errors import AppError
from chat_app.core.metrics import SIZES, Metrics
from chat_app.messages.log.batch import Outcome, Stored


class LogMetrics:
    """The counters and histograms of the log writer."""

    def __init__(self, metrics: Metrics) -> None:
        self._stored = metrics.counter("chat_messages_stored_total", "New messages committed")
        self._changed = metrics.counter(
            "chat_messages_changed_total", "Edits and deletions committed"
        )
        self._acks = metrics.counter(
            "chat_acks_total", "Sends and changes answered after their commit, repeats included"
        )
        self._replayed = metrics.counter(
            "chat_messages_replayed_total", "Sends and changes that had been made before"
        )
        self._refused = metrics.counters(
            "chat_sends_refused_total",
            "Sends and changes refused, by the code of the error",
            "code",
        )
        self._batch = metrics.histogram(
            "chat_batch_messages", "Sends or changes in one transaction", SIZES
        )
        self._transaction = metrics.histogram(
            "chat_batch_seconds", "One transaction of the log writer, the commit included"
        )
        self._commit = metrics.histogram(
            "chat_commit_seconds", "From a send's arrival at the log writer to its commit"
        )
        self._delivery = metrics.histogram(
            "chat_delivery_seconds", "From a commit until all of its outlets here have the news"
        )

    def committed(
        self, since: Sequence[float], outcomes: Sequence[Outcome], *, started: float, changes: bool
    ) -> float:
        """Count a committed batch of entries queued at `since`; return the time of the commit."""
        now = time.perf_counter()
        self._batch.add(len(since))
        self._transaction.add(now - started)
        for queued_at in since:
            self._commit.add(now - queued_at)
        stored = [outcome for outcome in outcomes if isinstance(outcome, Stored)]
        replayed = sum(outcome.replayed for outcome in stored)
        self._acks.add(len(stored))
        self._replayed.add(replayed)
        (self._changed if changes else self._stored).add(len(stored) - replayed)
        return now

    def published(self, messages: int, *, committed: float) -> None:
        """Time the publishing of messages to the outlets of this node."""
        if messages:
            self._delivery.add(time.perf_counter() - committed, messages)

    def refused(self, error: Exception) -> None:
        """Count a refused send or change by the code of its error."""
        self._refused.of(error.code if isinstance(error, AppError) else "internal_error").add()
