"""What a node published lately, to be published again to nodes that cannot have heard it."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from chat_app.realtime.events import TYPING, Envelope

# A few hundred bytes each; with less than that in a while nothing is ever forgotten too early.
MOST = 50_000


class Published(NamedTuple):
    """An envelope, and when it was published to which topics."""

    at: float
    topics: tuple[str, ...]
    envelope: Envelope


class RecentlyPublished:
    """The newest of what was published that nothing else makes good.

    Changes of messages are told from the database, and that somebody writes is no news any more.
    """

    def __init__(self) -> None:
        self._published: deque[Published] = deque(maxlen=MOST)

    def note(self, at: float, topics: Sequence[str], envelope: Envelope) -> None:
        """Remember what is being published, if it is worth it."""
        if envelope.moves is None and not envelope.merge.startswith(TYPING):
            self._published.append(Published(at, tuple(topics), envelope))

    def since(self, at: float) -> list[Published]:
        """Return what was published since then, oldest first."""
        return [published for published in self._published if published.at >= at]
