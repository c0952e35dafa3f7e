"""What a process remembers of the changes that it has told."""

from chat_app.core.ids import new_id
from chat_app.realtime.delivered_revs import DeliveredRevs
from chat_app.realtime.events import Move

ROOM = new_id()


def heard_of(*revs: int) -> DeliveredRevs:
    """Return the memory of a process that was told these changes, in this order."""
    heard = DeliveredRevs()
    for rev in revs:
        heard.add(Move(ROOM, rev))
    return heard


def test_a_conversation_is_followed_from_its_first_change() -> None:
    assert heard_of(1, 2, 3).rev_of(ROOM) == 3


def test_the_first_change_may_come_out_of_turn() -> None:
    assert heard_of(2, 3, 1).rev_of(ROOM) == 3


def test_before_a_later_change_something_may_have_been_missed() -> None:
    heard = heard_of(2, 3)

    assert heard.rev_of(ROOM) is None
    assert heard.has(Move(ROOM, 3))


def test_a_hole_ends_what_was_heard() -> None:
    heard = heard_of(1, 2, 4)

    assert heard.rev_of(ROOM) == 2
    heard.advance(ROOM, 3)
    heard.add(Move(ROOM, 5))
    assert heard.rev_of(ROOM) == 5
