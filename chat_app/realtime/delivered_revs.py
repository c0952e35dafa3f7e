"""Up to which change of each conversation this process has told its outlets."""

from uuid import UUID

from chat_app.realtime.events import Move

FIRST = 1


class _Told:
    """All changes up to `rev`, if that is known, and those of `beyond` it that came out of turn."""

    __slots__ = ("beyond", "rev")

    def __init__(self) -> None:
        self.rev: int | None = None
        # An empty set is as large as all the rest.
        self.beyond: set[int] | tuple[()] = ()

    def note(self, rev: int) -> None:
        if self.rev is None and rev == FIRST:
            self.rev = 0  # before the first change there was nothing to hear
        if self.rev is not None and rev == self.rev + 1 and not self.beyond:
            self.rev = rev
            return
        self.beyond = self.beyond or set()
        self.beyond.add(rev)
        while self.rev is not None and self.rev + 1 in self.beyond:
            self.rev += 1
            self.beyond.discard(self.rev)

    def settle(self, rev: int) -> None:
        self.rev = max(rev, self.rev or 0)
        self.beyond = {one for one in self.beyond if one > self.rev} or ()


class DeliveredRevs:
    """Remembers the conversations that moved lately; two generations, so that it stays small."""

    def __init__(self) -> None:
        self._recent: dict[UUID, _Told] = {}
        self._older: dict[UUID, _Told] = {}

    def note(self, move: Move) -> None:
        """Note a change that was told; the same one may come again."""
        told = self._told(move.conversation_id)
        if told.rev is None or move.rev > told.rev:
            told.note(move.rev)

    def settle(self, conversation_id: UUID, rev: int) -> None:
        """Note that everything up to `rev` was told, or was there before anybody listened."""
        self._told(conversation_id).settle(rev)

    def rev_of(self, conversation_id: UUID) -> int | None:
        """Return up to where everything was told; None when that is not known."""
        return self._told(conversation_id).rev

    def has(self, move: Move) -> bool:
        """Whether a change was told."""
        told = self._told(move.conversation_id)
        return move.rev in told.beyond or (told.rev is not None and move.rev <= told.rev)

    def forget_old(self) -> None:
        """Forget what has not been asked or noted since this was called last."""
        self._older, self._recent = self._recent, {}

    def __len__(self) -> int:
        """Count the conversations remembered."""
        return len(self._recent.keys() | self._older.keys())

    def _told(self, conversation_id: UUID) -> _Told:
        told = self._recent.get(conversation_id)
        if told is None:
            told = self._older.pop(conversation_id, None) or _Told()
            self._recent[conversation_id] = told
        return told
