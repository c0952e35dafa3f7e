"""Checker: compare what every device sent and received with what is stored."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from simulation.history import Change, History, Received, Seen, Sent
from simulation.tables import Row, Tables, Version

Versions = dict[tuple[UUID, int], Version]


class Violation(NamedTuple):
    """A promise that a run broke."""

    kind: str
    text: str


def check(history: History, tables: Tables) -> list[Violation]:
    """Return the promises that were broken."""
    return [
        *(Violation("trouble", one) for one in history.trouble),
        *_check_storage(history, tables),
        *_check_writers(tables),
        *_check_numbers(tables),
        *_check_answers(history, tables),
        *_check_refusals(history, tables),
        *_check_received(history, tables),
        *_check_removals(history),
        *_check_kept(history, tables),
        *_check_complete(history, tables),
        *_check_order(history, tables.versions),
    ]


def _check_storage(history: History, tables: Tables) -> Iterator[Violation]:
    """Every stored message was sent, and is stored once."""
    stored: Counter[tuple[UUID, str]] = Counter()
    for row in tables.messages.values():
        stored[row["sender_id"], row["client_id"]] += 1
        if is_notice(row):
            continue
        sent = history.sent.get(row["client_id"])
        if sent is None or sent.sender_id != row["sender_id"]:
            yield Violation("never sent", f"{row['client_id']} is stored")
    for (_, client_id), count in stored.items():
        if count > 1:
            yield Violation("stored twice", f"{client_id} is stored {count} times")


def _check_writers(tables: Tables) -> Iterator[Violation]:
    """Who writes or edits is in the conversation then."""
    for (conversation_id, rev), version in tables.versions.items():
        row = version.message
        if not is_notice(row) and not any(
            one.first_rev <= rev < one.end_rev
            for one in tables.memberships[conversation_id, row["sender_id"]]
        ):
            yield Violation("written by a stranger", show(change_of(row)))


def _check_numbers(tables: Tables) -> Iterator[Violation]:
    """Each number of a conversation is given once, and none is left out."""
    seqs: defaultdict[UUID, list[int]] = defaultdict(list)
    revs: defaultdict[UUID, list[int]] = defaultdict(list)
    for row in tables.messages.values():
        seqs[row["conversation_id"]].append(row["seq"])
    for conversation_id, rev in (*tables.versions, *tables.replaced):
        revs[conversation_id].append(rev)
    for conversation_id, rev in tables.clashes:
        yield Violation("number given twice", f"rev {rev} of {short(conversation_id)}")
    for identifier, row in tables.conversations.items():
        for name, numbers in (("seq", seqs[identifier]), ("rev", revs[identifier])):
            last = row[f"last_{name}"]
            if sorted(numbers) != list(range(1, last + 1)):
                text = f"{name} of {short(identifier)}: {sorted(numbers)} of {last}"
                yield Violation("hole in numbers", text)


def _check_answers(history: History, tables: Tables) -> Iterator[Violation]:
    """Check that an answer comes after the commit, and that each retry gets the same."""
    given: dict[str, Change] = {}
    for answer in history.answers:
        change = answer.change
        committed_at = _committed_at(change, tables)
        text = f"{answer.device} got {answer.client_id} {show(change)} at {answer.at:.3f} s"
        if committed_at is None:
            yield Violation("answered and not stored", text)
        elif committed_at > answer.at:
            yield Violation("answered before the commit", text)
        if not answer.client_id:
            continue
        first = given.setdefault(answer.client_id, change)
        if (first.message_id, first.seq) != (change.message_id, change.seq):
            yield Violation("answered differently", f"{text}, and before {show(first)}")
        sent = history.sent.get(answer.client_id)
        sender = None if sent is None else sent.sender_id
        if (change.client_id, change.sender_id) != (answer.client_id, sender):
            yield Violation("answered wrongly", text)


def _check_refusals(history: History, tables: Tables) -> Iterator[Violation]:
    """Each send has an answer: the chat stores all that these people write, sooner or later.

    But for what they write to a group that they have left.
    """
    answered = {one.client_id for one in history.answers}
    refused = set()
    for one in history.refusals:
        if one.code == "internal_error":
            yield Violation("failed", f"{one.client_id} at {one.at:.3f} s")
        elif not one.is_retryable:
            refused.add(one.client_id)
            if one.code == "not_found" and _was_absent(history.sent[one.client_id], one.at, tables):
                continue
            yield Violation("refused", f"{one.client_id}: {one.code}")
    for client_id in sorted(history.sent.keys() - answered - refused):
        yield Violation("without an answer", client_id)


def _check_received(history: History, tables: Tables) -> Iterator[Violation]:
    """Check that every received message is stored, as it is, and for its user."""
    for received in history.received:
        change = received.change
        committed_at = _committed_at(change, tables)
        if committed_at is None:
            yield Violation("received and not stored", show_received(received))
        elif committed_at > received.at:
            yield Violation("received before the commit", show_received(received))
        if not _may_have(received, history.owners[received.device], tables):
            yield Violation("received by a stranger", show_received(received))


def _check_removals(history: History) -> Iterator[Violation]:
    """After its removal, a connection carries nothing of a conversation until a new view of it."""
    removed: dict[tuple[str, int, UUID], Seen] = {}
    seen = deque(history.seen)
    for place, received in enumerate(history.received):
        while seen and seen[0].place <= place:
            one = seen.popleft()
            key = one.device, one.connection, one.conversation_id
            if one.is_removed:
                removed[key] = one
            else:
                removed.pop(key, None)
        key = received.device, received.connection, received.change.conversation_id
        if key in removed and received.how in {"live", "replay"}:
            yield Violation("received after the removal", show_received(received))


def _check_kept(history: History, tables: Tables) -> Iterator[Violation]:
    """No device keeps a conversation that its user is in no more."""
    for device, kept in history.kept.items():
        for identifier in sorted(kept):
            if history.owners[device] not in tables.members[identifier]:
                yield Violation("kept", f"{device} has {short(identifier)}")


def _check_complete(history: History, tables: Tables) -> Iterator[Violation]:
    """Every device has the last state of every message that its user may read.

    What it received before a removal it has dropped.
    """
    seen: defaultdict[str, dict[UUID, int]] = defaultdict(dict)
    dropped = _dropped(history)
    for place, received in enumerate(history.received):
        of_device, change = seen[received.device], received.change
        if place < dropped.get((received.device, change.conversation_id), 0):
            continue
        before = of_device.get(change.message_id, 0)
        of_device[change.message_id] = max(before, change.rev)
    for row in tables.messages.values():
        for device, user_id in history.owners.items():
            member = tables.members[row["conversation_id"]].get(user_id)
            if member is None or row["seq"] < member["since_seq"]:
                continue
            rev = seen[device].get(row["id"], 0)
            if rev < row["rev"]:
                text = f"{device} has rev {rev} of {row['client_id']}, which is at {row['rev']}"
                yield Violation("lost", text)


def _check_order(history: History, versions: Versions) -> Iterator[Violation]:
    """Check that the messages of other nodes arrive on a connection once, in order of `rev`.

    What its own node has stored may come earlier or later, from memory or after a lost answer.
    """
    last: dict[tuple[str, int, UUID], Change] = {}
    for received in history.received:
        change = received.change
        version = versions.get((change.conversation_id, change.rev))
        if received.how != "live" or version is None or version.process == received.process:
            continue
        key = received.device, received.connection, change.conversation_id
        before = last.get(key)
        last[key] = change
        if before is None or before.rev < change.rev:
            continue
        kind = "doubled" if before.rev == change.rev else "out of order"
        yield Violation(kind, f"{show_received(received)} after {show(before)}")


def _may_have(received: Received, user_id: UUID, tables: Tables) -> bool:
    """Return whether somebody may have received a change.

    A message that the node has stored itself may overtake a removal that it has not read yet.
    """
    change = received.change
    version = tables.versions.get((change.conversation_id, change.rev))
    is_own = received.how == "live" and (version is None or version.process == received.process)
    return any(
        one.joined_at <= received.at
        and change.seq >= one.since_seq
        and (change.rev < one.end_rev or is_own)
        for one in tables.memberships[change.conversation_id, user_id]
    )


def _was_absent(sent: Sent, until: float, tables: Tables) -> bool:
    """Return whether the sender was not in a group at some time before a refusal."""
    if sent.conversation_id is None:
        return False
    at = sent.at
    for one in tables.memberships[sent.conversation_id, sent.sender_id]:
        if one.joined_at <= at:
            at = max(at, one.left_at)
    return at <= until


def _dropped(history: History) -> dict[tuple[str, UUID], int]:
    """Return the place of the last removal of each conversation at each device."""
    return {(one.device, one.conversation_id): one.place for one in history.seen if one.is_removed}


def is_notice(row: Row) -> bool:
    """Return whether a message is a notice, which the chat writes itself."""
    return bool(row.get("kind") == "notice")


def _committed_at(change: Change, tables: Tables) -> float | None:
    """Return when a change was committed, None for one that never was."""
    key = change.conversation_id, change.rev
    version = tables.versions.get(key)
    if version is not None:
        return version.at if change == change_of(version.message) else None
    # Of two changes of a message in one transaction only the later is stored.
    row = tables.messages.get(change.message_id)
    is_older = row is not None and row["rev"] > change.rev
    return tables.replaced.get(key) if is_older else None


def change_of(row: Row) -> Change:
    """Return a row as a device would receive it."""
    return Change(
        row["id"],
        row["conversation_id"],
        row["seq"],
        row["rev"],
        row["client_id"],
        row["sender_id"],
        row["content"],
        row["deleted_at"] is not None,
    )


def short(identifier: UUID) -> str:
    """Return the last digits of an id."""
    return f"…{identifier.hex[-4:]}"


def show(change: Change) -> str:
    """Return a change in words."""
    what = "deletion" if change.is_deleted else repr(change.content)
    return f"{what} ({change.client_id}, rev {change.rev} of {short(change.conversation_id)})"


def show_received(received: Received) -> str:
    """Return what a device received in words."""
    return (
        f"{received.device} at {received.at:.3f} s on connection {received.connection} "
        f"({received.how}): {show(received.change)}"
    )
