"""Unread counts equal a recount of the messages, whatever happened before."""

import contextlib
import random
from typing import Literal, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from chat_app.conversations.groups.schemas import (
    GroupChange,
    GroupRequest,
    MembershipRequest,
)
from chat_app.conversations.queries import (
    get_conversation,
    list_conversations,
    unread_counts,
)
from chat_app.core.errors import Invalid, NotFound
from chat_app.messages.errors import MessageIsDeleted
from chat_app.models import Message, User
from chat_app.node.node import Node
from chat_app.realtime.shapes import Message as MessageView
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_conversation


class Recount(NamedTuple):
    """The unread messages of a member and those that mention them, counted one by one."""

    unread: int
    mentions: int


async def recount(
    node: Node, conversation_id: UUID, viewer_id: UUID, mark: int, *, is_muted: bool
) -> Recount:
    async with node.database.reading() as session:
        rows = await session.scalars(
            select(Message).where(
                col(Message.conversation_id) == conversation_id,
                col(Message.deleted_at).is_(None),
                col(Message.kind) == "text",
                col(Message.seq) > mark,
                col(Message.sender_id) != viewer_id,
            )
        )
        unread = list(rows)
    called = [
        one
        for one in unread
        if (one.mentions_all and not is_muted) or str(viewer_id) in (one.mentions or "")
    ]
    return Recount(len(unread), len(called))


async def test_every_badge_equals_a_recount_after_random_days(storage: Storage) -> None:
    async with open_node(storage) as node:
        for seed in range(5):
            await _Day(node, seed).check()


class _Day:
    """Random deeds of five people in a group that four of them join and leave."""

    def __init__(self, node: Node, seed: int) -> None:
        self._node = node
        self._seed = seed
        self._dice = random.Random(seed)  # noqa: S311  # a reproducible day, not a secret
        self._sent: list[MessageView] = []
        # The read mark of each member.
        self._marks: dict[UUID, int] = {}
        self._muted: set[UUID] = set()
        self._last = 0

    async def check(self) -> None:
        node, dice = self._node, self._dice
        self._people = [await new_user(node) for _ in range(5)]
        async with node.database.reading() as session:
            rows = await session.execute(
                select(col(User.id), col(User.username)).where(col(User.id).in_(self._people))
            )
            self._names = {row.id: row.username for row in rows}
        owner = self._people[0]
        history = dice.choice(["all", "joining"])
        data = GroupRequest.model_validate(
            {"kind": "group", "title": "five", "member_ids": [], "history": history}
        )
        self._group = (await node.groups.create(actor_id=owner, data=data)).id
        self._marks[owner], self._last = 0, 1
        deeds = [self._send] * 4 + [self._read] * 2 + [self._unread, self._delete, self._edit]
        deeds += [self._add] * 2 + [self._leave, self._rename, self._mute]
        for _ in range(60):
            await dice.choice(deeds)(dice.choice(list(self._marks)))
        for who in self._people:
            await self._check_counts(who)

    async def _check_counts(self, who: UUID) -> None:
        node = self._node
        counts = await unread_counts(node.database, viewer_id=who)
        if who not in self._marks:
            assert self._group not in counts, self._seed
            return
        async with node.database.reading() as session:
            view = await get_conversation(
                session, viewer_id=who, conversation_id=self._group, online=node.online
            )
        mark, is_muted = self._marks[who], who in self._muted
        expected = await recount(node, self._group, who, mark, is_muted=is_muted)
        assert view.last_read_seq == self._marks[who], self._seed
        assert Recount(view.unread, view.unread_mentions) == expected, self._seed
        assert counts.get(self._group, 0) == expected.unread, self._seed
        assert view.members_count == len(self._marks), self._seed

    def _words(self) -> str:
        names = [f"@{self._names[one]}" for one in self._people]
        return " ".join(self._dice.choices([*names, "@all", "`@all`", "word"], k=2))

    async def _send(self, who: UUID) -> None:
        message = to_conversation(who, self._group, self._words())
        self._sent.append((await self._node.messages.send(message)).message)
        self._last = self._marks[who] = self._sent[-1].seq

    async def _read(self, who: UUID) -> None:
        seq = self._dice.randint(0, self._last + 2)
        await self._node.conversations.mark_read(actor_id=who, conversation_id=self._group, seq=seq)
        self._marks[who] = max(self._marks[who], min(seq, self._last))

    async def _unread(self, who: UUID) -> None:
        seq = self._dice.randint(1, self._last)
        try:
            await self._node.conversations.mark_unread(
                actor_id=who, conversation_id=self._group, seq=seq
            )
        except Invalid:
            return  # it was before they joined
        self._marks[who] = seq - 1

    async def _delete(self, _: UUID) -> None:
        await self._change(None)

    async def _edit(self, _: UUID) -> None:
        await self._change(self._words())

    async def _change(self, content: str | None) -> None:
        """Edit or delete a message of somebody who may still read it."""
        if not self._sent:
            return
        one, messages = self._dice.choice(self._sent), self._node.messages
        # It may be deleted already, or from before they left.
        with contextlib.suppress(NotFound, MessageIsDeleted):
            if content is None:
                await messages.delete(actor_id=one.sender_id, message_id=one.id)
            else:
                await messages.edit(actor_id=one.sender_id, message_id=one.id, content=content)

    async def _add(self, _: UUID) -> None:
        others = [one for one in self._people if one not in self._marks]
        if not others:
            return
        added = self._dice.sample(others, k=self._dice.randint(1, len(others)))
        await self._node.groups.add_members(
            actor_id=self._people[0], conversation_id=self._group, user_ids=added
        )
        self._marks |= dict.fromkeys(added, self._last)
        self._last += 1

    async def _leave(self, who: UUID) -> None:
        if who == self._people[0]:
            return
        actor = self._dice.choice([who, self._people[0]])
        await self._node.groups.remove_member(
            actor_id=actor, conversation_id=self._group, user_id=who
        )
        del self._marks[who]
        self._muted.discard(who)
        self._last += 1

    async def _rename(self, _: UUID) -> None:
        change = GroupChange(title=f"five, {self._last}")
        await self._node.groups.change(
            actor_id=self._people[0], conversation_id=self._group, data=change
        )
        self._last += 1

    async def _mute(self, who: UUID) -> None:
        self._muted ^= {who}
        muted_until: Literal["forever"] | None = "forever" if who in self._muted else None
        data = MembershipRequest(muted_until=muted_until, archived=True)
        await self._node.groups.change_membership(
            actor_id=who, conversation_id=self._group, data=data
        )


async def test_marking_unread_takes_nothing_back_from_the_others(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        opened = await node.conversations.open_direct(actor_id=alice, user_id=bob)
        chat = opened.conversation.id
        for _ in range(3):
            await node.messages.send(to_conversation(alice, chat))
        await node.conversations.mark_read(actor_id=bob, conversation_id=chat, seq=99)
        await node.conversations.mark_unread(actor_id=bob, conversation_id=chat, seq=2)

        async with node.database.reading() as session:
            of_alice = await get_conversation(
                session, viewer_id=alice, conversation_id=chat, online=node.online
            )
            of_bob = await get_conversation(
                session, viewer_id=bob, conversation_id=chat, online=node.online
            )
        assert of_alice.receipts[0].read_seq == 3
        assert (of_bob.last_read_seq, of_bob.unread) == (1, 2)


async def test_strangers_cannot_mark_a_conversation(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, mallory = [await new_user(node) for _ in range(3)]
        chat = (await node.conversations.open_direct(actor_id=alice, user_id=bob)).conversation.id

        with pytest.raises(NotFound):
            await node.conversations.mark_read(actor_id=mallory, conversation_id=chat, seq=1)
        with pytest.raises(NotFound):
            await node.conversations.mark_unread(actor_id=mallory, conversation_id=chat, seq=1)
        with pytest.raises(Invalid):
            await node.conversations.mark_unread(actor_id=alice, conversation_id=chat, seq=1)


async def test_an_opened_conversation_is_listed_for_its_opener_until_its_first_message(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        chat = (await node.conversations.open_direct(actor_id=alice, user_id=bob)).conversation.id

        async def listed(viewer_id: UUID) -> list[UUID]:
            page = await list_conversations(node.database, viewer_id=viewer_id, online=node.online)
            return [item.id for item in page.items]

        assert (await listed(alice), await listed(bob)) == ([chat], [])
        await node.messages.send(to_conversation(alice, chat))
        assert (await listed(alice), await listed(bob)) == ([chat], [chat])
