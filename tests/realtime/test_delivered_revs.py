"""Delivered revs: the changes of each conversation that a process has delivered."""

from chat_app.core.ids import new_id
from chat_app.realtime.delivered_revs import DeliveredRevs
from chat_app.realtime.events import Move

ROOM = new_id()


def delivered(*revs: int) -> DeliveredRevs:
    """Return the record of a process that delivered these changes, in this order."""
    record = DeliveredRevs()
    for rev in revs:
        record.add(Move(ROOM, rev))
    return record


def test_revs_are_known_from_the_first_change_on() -> None:
    assert delivered(1, 2, 3).rev_of(ROOM) == 3


def test_the_first_change_may_come_out_of_order() -> None:
    assert delivered(2, 3, 1).rev_of(ROOM) == 3


def test_revs_are_unknown_without_the_first_change() -> None:
    revs = delivered(2, 3)

    assert revs.rev_of(ROOM) is None
    assert revs.has(Move(ROOM, 3))


def test_a_missing_change_ends_the_known_revs() -> None:
    revs = delivered(1, 2, 4)

    assert revs.rev_of(ROOM) == 2
    revs.advance(ROOM, 3)
    revs.add(Move(ROOM, 5))
    assert revs.rev_of(ROOM) == 5
