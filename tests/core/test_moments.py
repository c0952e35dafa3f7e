"""A node whose clock is off by an hour is no stranger to the others' rows."""

from datetime import timedelta

import pytest

from chat_app.conversations.queries import recent_revs
from chat_app.core import moments
from chat_app.core.clock import utc_now
from tests.conftest import Storage
from tests.nodes import new_user, open_node, to_user


@pytest.mark.parametrize("pair", ["postgres+redis"])
@pytest.mark.parametrize("hours", [-1, 1])
async def test_what_moved_lately_is_told_by_the_clock_of_the_database(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        sent = await node.messages.send(to_user(alice, bob))
        monkeypatch.setattr(moments, "utc_now", lambda: utc_now() + timedelta(hours=hours))

        async with node.database.reading() as session:
            revs = await recent_revs(session, viewer_id=bob, since=timedelta(minutes=5))
            old = await recent_revs(session, viewer_id=bob, since=timedelta(0))

    assert revs == {sent.message.conversation_id: sent.message.rev}
    assert old == {}
