"""Rows of groups in the list of conversations: previews, notices and what rings."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from chat_app.realtime.events import MessageCreated
from chat_app.realtime.shapes import Conversation, Membership, Message, Notice, Person
from chat_app.ui.conversations import updates
from chat_app.ui.conversations.rows import conversation_row, notice_text
from tests.harness.texts import in_english

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ME = uuid4()


@dataclass(frozen=True)
class Sender:
    name: str = "Ann"
    id: UUID = field(default_factory=uuid4)

    def person(self) -> Person:
        return Person(id=self.id, username="ann", display_name=self.name)


def message(sender: Sender, content: str = "hello", **fields: Any) -> Message:  # noqa: ANN401  # fields of any type
    return Message(
        id=uuid4(),
        conversation_id=uuid4(),
        seq=3,
        rev=3,
        client_id="x",
        sender_id=sender.id,
        receiver_id=None,
        content=content,
        created_at=NOW,
        sender=sender.person(),
        **fields,
    )


def group(last: Message, **part: Any) -> Conversation:  # noqa: ANN401  # the same
    me = Membership(role="member", muted_until=None, favourite=False, archived=False, since_seq=0)
    return Conversation(
        id=last.conversation_id,
        kind="group",
        title="Choir",
        members=[],
        last_message=last,
        last_seq=last.seq,
        last_rev=last.rev,
        last_read_seq=2,
        unread=1,
        receipts=[],
        updated_at=NOW,
        description="",
        visibility="private",
        history="all",
        posting="everyone",
        members_count=3,
        unread_mentions=0,
        me=replace(me, **part),
    )


def preview(last: Message) -> str:
    row = conversation_row(group(last), viewer_id=ME)
    return in_english(row["preview"]) + row["excerpt"]


def test_a_preview_names_the_sender_without_turning_the_text() -> None:
    assert preview(message(Sender())) == "Ann: hello"
    assert preview(message(Sender("Me", ME))) == "You: hello"
    assert preview(message(Sender("يوسف"))) == "\u2068يوسف\u2069: hello"


def test_the_excerpt_is_the_beginning_of_a_text_with_its_lines_and_marks() -> None:
    rows = {
        text: conversation_row(group(message(Sender(), text)), viewer_id=ME)["excerpt"]
        for text in ("**a**\n\n-   b\tc\n", "x " * 300)
    }

    assert rows["**a**\n\n-   b\tc\n"] == "**a**\n- b c"
    assert rows["x " * 300] == ("x " * 60).rstrip() + "…"


def test_a_group_named_by_an_emoji_has_it_as_its_picture() -> None:
    one = replace(group(message(Sender())), title="🎉")
    assert conversation_row(one, viewer_id=ME)["letters"] == "🎉"


def test_a_notice_is_a_sentence_of_its_actor() -> None:
    for sender, who in ((Sender(), "Ann"), (Sender("Me", ME), "You")):
        notice = Notice(event="added", actor_id=sender.id, user_ids=(uuid4(), uuid4()))
        shown = preview(message(sender, "", kind="notice", notice=notice))
        assert shown == f"{who} added 2 people"
    people = tuple(uuid4() for _ in range(5))
    added = Notice(event="added", actor_id=ME, user_ids=people)
    text = notice_text(added, Sender().person(), names=["Bob", "Cy", "Dee"])
    assert in_english(text) == "Ann added Bob, Cy, Dee and 2 more"
    renamed = Notice(event="renamed", actor_id=ME, title="Lake")
    assert in_english(notice_text(renamed, Sender().person())) == "Ann named the group “Lake”"


@pytest.mark.parametrize(
    ("last", "part", "rings"),
    [
        (message(Sender()), {}, True),
        (message(Sender("Me", ME)), {}, False),
        (message(Sender()), {"muted_until": "forever"}, False),
        (message(Sender(), mentions=(ME,)), {"muted_until": "forever"}, True),
        (message(Sender(), mentions_all=True), {"muted_until": "forever"}, False),
        (message(Sender(), mentions_all=True), {"muted_until": "2020-01-01T00:00:00Z"}, True),
        (
            message(Sender(), "", kind="notice", notice=Notice(event="joined", actor_id=uuid4())),
            {},
            False,
        ),
    ],
)
def test_others_messages_ring_unless_the_group_is_muted(
    last: Message,
    part: dict[str, Any],
    rings: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    assert conversation_row(group(last, **part), viewer_id=ME)["rings"] is rings


def test_a_muted_group_counts_mentions_by_name_only() -> None:
    before = message(Sender())
    cases: list[tuple[str | None, dict[str, Any], int]] = [
        (None, {"mentions_all": True}, 1),
        ("forever", {"mentions_all": True}, 0),
        ("forever", {"mentions_all": True, "mentions": (ME,)}, 1),
        ("forever", {"mentions": (ME,)}, 1),
    ]
    for muted_until, fields, expected in cases:
        listed = group(before, muted_until=muted_until)
        new = message(Sender(), **fields)
        new = replace(new, conversation_id=listed.id, seq=4, rev=4)
        after = updates.apply(listed, MessageCreated(message=new), viewer_id=ME)
        assert after.unread_mentions == expected, (muted_until, fields)
