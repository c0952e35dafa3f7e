"""The window of messages that a tab holds, sliding over a conversation's history."""

from itertools import pairwise
from typing import NamedTuple, Self

import msgspec

from chat_app.realtime.shapes import Message

PAGE_SIZE = 50
MAX_WINDOW = 150
MAX_TAIL = 20
# Length of the tail after it is rolled up: short, so that it is not rolled up again soon.
MIN_TAIL = 5
# `older` is shown in pieces of so many messages; the longest window touches this many pieces.
PIECE_SIZE = 50
PIECES = MAX_WINDOW // PIECE_SIZE + 1


class Piece(NamedTuple):
    """Consecutive messages, and their neighbours outside the piece."""

    above: Message | None = None
    messages: tuple[Message, ...] = ()
    below: Message | None = None


class Window(msgspec.Struct, frozen=True):
    """Messages in rising `seq` without a hole.

    The newest few are the hot `tail`, the rest are `older`: a list is sent to the browser whole
    when it changes, and events nearly always change the tail alone. Messages that leave the tail
    change one piece of the rest.
    """

    older: tuple[Message, ...] = ()
    tail: tuple[Message, ...] = ()
    has_older: bool = False
    has_newer: bool = False

    @classmethod
    def of(cls, messages: list[Message], *, has_older: bool, has_newer: bool = False) -> Self:
        """Return a window of these messages."""
        cut = max(0, len(messages) - MIN_TAIL)
        return cls(tuple(messages[:cut]), tuple(messages[cut:]), has_older, has_newer)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages of the window, in rising `seq`."""
        return self.older + self.tail

    @property
    def first_seq(self) -> int:
        """`seq` of the first message; 0 when the window is empty."""
        return self.older[0].seq if self.older else self.tail[0].seq if self.tail else 0

    @property
    def last_seq(self) -> int:
        """`seq` of the last message; 0 when the window is empty."""
        return self.tail[-1].seq if self.tail else 0

    def pieces(self) -> list[Piece]:
        """Cut `older` at the same `seq` in all windows, so that sliding keeps most pieces.

        They form a ring: a piece dropped at one end frees its slot for the other end.
        """
        pieces = [Piece()] * PIECES
        messages, end = self.messages, len(self.older)
        slot, start = divmod(self.first_seq - 1, PIECE_SIZE)
        cuts = [0, *range(PIECE_SIZE - start, end, PIECE_SIZE), end] if end else []
        for since, until in pairwise(cuts):
            pieces[slot % PIECES] = Piece(
                messages[since - 1] if since else None,
                messages[since:until],
                messages[until] if until < len(messages) else None,
            )
            slot += 1
        return pieces

    def with_newest(self, message: Message) -> "Window":
        """Add the message that comes next; roll the tail up when it has grown long."""
        tail = (*self.tail, message)
        if len(tail) <= MAX_TAIL:
            return msgspec.structs.replace(self, tail=tail)
        joined = self.older + tail
        # Room is left for the tail to grow again.
        kept = MAX_WINDOW - MAX_TAIL
        return Window.of(list(joined[-kept:]), has_older=self.has_older or len(joined) > kept)

    def with_earlier(self, page: list[Message], *, has_older: bool) -> "Window":
        """Slide towards the past: the newest messages leave when the window is full."""
        joined = [*(one for one in page if one.seq < self.first_seq), *self.messages]
        return Window.of(
            joined[:MAX_WINDOW],
            has_older=has_older,
            has_newer=self.has_newer or len(joined) > MAX_WINDOW,
        )

    def with_later(self, page: list[Message], *, has_newer: bool) -> "Window":
        """Slide towards the present: the oldest messages leave when the window is full."""
        joined = [*self.messages, *(one for one in page if one.seq > self.last_seq)]
        return Window.of(
            joined[-MAX_WINDOW:],
            has_older=self.has_older or len(joined) > MAX_WINDOW,
            has_newer=has_newer,
        )

    def with_changed(self, message: Message) -> "Window":
        """Replace a message by a newer revision; return the same window if it is not held."""
        for name in ("tail", "older"):
            held: tuple[Message, ...] = getattr(self, name)
            for slot, one in enumerate(held):
                if one.id == message.id:
                    if one.rev >= message.rev:
                        return self
                    changed = (*held[:slot], message, *held[slot + 1 :])
                    return msgspec.structs.replace(self, **{name: changed})
        return self
