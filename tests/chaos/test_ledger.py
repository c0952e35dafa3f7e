"""The judge of a chaos run: every kind of fault is found and named."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos.ledger import Findings, Json, Ledger, Row, Sent, Stored, judge

PHONE, LAPTOP, PEER = "alice/phone", "alice/laptop", "bob/phone"


def message(seq: int) -> Json:
    """Return a message of alice's to bob."""
    return {
        "id": f"id-{seq}",
        "conversation_id": "talk",
        "seq": seq,
        "rev": seq,
        "client_id": f"client-{seq}",
        "sender_id": "alice",
        "content": f"text {seq}",
    }


def row(seq: int) -> Row:
    """Return the same as a row."""
    fields = {name: message(seq)[name] for name in Row._fields[:-2]}
    return Row(**fields, created_at=100.0 + seq)


def good() -> tuple[Ledger, Stored]:
    """Return a run in which everything held: five messages, two devices and a peer's."""
    ledger = Ledger({PHONE: "alice", LAPTOP: "alice", PEER: "bob"}, clock=lambda: 107.5)
    for seq in range(1, 6):
        ledger.send(f"client-{seq}", Sent(PHONE, "bob", f"text {seq}"))
        ledger.answer(f"client-{seq}", message(seq))
        for device in ledger.devices:
            ledger.receive(device, message(seq))
    stored = Stored([row(seq) for seq in range(1, 6)], {"talk": TALKERS}, {"talk": (5, 5)})
    return ledger, stored


TALKERS = frozenset({"alice", "bob"})


def findings(tamper: Callable[[Ledger, Stored], Stored | None]) -> Findings:
    """Judge a good run after somebody tampered with it."""
    ledger, stored = copy.deepcopy(good())
    return judge(ledger, tamper(ledger, stored) or stored)


def test_a_good_run_is_whole() -> None:
    result = judge(*good())

    assert result.is_whole
    assert (result.sent, result.acked, result.stored) == (5, 5, 5)
    assert result.longest_gap_s == pytest.approx(6.5)
    assert {device.delivered for device in result.devices} == {5}


def test_a_run_without_messages_is_not_whole() -> None:
    assert not judge(Ledger({PHONE: "alice"}), Stored([], {}, {})).is_whole


def drop_a_delivery(ledger: Ledger, _: Stored) -> None:
    del ledger.received[LAPTOP][2]


def deliver_twice(ledger: Ledger, _: Stored) -> None:
    ledger.received[PEER].append(ledger.received[PEER][-1])


def deliver_in_another_order(ledger: Ledger, _: Stored) -> None:
    ledger.received[PEER].reverse()


def alter_a_text(ledger: Ledger, _: Stored) -> None:
    ledger.received[PEER][0] = ledger.received[PEER][0]._replace(content="something else")


def deliver_what_is_not_stored(_: Ledger, stored: Stored) -> Stored:
    return replace(stored, rows=stored.rows[:-1], counters={"talk": (4, 4)})


def forget_an_answer(ledger: Ledger, _: Stored) -> None:
    del ledger.answers["client-3"]


def answer_differently(ledger: Ledger, _: Stored) -> None:
    ledger.answer("client-3", {**message(3), "id": "another"})


def answer_another_place(ledger: Ledger, _: Stored) -> None:
    ledger.answers["client-3"] = [("id-3", 4)]


def refuse(ledger: Ledger, _: Stored) -> None:
    ledger.refused.append("invalid")


def store_twice(ledger: Ledger, stored: Stored) -> Stored:
    again = stored.rows[0]._replace(seq=6, rev=6)
    for device in ledger.devices:
        ledger.receive(device, {**message(1), "seq": 6, "rev": 6})
    return replace(stored, rows=[*stored.rows, again], counters={"talk": (6, 6)})


def store_what_nobody_sent(ledger: Ledger, stored: Stored) -> Stored:
    for device in ledger.devices:
        ledger.receive(device, message(6))
    return replace(stored, rows=[*stored.rows, row(6)], counters={"talk": (6, 6)})


def store_in_another_order(ledger: Ledger, _: Stored) -> None:
    ledger.sent = dict(reversed(ledger.sent.items()))


def skip_a_place(_: Ledger, stored: Stored) -> Stored:
    return replace(stored, counters={"talk": (6, 6)})


def count_a_change_that_was_none(_: Ledger, stored: Stored) -> Stored:
    return replace(stored, counters={"talk": (5, 6)})


def notice(seq: int, event: str) -> Row:
    """Return the row that tells that bob was removed or added."""
    about = {"event": event, "actor_id": "alice", "user_ids": ["bob"]}
    return row(seq)._replace(client_id=f"notice-{seq}", content="", notice=about)


def remove_bob_meanwhile(ledger: Ledger, stored: Stored) -> Stored:
    """Remove bob at place 6 and add him at 8; between the two alice writes."""
    rows = [*stored.rows, notice(6, "removed"), row(7), notice(8, "added")]
    ledger.send("client-7", Sent(PHONE, "{'conversation_id': 'talk'}", "text 7"))
    ledger.answer("client-7", message(7))
    for device in ledger.devices:
        for one in rows[5:]:
            ledger.receive(device, dict(zip(Row._fields, one[:6], strict=False)))
    return replace(stored, rows=rows, counters={"talk": (8, 8)})


def refuse_a_member(ledger: Ledger, _: Stored) -> None:
    ledger.send("client-9", Sent(PEER, "{'conversation_id': 'talk'}", "text 9"))
    ledger.refuse_outside("client-9")


def deliver_to_a_former_member(ledger: Ledger, stored: Stored) -> Stored:
    stored = remove_bob_meanwhile(ledger, stored)
    page = ledger.received[PEER]
    page[6] = page[6]._replace(at=75.0)
    return replace(stored, rows=[one._replace(created_at=one.seq * 10.0) for one in stored.rows])


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (refuse_a_member, "refused"),
        (deliver_to_a_former_member, "leaked at a device"),
        (drop_a_delivery, "lost at a device"),
        (deliver_twice, "doubled at a device"),
        (deliver_in_another_order, "out of order at a device"),
        (alter_a_text, "altered at a device"),
        (deliver_what_is_not_stored, "acked and not stored"),
        (forget_an_answer, "without an answer"),
        (answer_differently, "answered differently"),
        (answer_another_place, "acked and not stored"),
        (refuse, "refused"),
        (store_twice, "stored twice"),
        (store_what_nobody_sent, "stored and never sent"),
        (store_in_another_order, "stored in another order than sent"),
        (skip_a_place, "holes in seq"),
        (count_a_change_that_was_none, "holes in seq"),
    ],
)
def test_every_kind_of_tampering_is_found(
    tamper: Callable[[Ledger, Stored], Stored | None], fault: str
) -> None:
    result = findings(tamper)

    assert not result.is_whole
    assert fault in result.faults


def test_somebody_may_be_removed_and_added_again() -> None:
    ledger, stored = good()
    stored = remove_bob_meanwhile(ledger, stored)
    # What he writes meanwhile is refused.
    refuse_a_member(ledger, stored)

    result = judge(ledger, stored)

    assert result.is_whole, result.faults


def test_a_refused_message_may_be_stored_by_a_repeated_post_after_a_return() -> None:
    ledger, stored = good()
    ledger.send("client-9", Sent(PEER, "{'conversation_id': 'talk'}", "text 9"))
    ledger.refuse_outside("client-9")
    stored = remove_bob_meanwhile(ledger, stored)
    ledger.clock = lambda: 110.5
    late = row(10)._replace(client_id="client-9", sender_id="bob", content="text 9")
    ledger.send("client-10", Sent(PEER, "{'conversation_id': 'talk'}", "text 10"))
    before = row(9)._replace(client_id="client-10", sender_id="bob", content="text 10")
    ledger.answer("client-10", message(9))
    for device in ledger.devices:
        for one in (before, late):
            ledger.receive(device, one._asdict())
    stored = replace(stored, rows=[*stored.rows, before, late], counters={"talk": (10, 10)})

    result = judge(ledger, stored)

    assert result.is_whole, result.faults


def test_a_device_waits_for_all_that_is_due() -> None:
    ledger, stored = good()

    assert ledger.has_received(stored.due())
    drop_a_delivery(ledger, stored)
    assert not ledger.has_received(stored.due())
