"""The checker of the simulation: every kind of broken promise is found and named."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from simulation.checker import change_of, check
from simulation.clock import VirtualLoop
from simulation.history import Answer, History, Received, Refusal, Seen, Sent
from simulation.statements import NEW_MEMBER
from simulation.tables import Membership, Row, Tables

ALICE, BOB, EVE = UUID(int=1), UUID(int=2), UUID(int=3)
TALK = UUID(int=10)
PHONE, PEER, STRANGER = "alice/1", "bob/1", "eve/1"
COMMITTED_S, RECEIVED_S = 0.0, 1.0


def row(seq: int, *, rev: int = 0, content: str = "") -> Row:
    """Return a message of alice's to bob."""
    return {
        "id": UUID(int=100 + seq),
        "conversation_id": TALK,
        "seq": seq,
        "rev": rev or seq,
        "client_id": f"client-{seq}",
        "sender_id": ALICE,
        "content": content or f"text {seq}",
        "created_at": datetime(2030, 1, 1, tzinfo=UTC),
        "edited_at": None,
        "deleted_at": None,
    }


def commit(tables: Tables, message: Row) -> None:
    """Store a message by the second node."""
    transaction = tables.begin("node2/1")
    transaction.set_message(message["id"], **message)
    last = tables.conversations.get(TALK, {"last_seq": 0, "last_rev": 0})
    transaction.set_conversation(
        TALK,
        id=TALK,
        direct_key=None,
        last_seq=max(last["last_seq"], message["seq"]),
        last_rev=max(last["last_rev"], message["rev"]),
    )
    for user_id in (ALICE, BOB):
        transaction.set_member(TALK, user_id, **NEW_MEMBER)
    transaction.commit()


def remove(tables: Tables, user_id: UUID) -> None:
    """Remove a member, which takes the next numbers as a notice."""
    transaction = tables.begin("node2/1")
    transaction.remove_member(TALK, user_id, "removed")
    last = tables.conversations[TALK]
    notice = row(last["last_seq"] + 1, rev=last["last_rev"] + 1) | {"kind": "notice"}
    transaction.set_message(notice["id"], **notice)
    numbers = {"last_seq": notice["seq"], "last_rev": notice["rev"]}
    transaction.set_conversation(TALK, **numbers)
    transaction.commit()


def see(history: History, *, is_removed: bool) -> None:
    """Let the peer receive the conversation, or its removal."""
    place = len(history.received)
    history.seen.append(Seen(RECEIVED_S, PEER, 1, "live", TALK, is_removed, place))


def received(device: str, message: Row) -> Received:
    """Return that a device of the first node received a message live."""
    return Received(RECEIVED_S, device, 1, "node1/1", "live", change_of(message))


def good() -> tuple[History, Tables]:
    """Return a run in which everything held: three messages of alice's, one device each."""
    loop = VirtualLoop()
    tables = Tables(loop, "postgresql", {ALICE: "alice", BOB: "bob", EVE: "eve"})
    loop.close()
    history = History(owners={PHONE: ALICE, PEER: BOB, STRANGER: EVE})
    for seq in (1, 2, 3):
        message = row(seq)
        commit(tables, message)
        client_id = message["client_id"]
        history.sent[client_id] = Sent(0, PHONE, ALICE, message["content"], TALK, None)
        history.answers.append(Answer(RECEIVED_S, PHONE, client_id, change_of(message)))
        history.received += [received(PHONE, message), received(PEER, message)]
    return history, tables


Tamper = Callable[[History, Tables], object]


def _lose(history: History, _tables: Tables) -> None:
    history.received.pop()


def _lose_an_edit(_history: History, tables: Tables) -> None:
    commit(tables, row(2, rev=4, content="edited"))


def _answer_too_early(history: History, _tables: Tables) -> None:
    history.answers[0] = history.answers[0]._replace(at=COMMITTED_S - 1)


def _answer_what_is_not_stored(history: History, _tables: Tables) -> None:
    change = history.answers[0].change._replace(rev=9)
    history.answers[0] = history.answers[0]._replace(change=change)


def _answer_a_retry_differently(history: History, _tables: Tables) -> None:
    history.answers.append(history.answers[1]._replace(client_id="client-1"))


def _answer_with_another_message(history: History, _tables: Tables) -> None:
    first, second = history.answers[:2]
    history.answers[:2] = [
        first._replace(change=second.change),
        second._replace(change=first.change),
    ]


def _leave_without_an_answer(history: History, _tables: Tables) -> None:
    history.answers.pop()


def _refuse(history: History, _tables: Tables) -> None:
    history.answers.pop()
    history.refusals.append(Refusal(1, PHONE, "client-3", "conflict", is_retryable=False))


def _fail(history: History, _tables: Tables) -> None:
    history.refusals.append(Refusal(1, PHONE, "client-3", "internal_error", is_retryable=True))


def _receive_too_early(history: History, _tables: Tables) -> None:
    history.received[0] = history.received[0]._replace(at=COMMITTED_S - 1)


def _receive_what_is_not_stored(history: History, _tables: Tables) -> None:
    history.received.append(received(PEER, row(9)))


def _receive_another_text(history: History, _tables: Tables) -> None:
    history.received.append(received(PEER, row(1, content="altered")))


def _receive_as_a_stranger(history: History, _tables: Tables) -> None:
    history.received.append(received(STRANGER, row(1)))


def _receive_after_leaving(history: History, tables: Tables) -> None:
    remove(tables, BOB)
    history.received += [received(PHONE, row(4)), received(PEER, row(4))]


def _receive_after_the_removal(history: History, _tables: Tables) -> None:
    see(history, is_removed=True)
    history.received.append(received(PEER, row(1)))


def _receive_what_was_before(_history: History, tables: Tables) -> None:
    tables.memberships[TALK, BOB] = [Membership(COMMITTED_S, 3, since_seq=3)]


def _keep_what_was_left(history: History, tables: Tables) -> None:
    remove(tables, BOB)
    history.received.append(received(PHONE, row(4) | {"kind": "notice"}))
    history.kept[PEER] = {TALK}


def _lose_what_was_dropped(history: History, _tables: Tables) -> None:
    see(history, is_removed=True)
    see(history, is_removed=False)


def _write_after_leaving(_history: History, tables: Tables) -> None:
    times = tables.memberships[TALK, ALICE]
    times[-1] = times[-1]._replace(end_rev=3)


def _receive_twice(history: History, _tables: Tables) -> None:
    history.received.append(history.received[-1])


def _receive_out_of_order(history: History, _tables: Tables) -> None:
    history.received.reverse()


def _store_twice(_history: History, tables: Tables) -> None:
    commit(tables, row(4) | {"client_id": "client-1"})


def _store_what_nobody_sent(history: History, tables: Tables) -> None:
    commit(tables, row(4))
    history.received += [received(PHONE, row(4)), received(PEER, row(4))]


def _leave_a_hole(_history: History, tables: Tables) -> None:
    commit(tables, row(5, rev=4))


def _give_a_number_twice(_history: History, tables: Tables) -> None:
    commit(tables, row(4, rev=3))


def _log_an_error(history: History, _tables: Tables) -> None:
    history.trouble.append("the chat logs an error")


@pytest.mark.parametrize(
    ("tamper", "kind"),
    [
        (_lose, "lost"),
        (_lose_an_edit, "lost"),
        (_answer_too_early, "answered before the commit"),
        (_answer_what_is_not_stored, "answered and not stored"),
        (_answer_a_retry_differently, "answered differently"),
        (_answer_with_another_message, "answered wrongly"),
        (_leave_without_an_answer, "without an answer"),
        (_refuse, "refused"),
        (_fail, "failed"),
        (_receive_too_early, "received before the commit"),
        (_receive_what_is_not_stored, "received and not stored"),
        (_receive_another_text, "received and not stored"),
        (_receive_as_a_stranger, "received by a stranger"),
        (_receive_after_leaving, "received by a stranger"),
        (_receive_after_the_removal, "received after the removal"),
        (_receive_what_was_before, "received by a stranger"),
        (_keep_what_was_left, "kept"),
        (_lose_what_was_dropped, "lost"),
        (_write_after_leaving, "written by a stranger"),
        (_receive_twice, "doubled"),
        (_receive_out_of_order, "out of order"),
        (_store_twice, "stored twice"),
        (_store_what_nobody_sent, "never sent"),
        (_leave_a_hole, "hole in numbers"),
        (_give_a_number_twice, "number given twice"),
        (_log_an_error, "trouble"),
    ],
)
def test_a_broken_promise_is_found(tamper: Tamper, kind: str) -> None:
    history, tables = good()

    tamper(history, tables)

    assert kind in {one.kind for one in check(history, tables)}


def test_a_run_in_which_everything_held_breaks_nothing() -> None:
    assert check(*good()) == []


def test_who_left_needs_nothing_more() -> None:
    history, tables = good()
    remove(tables, BOB)
    see(history, is_removed=True)
    history.received.append(received(PHONE, row(4)))

    assert check(history, tables) == []


def test_a_message_that_somebody_sent_after_leaving_may_be_refused() -> None:
    history, tables = good()
    remove(tables, ALICE)
    history.received.append(received(PEER, row(4)))
    history.sent["client-9"] = Sent(0, PHONE, ALICE, "too late", TALK, None)
    history.refusals.append(Refusal(1, PHONE, "client-9", "not_found", is_retryable=False))

    assert check(history, tables) == []


def test_messages_of_the_own_node_may_come_in_another_order() -> None:
    """They come from memory, or from the log after the answer of their commit was lost."""
    history, tables = good()
    history.received = [one._replace(process="node2/1") for one in reversed(history.received)]

    assert check(history, tables) == []


def test_two_changes_of_a_message_in_one_transaction_leave_the_later() -> None:
    history, tables = good()
    edited, edited_again = row(2, rev=4, content="edited"), row(2, rev=5, content="again")
    commit(tables, edited_again)
    for device in (PHONE, PEER):
        history.received += [received(device, edited), received(device, edited_again)]

    assert check(history, tables) == []
