"""What a node said lately, to be said again to nodes that cannot have heard it."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from chat_app.realtime.events import TYPING, Envelope

# A few hundred bytes each; with less than that in a while nothing is ever forgotten too early.
MOST = 50_000


class Said(NamedTuple):
    """An envelope, and when it was said to which topics."""

    at: float
    topics: tuple[str, ...]
    envelope: Envelope


class Memory:
    """The newest of what was said that nothing else makes good.

    Changes of messages are told from the database, and that somebody writes is no news any more.
    """

    def __init__(self) -> None:
        self._said: deque[Said] = deque(maxlen=MOST)

    def note(self, at: float, topics: Sequence[str], envelope: Envelope) -> None:
        """Remember what is being said, if it is worth it."""
        if envelope.moves is None and not envelope.merge.startswith(TYPING):
            self._said.append(Said(at, tuple(topics), envelope))

    def since(self, at: float) -> list[Said]:
        """Return what was said since then, oldest first."""
        return [said for said in self._said if said.at >= at]
