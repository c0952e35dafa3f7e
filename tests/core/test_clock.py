"""Clock: past moments by the clock of the database, however wrong the node's own."""

from datetime import timedelta

import pytest

from chat_app.conversations import membership_loader
from chat_app.core import clock
from chat_app.core.clock import utc_now
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_user


@pytest.mark.parametrize("pair", ["postgres+redis"])
@pytest.mark.parametrize("hours", [-1, 1])
async def test_recent_conversations_are_found_by_the_clock_of_the_database(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        sent = await node.messages.send(to_user(alice, bob))
        monkeypatch.setattr(clock, "utc_now", lambda: utc_now() + timedelta(hours=hours))

        revs = await node.conversations.recent_revs(bob)
        monkeypatch.setattr(membership_loader, "ACTIVE", timedelta(0))
        old = await node.conversations.recent_revs(bob)

    assert revs == {sent.message.conversation_id: sent.message.rev}
    assert old is None
