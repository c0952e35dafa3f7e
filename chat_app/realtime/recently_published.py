"""The newest envelopes of a node, published again to nodes that cannot have received them."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from chat_app.realtime.events import TYPING, Envelope

# A few hundred bytes each. When fewer are published during an outage, none is dropped too early.
MAX_KEPT = 50_000


class Published(NamedTuple):
    """An envelope with the time and the topics of its publication."""

    at: float
    topics: tuple[str, ...]
    envelope: Envelope


class RecentlyPublished:
    """The newest envelopes whose loss is not repaired otherwise.

    Lost changes of messages are read from the database, and Typing events are outdated by then.
    """

    def __init__(self) -> None:
        self._published: deque[Published] = deque(maxlen=MAX_KEPT)

    def add(self, at: float, topics: Sequence[str], envelope: Envelope) -> None:
        """Keep an envelope that is being published, unless its loss is repaired otherwise."""
        if envelope.moves is None and not envelope.merge.startswith(TYPING):
            self._published.append(Published(at, tuple(topics), envelope))

    def since(self, at: float) -> list[Published]:
        """Return what was published at `at` or later, oldest first."""
        return [published for published in self._published if published.at >= at]
