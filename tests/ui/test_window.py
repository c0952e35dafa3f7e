"""The window that slides over a conversation's messages, and the rows it shows."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from msgspec.structs import replace

from chat_app.realtime.events import MessageCreated, MessageDeleted, MessageUpdated
from chat_app.realtime.shapes import Message
from chat_app.ui.messages.rows import message_rows
from chat_app.ui.messages.updates import apply, leaves_a_gap
from chat_app.ui.messages.window import MAX_TAIL, MAX_WINDOW, PIECE_SIZE, PIECES, Piece, Window

HERE = UUID(int=1)
ME = UUID(int=2)
FRIEND = UUID(int=3)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def message(seq: int, *, sender: UUID = FRIEND, minutes: int = 0, rev: int = 0) -> Message:
    """Return the message at a place."""
    return Message(
        id=UUID(int=1_000 + seq),
        conversation_id=HERE,
        seq=seq,
        rev=rev or seq,
        client_id=f"client-{seq}",
        sender_id=sender,
        receiver_id=None,
        content=f"Message {seq}",
        created_at=START + timedelta(minutes=minutes),
    )


def messages(first: int, last: int) -> list[Message]:
    """Return the messages between two places, both included."""
    return [message(seq) for seq in range(first, last + 1)]


def seqs(window: Window) -> list[int]:
    """Return the places that a window holds."""
    return [one.seq for one in window.messages]


def test_new_messages_extend_the_window_up_to_its_length() -> None:
    window = Window.of(messages(1, 10), has_older=False)
    for seq in range(11, MAX_WINDOW + 31):
        window = apply(window, MessageCreated(message=message(seq)), conversation_id=HERE)
        assert len(window.tail) <= MAX_TAIL
        assert len(window.messages) <= MAX_WINDOW

    assert seqs(window) == list(range(seqs(window)[0], MAX_WINDOW + 31))
    assert window.has_older


def test_pieces_are_the_older_messages_wherever_the_window_stands() -> None:
    for first in range(1, 2 * PIECE_SIZE + 2):
        for length in (0, 1, PIECE_SIZE, MAX_WINDOW):
            window = Window.of(messages(first, first + length - 1), has_older=True)
            pieces = sorted((one for one in window.pieces() if one.messages), key=_place)
            assert tuple(one for piece in pieces for one in piece.messages) == window.older
            for piece, after in pairwise(pieces):
                assert piece.below == after.messages[0]
                assert after.above == piece.messages[-1]
            if pieces:
                assert pieces[0].above is None
                assert pieces[-1].below == window.tail[0]


def test_a_window_that_slides_changes_few_pieces() -> None:
    window = Window.of(messages(1, MAX_WINDOW), has_older=False)
    for seq in range(MAX_WINDOW + 1, 3 * MAX_WINDOW):
        after = apply(window, MessageCreated(message=message(seq)), conversation_id=HERE)
        changed = [new != old for new, old in zip(after.pieces(), window.pieces(), strict=True)]
        assert len(changed) == PIECES
        # One grows or begins, and one is cut at the other end.
        assert sum(changed) <= 3
        window = after


def _place(piece: Piece) -> int:
    return piece.messages[0].seq


def test_most_new_messages_leave_the_older_rows_alone() -> None:
    window = Window.of(messages(1, 100), has_older=True)
    for seq in range(101, 116):
        after = apply(window, MessageCreated(message=message(seq)), conversation_id=HERE)
        assert after.older is window.older
        window = after

    assert window.last_seq == 115


def test_sliding_to_the_past_and_back_shows_every_message_once() -> None:
    window = Window.of(messages(951, 1000), has_older=True)
    while window.has_older:
        first = max(1, window.first_seq - 50)
        page = messages(first, window.first_seq - 1)
        window = window.with_earlier(page, has_older=first > 1)
        assert seqs(window) == list(range(window.first_seq, window.last_seq + 1))

    assert (window.first_seq, window.last_seq, window.has_newer) == (1, MAX_WINDOW, True)
    while window.has_newer:
        last = min(1000, window.last_seq + 50)
        page = messages(window.last_seq + 1, last)
        window = window.with_later(page, has_newer=last < 1000)
        assert seqs(window) == list(range(window.first_seq, window.last_seq + 1))

    assert (window.last_seq, window.has_older, window.has_newer) == (1000, True, False)


def test_a_window_that_was_scrolled_up_takes_no_new_message() -> None:
    window = Window.of(messages(1, 100), has_older=False, has_newer=True)

    event = MessageCreated(message=message(500))

    assert apply(window, event, conversation_id=HERE) is window
    assert not leaves_a_gap(window, event, conversation_id=HERE)


def test_a_message_that_was_not_received_leaves_a_gap() -> None:
    window = Window.of(messages(1, 10), has_older=False)

    assert leaves_a_gap(window, MessageCreated(message=message(12)), conversation_id=HERE)
    assert not leaves_a_gap(window, MessageCreated(message=message(11)), conversation_id=HERE)
    assert not leaves_a_gap(window, MessageCreated(message=message(7)), conversation_id=HERE)


def test_an_edited_message_replaces_the_old_one_once() -> None:
    window = Window.of(messages(1, 50), has_older=False)
    for seq in (3, 49):
        edited = replace(message(seq, rev=60 + seq), content="Better")
        event = MessageUpdated(message=edited)
        window = apply(window, event, conversation_id=HERE)

        assert window.messages[seq - 1] == edited
        assert apply(window, event, conversation_id=HERE) is window
    deleted = replace(message(50, rev=200), content="", deleted_at=START)
    window = apply(window, MessageDeleted(message=deleted), conversation_id=HERE)

    assert window.messages[-1] == deleted
    assert seqs(window) == list(range(1, 51))


def test_an_event_of_another_conversation_changes_nothing() -> None:
    window = Window.of(messages(1, 3), has_older=False)
    event = MessageCreated(message=replace(message(4), conversation_id=UUID(int=9)))

    assert apply(window, event, conversation_id=HERE) is window


def test_rows_group_one_author_within_five_minutes() -> None:
    talk = [
        message(1),
        message(2, minutes=4),
        message(3, minutes=10),
        message(4, sender=ME, minutes=11),
        message(5, sender=ME, minutes=12),
    ]

    rows = message_rows(talk, viewer_id=ME, names={FRIEND: "Tomas Okafor"})

    assert [(row["first"], row["last"]) for row in rows] == [
        (True, False),
        (False, True),
        (True, True),
        (True, False),
        (False, True),
    ]
    assert [row["author"] for row in rows] == ["Tomas Okafor"] * 3 + ["You"] * 2
    assert rows[0]["client_id"] == ""


def test_rows_split_in_two_lists_are_the_same_rows() -> None:
    talk = [message(seq, minutes=seq * 2, sender=(ME, FRIEND)[seq % 3 > 1]) for seq in range(40)]
    names = {FRIEND: "Tomas Okafor"}
    whole = message_rows(talk, viewer_id=ME, names=names)

    for cut in (1, 17, 39):
        upper = message_rows(talk[:cut], viewer_id=ME, names=names, below=talk[cut])
        lower = message_rows(talk[cut:], viewer_id=ME, names=names, above=talk[cut - 1])

        assert upper + lower == whole
