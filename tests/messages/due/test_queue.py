"""The due queue: an item at its time, without a look in between."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from chat_app.core.clock import utc_now
from chat_app.messages.due.queries import list_scheduled
from chat_app.messages.schemas import ScheduleRequest
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_still_node


async def test_an_item_is_carried_out_at_its_time_and_not_at_the_next_look(
    storage: Storage,
) -> None:
    async with open_still_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        for seconds in (3_600, 1):
            request = {
                "content": "Later",
                "client_id": uuid4().hex,
                "send_at": str(utc_now() + timedelta(seconds=seconds)),
                "receiver_id": str(bob),
            }
            await node.due_items.schedule(
                actor_id=alice, data=ScheduleRequest.model_validate(request)
            )

        async with asyncio.timeout(PATIENCE_S):
            while len((await list_scheduled(node.database, viewer_id=alice)).items) != 1:
                await asyncio.sleep(0.02)
