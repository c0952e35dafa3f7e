"""Changes of a group at one moment, and what is left of a deleted one."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.groups.errors import CannotJoin, MemberNotFound
from chat_app.conversations.groups.queries import list_members
from chat_app.conversations.groups.schemas import GroupRequest
from chat_app.conversations.invites.errors import InviteNotFound
from chat_app.conversations.invites.schemas import InviteRequest
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.schemas import Conversation
from chat_app.core.database import Database
from chat_app.core.errors import RateLimited
from chat_app.core.maintenance import Maintenance
from chat_app.models import Conversation as ConversationRow
from chat_app.models import Mention, Message
from chat_app.node.node import Node
from chat_app.node.parts import JOBS
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_conversation

ROUNDS = 10


async def group_of(node: Node, owner: UUID, *others: UUID, **fields: str) -> Conversation:
    data = {"kind": "group", "title": "Group", "member_ids": list(map(str, others)), **fields}
    return await node.groups.create(actor_id=owner, data=GroupRequest.model_validate(data))


async def seen(node: Node, viewer_id: UUID, group: Conversation) -> Conversation:
    async with node.database.reading() as session:
        return await get_conversation(
            session, viewer_id=viewer_id, conversation_id=group.id, online=node.online
        )


async def test_nothing_is_sent_by_a_member_after_the_notice_of_the_removal(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        owner, member = await new_user(node), await new_user(node)
        for _ in range(ROUNDS):
            group = await group_of(node, owner, member)
            sends = [
                asyncio.ensure_future(node.messages.send(to_conversation(member, group.id)))
                for _ in range(20)
            ]
            removal = node.groups.remove_member(
                actor_id=owner, conversation_id=group.id, user_id=member
            )
            await asyncio.gather(removal, *sends, return_exceptions=True)
            async with node.database.reading() as session:
                rows = await session.scalars(
                    select(Message)
                    .where(col(Message.conversation_id) == group.id)
                    .order_by(col(Message.seq))
                )
                messages = list(rows)

            [removed] = [one for one in messages if '"removed"' in (one.notice or "")]
            sent = [one for one in messages if one.sender_id == member]
            assert all(one.seq < removed.seq for one in sent)
            assert [one.seq for one in messages] == list(range(1, len(messages) + 1))
            refused = [one for one in sends if one.exception() is not None]
            assert len(sent) + len(refused) == len(sends)


@pytest.mark.parametrize("text", ["", "s", "some"])
async def test_a_viewer_removed_in_the_middle_of_a_query_sees_no_members(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    async with open_node(storage) as node:
        owner, member = await new_user(node), await new_user(node)
        group = await group_of(node, owner, member)
        fetch_all = Database.fetch_all
        removed: list[bool] = []

        async def fetch_and_remove(database: Database, *args: Any) -> Any:  # noqa: ANN401  # of the statement
            rows = await fetch_all(database, *args)
            if asyncio.current_task() is reader and not removed:
                removed.append(True)
                await node.groups.remove_member(
                    actor_id=owner, conversation_id=group.id, user_id=member
                )
            return rows

        reader = asyncio.current_task()
        monkeypatch.setattr(Database, "fetch_all", fetch_and_remove)
        load = partial(
            list_members,
            node.database,
            viewer_id=member,
            conversation_id=group.id,
            online=node.online,
            text=text,
        )

        page = await load()

        assert removed
        assert page.items == []
        with pytest.raises(ConversationNotFound):
            await load()


async def test_leaving_on_two_devices_is_leaving_once(storage: Storage) -> None:
    async with open_node(storage) as node:
        owner, member = await new_user(node), await new_user(node)
        for _ in range(ROUNDS):
            group = await group_of(node, owner, member)
            leave = [
                node.groups.remove_member(actor_id=member, conversation_id=group.id, user_id=member)
                for _ in range(2)
            ]
            outcomes = await asyncio.gather(*leave, return_exceptions=True)

            [refused] = [one for one in outcomes if one is not None]
            assert isinstance(refused, ConversationNotFound | MemberNotFound)
            assert (await seen(node, owner, group)).members_count == 1


async def test_a_link_that_is_withdrawn_admits_whole_members_or_nobody(storage: Storage) -> None:
    async with open_node(storage) as node:
        owner, guest = await new_user(node), await new_user(node)
        for _ in range(ROUNDS):
            group = await group_of(node, owner)
            made = await node.invitations.create(
                actor_id=owner, conversation_id=group.id, data=InviteRequest()
            )
            accepted, withdrawn = await asyncio.gather(
                node.invitations.accept(actor_id=guest, token=made.token),
                node.invitations.withdraw(actor_id=owner, invite_id=made.id),
                return_exceptions=True,
            )

            assert withdrawn is None
            count = (await seen(node, owner, group)).members_count
            assert count == (1 if isinstance(accepted, InviteNotFound) else 2), accepted


async def test_members_added_twice_at_once_are_in_once(storage: Storage) -> None:
    async with open_node(storage) as node:
        owner, *others = [await new_user(node) for _ in range(5)]
        group = await group_of(node, owner)
        await asyncio.gather(
            *(
                node.groups.add_members(actor_id=owner, conversation_id=group.id, user_ids=others)
                for _ in range(5)
            )
        )
        view = await seen(node, owner, group)

    assert view.members_count == 5
    assert view.last_seq == 2


async def test_a_deleted_group_is_removed_with_its_messages(storage: Storage) -> None:
    async with open_node(storage) as node:
        owner, member = await new_user(node), await new_user(node)
        group, other = await group_of(node, owner, member), await group_of(node, owner, member)
        for number in range(30):
            await node.messages.send(to_conversation(owner, group.id, f"@all {number}"))
        await node.groups.delete(actor_id=owner, conversation_id=group.id)
        removed = await Maintenance(node.database, JOBS).remove_expired()
        async with node.database.reading() as session:
            left = [
                await session.scalar(
                    select(func.count()).where(column == group.id)  # a column of each table
                )
                for column in (
                    col(Message.conversation_id),
                    col(Mention.conversation_id),
                    col(ConversationRow.id),
                )
            ]

        assert removed["groups"] > 30
        assert left == [0, 0, 0]
        assert (await seen(node, owner, other)).members_count == 2


async def test_changes_of_groups_are_limited(storage: Storage) -> None:
    limits = {"CHAT_LIMITS": "on", "CHAT_LIMIT_GROUP_CHANGE_BURST": "3"}
    slow = {"CHAT_LIMIT_GROUP_CHANGES_PER_SECOND": "0.001"}
    async with open_node(storage, **limits, **slow) as node:
        owner, guest = await new_user(node), await new_user(node)
        group = await group_of(node, owner, visibility="open")
        for number in range(3):
            change = node.groups.join if number % 2 == 0 else node.groups.remove_member
            more = {} if number % 2 == 0 else {"user_id": guest}
            await change(actor_id=guest, conversation_id=group.id, **more)
        with pytest.raises(RateLimited):
            await node.groups.remove_member(actor_id=guest, conversation_id=group.id, user_id=guest)


async def test_somebody_blocked_meanwhile_cannot_come_back(storage: Storage) -> None:
    async with open_node(storage) as node:
        owner, guest = await new_user(node), await new_user(node)
        group = await group_of(node, owner, visibility="open")
        await node.groups.join(actor_id=guest, conversation_id=group.id)
        await node.groups.remove_member(actor_id=guest, conversation_id=group.id, user_id=guest)
        await node.friends.block(actor_id=owner, user_id=guest)
        with pytest.raises(CannotJoin):
            await node.groups.join(actor_id=guest, conversation_id=group.id)
