"""Delivered revs: the changes (`rev`) of each conversation delivered by this process."""

from uuid import UUID

from chat_app.realtime.events import Move

FIRST = 1


class _Delivered:
    """The delivered changes: all up to `rev`, if it is known, and later ones in `beyond`."""

    __slots__ = ("beyond", "rev")

    def __init__(self) -> None:
        self.rev: int | None = None
        # An empty set is as large as all the rest.
        self.beyond: set[int] | tuple[()] = ()

    def add(self, rev: int) -> None:
        if self.rev is None and rev == FIRST:
            self.rev = 0  # before the first change there was nothing to deliver
        if self.rev is not None and rev == self.rev + 1 and not self.beyond:
            self.rev = rev
            return
        self.beyond = self.beyond or set()
        self.beyond.add(rev)
        while self.rev is not None and self.rev + 1 in self.beyond:
            self.rev += 1
            self.beyond.discard(self.rev)

    def advance(self, rev: int) -> None:
        self.rev = max(rev, self.rev or 0)
        self.beyond = {one for one in self.beyond if one > self.rev} or ()


class DeliveredRevs:
    """The delivered changes of conversations that moved lately.

    Two generations are kept, so that it stays small.
    """

    def __init__(self) -> None:
        self._recent: dict[UUID, _Delivered] = {}
        self._older: dict[UUID, _Delivered] = {}

    def add(self, move: Move) -> None:
        """Record a change as delivered; the same one may come again."""
        delivered = self._of(move.conversation_id)
        if delivered.rev is None or move.rev > delivered.rev:
            delivered.add(move.rev)

    def advance(self, conversation_id: UUID, rev: int) -> None:
        """Record everything up to `rev` as delivered, or as older than the first subscription."""
        self._of(conversation_id).advance(rev)

    def rev_of(self, conversation_id: UUID) -> int | None:
        """Return the `rev` up to which every change was delivered; None when it is unknown."""
        return self._of(conversation_id).rev

    def has(self, move: Move) -> bool:
        """Return whether a change was delivered."""
        delivered = self._of(move.conversation_id)
        return move.rev in delivered.beyond or (
            delivered.rev is not None and move.rev <= delivered.rev
        )

    def forget_old(self) -> None:
        """Drop the conversations that were neither queried nor changed since the last call."""
        self._older, self._recent = self._recent, {}

    def __len__(self) -> int:
        """Return the number of conversations."""
        return len(self._recent.keys() | self._older.keys())

    def _of(self, conversation_id: UUID) -> _Delivered:
        delivered = self._recent.get(conversation_id)
        if delivered is None:
            delivered = self._older.pop(conversation_id, None) or _Delivered()
            self._recent[conversation_id] = delivered
        return delivered
