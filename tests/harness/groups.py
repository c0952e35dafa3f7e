"""Groups for tests that are about something else, made as earlier versions made them."""

from collections.abc import Sequence
from uuid import UUID

from chat_app.change_log.store import ChangedView, view_changed
from chat_app.change_log.unit_of_work import unit_of_work
from chat_app.conversations.store import NewConversation, add_conversation
from chat_app.node.node import Node


async def add_group(node: Node, *, actor_id: UUID, title: str, member_ids: Sequence[UUID]) -> UUID:
    """Add a group of any size without a notice, so that its first message is `seq` 1."""
    all_ids = list(dict.fromkeys([actor_id, *member_ids]))
    async with unit_of_work(node.database, node.broker) as uow:
        new = NewConversation("group", actor_id, all_ids, opened_by=all_ids, title=title)
        connection = await uow.session.connection()
        group_id = await connection.run_sync(add_conversation, new)
        uow.add(view_changed(ChangedView(group_id, all_ids, is_new_group=True)))
    return group_id
