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
    fields = {name: message(seq)[name] for name in Row._fields[:-1]}
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


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
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


def test_a_device_waits_for_all_that_is_due() -> None:
    ledger, stored = good()

    assert ledger.has_received(stored.due())
    drop_a_delivery(ledger, stored)
    assert not ledger.has_received(stored.due())
