"""Rows of messages: what a page gets of replies, reactions, pins and forwarded messages."""

import json
from uuid import uuid4

from msgspec.structs import replace

from chat_app.realtime.events import MessageReacted
from chat_app.realtime.shapes import Quote, Reaction
from chat_app.ui.messages.rows import (
    MAX_REACTED,
    message_patch,
    message_row,
    reacted_in,
    reaction_patch,
)
from tests.harness.messages import NOW, message, person

ME, TOMAS = uuid4(), person("Tomas", uuid4())

QUOTE = Quote(id=uuid4(), seq=1, sender=person("Mira", ME), excerpt="Bread?", deleted=False)


def test_a_row_has_what_its_message_replies_to_and_who_wrote_it_first() -> None:
    reply = message(TOMAS, reply_to=QUOTE, forwarded_from=person("Sofia", uuid4()))
    row = message_row(reply, viewer_id=ME)

    assert row["quote"] is not None
    assert (row["quote"]["name"], row["quote"]["excerpt"]) == ("Mira", "Bread?")
    assert row["forwarded"] == "Sofia"
    assert message_row(message(TOMAS), viewer_id=ME)["quote"] is None


def test_a_deleted_message_shows_nothing_of_what_it_was() -> None:
    reacted = (Reaction(emoji="👍", count=1, user_ids=(ME,)),)
    gone = message(
        TOMAS, deleted_at=NOW, reply_to=QUOTE, forwarded_from=person("Sofia", ME), reactions=reacted
    )
    row = message_row(gone, viewer_id=ME)

    assert (row["quote"], row["reactions"], row["forwarded"]) == (None, [], "")


def test_a_row_names_the_first_who_have_reacted() -> None:
    people = tuple(uuid4() for _ in range(MAX_REACTED + 5))
    popular = message(
        TOMAS, reactions=(Reaction(emoji="👍", count=30, user_ids=people, mine=True),)
    )
    (reaction,) = message_row(popular, viewer_id=ME)["reactions"]

    assert (reaction["count"], reaction["mine"]) == (30, True)
    assert reaction["ids"] == [str(one) for one in people[:MAX_REACTED]]
    assert reacted_in([popular]) == set(people[:MAX_REACTED])


def test_the_patch_of_a_changed_message_has_its_new_excerpt() -> None:
    edited = message(TOMAS, content="x" * 500, edited_at=NOW)
    patch = json.loads(message_patch(edited, is_own=False))
    assert patch["about"]["quoted"] == {
        "id": str(edited.id),
        "excerpt": "x" * 140,
        "deleted": False,
    }
    new = json.loads(message_patch(edited, is_own=False, is_new=True))
    assert new["about"] == {"changed": edited.rev}
    gone = json.loads(message_patch(replace(edited, deleted_at=NOW), is_own=False))
    assert gone["about"]["quoted"] == {"id": str(edited.id), "excerpt": "", "deleted": True}


def test_the_patch_of_a_reaction_knows_whose_it_is() -> None:
    event = MessageReacted(
        conversation_id=uuid4(),
        message_id=uuid4(),
        seq=1,
        rev=9,
        emoji="👍",
        user_id=ME,
        added=True,
        count=2,
    )
    patch = json.loads(reaction_patch(event, is_own=True))

    assert "put" not in patch
    assert patch["about"]["changed"] == event.rev
    assert patch["about"]["reacted"]["own"] is True
    assert json.loads(reaction_patch(event, is_own=False))["about"]["reacted"]["own"] is False
