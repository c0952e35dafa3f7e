"""The demo: an empty database is filled with a chat, and any other is refused."""

import asyncio
import subprocess
import sys
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from chat_app.conversations.queries import list_conversations, unread_counts
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.demo.__main__ import main
from chat_app.demo.fill import PASSWORD, NotEmpty, fill
from chat_app.demo.people import FIRST, FRIENDSHIPS, NEIGHBOURS, REQUESTS
from chat_app.demo.story import read_story
from chat_app.friends.queries import search_users
from chat_app.messages.schemas import clean_content
from chat_app.models import (
    Conversation,
    FriendRequest,
    Friendship,
    Member,
    Message,
    Reaction,
    User,
)
from chat_app.node.node import Node
from tests.harness import servers
from tests.harness.chats import PAIRS, SECRET, Farm, Storage, start
from tests.harness.clients import http_client
from tests.harness.nodes import new_user, open_node, people_named, settings_of, to_user
from tests.harness.searches import all_found
from tests.harness.shells import environment

USERNAMES = {one.username for one in NEIGHBOURS}


async def fill_storage(storage: Storage) -> None:
    """Fill a database as `make demo` does."""
    database = Database(settings_of(storage))
    try:
        await fill(database)
    finally:
        await database.close()


def refusal_of_demo(storage: Storage, **settings: str) -> str:
    """Run the demo where it must refuse, and return its error."""
    with environment({**storage.settings, **settings}), pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, str), "a text is shown, and the exit code is 1"
    return ended.value.code


def demo(storage: Storage) -> subprocess.CompletedProcess[str]:
    """Run `python -m chat_app.demo`."""
    return subprocess.run(
        [sys.executable, "-m", "chat_app.demo"],
        check=False,
        capture_output=True,
        text=True,
        cwd=servers.ROOT,
        env=servers.chat_environment(**storage.settings),
    )


class Filled(NamedTuple):
    """A storage with the demo, and the text that the command has printed."""

    storage: Storage
    printed: str


@pytest.fixture(scope="module")
def filled(farm: Farm, pair: str, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Return the demo that the tests of one pair share, once made by a program as people do."""
    storage = farm.storage(pair, tmp_path_factory.mktemp("demo"), own_redis=True)
    if pair == PAIRS[0]:
        done = demo(storage)
        assert done.returncode == 0, done.stderr
        return Filled(storage, done.stdout)
    with environment(storage.settings), redirect_stdout(StringIO()) as printed:
        main()
    return Filled(storage, printed.getvalue())


async def test_every_printed_sign_in_works(filled: Filled) -> None:
    assert f"sign in as {FIRST}" in filled.printed
    rows = [line.split() for line in filled.printed.splitlines() if PASSWORD in line.split()]
    assert {row[0] for row in rows} == USERNAMES
    chat = start(filled.storage)
    try:
        async with http_client(chat.url) as client:
            for username, password, *_ in rows:
                body = {"username": username, "password": password}
                reply = await client.post("/api/auth/login", json=body)
                assert reply.status_code == 200, username
    finally:
        chat.stop()


async def test_the_rows_of_the_demo_are_consistent(filled: Filled) -> None:
    async with open_node(filled.storage) as node, node.database.reading() as session:
        people = {one.username: one for one in await session.scalars(select(User))}
        assert set(people) == USERNAMES
        conversations = list(await session.scalars(select(Conversation)))
        assert len(conversations) == len(read_story(utc_now()))
        for conversation in conversations:
            statement = select(Message).where(col(Message.conversation_id) == conversation.id)
            messages = list(await session.scalars(statement.order_by(col(Message.seq))))
            assert [one.seq for one in messages] == list(range(1, conversation.last_seq + 1))
            changed = [one for one in messages if one.edited_at or one.deleted_at]
            pinned = [one for one in messages if one.pinned_at]
            ids = [one.id for one in messages]
            reacted = select(col(Reaction.rev)).where(col(Reaction.message_id).in_(ids))
            reactions = list(await session.scalars(reacted))
            changes = len(changed) + len(pinned) + len(reactions)
            assert conversation.last_rev == len(messages) + changes
            assert {one.reply_to for one in messages} - {None} <= set(ids)
            assert len(reactions) == len(set(reactions))
            revs = [one.rev for one in messages]
            assert revs == sorted(set(revs))
            times = [one.created_at for one in messages]
            assert times == sorted(times)
            assert conversation.updated_at == times[-1] <= utc_now()
            statement_ = select(Member).where(col(Member.conversation_id) == conversation.id)
            members = list(await session.scalars(statement_))
            assert len(members) == conversation.members_count
            assert (conversation.kind == "group") == (len(members) > 2)
            for member in members:
                own = [one.seq for one in messages if one.sender_id == member.user_id]
                reached = (max(own, default=0), member.read_seq, member.delivered_seq)
                assert reached == tuple(sorted(reached))
                assert member.delivered_seq <= conversation.last_seq
        for person in people.values():
            await check_unread(node, person)
        assert await session.scalar(select(func.count()).select_from(Friendship)) == 2 * len(
            FRIENDSHIPS
        )
        requests = await session.scalar(select(func.count()).select_from(FriendRequest))
        assert requests == len(REQUESTS)


async def check_unread(node: Node, person: User) -> None:
    """Compare a person's unread counts with the stored messages."""
    async with node.database.reading() as session:
        counts = await unread_counts(node.database, viewer_id=person.id)
        page = await list_conversations(node.database, viewer_id=person.id, online=node.online)
        for conversation in page.items:
            others = select(func.count()).where(
                col(Message.conversation_id) == conversation.id,
                col(Message.sender_id) != person.id,
                col(Message.seq) > conversation.last_read_seq,
                col(Message.kind) == "text",
            )
            unread = await session.scalar(others)
            assert conversation.unread == unread == counts.get(conversation.id, 0)


async def test_the_first_demo_user_has_old_and_unread_messages(filled: Filled) -> None:
    async with open_node(filled.storage) as node, node.database.reading() as session:
        me = await session.scalar(select(col(User.id)).where(col(User.username) == FIRST))
        assert me is not None
        page = await list_conversations(node.database, viewer_id=me, online=node.online)
        found = await search_users(session, viewer_id=me, text="a", online=node.online)
        messages = list(await session.scalars(select(Message)))

    assert len(page.items) >= 8
    assert sum(1 for one in page.items if one.unread) >= 2
    assert {card.friendship for card in found} >= {"none", "friends"}
    assert [one for one in messages if one.edited_at]
    assert [one for one in messages if one.deleted_at and not one.content]
    assert max(utc_now() - one.created_at for one in messages) > timedelta(days=10)


async def test_the_chat_goes_on_after_the_demo(filled: Filled) -> None:
    async with open_node(filled.storage) as node:
        async with node.database.reading() as session:
            rows = await session.execute(select(col(User.username), col(User.id)))
            ids = {row.username: row.id for row in rows}
        sent = (await node.messages.send(to_user(ids["tomas"], ids["mira"]))).message

        async with node.database.reading() as session:
            stored = await session.get_one(Conversation, sent.conversation_id)
    talk = next(one for one in read_story(utc_now()) if set(one.people) == {"mira", "tomas"})
    assert sent.seq == stored.last_seq == len(talk.messages) + 1
    assert sent.rev == stored.last_rev


async def test_messages_of_the_demo_are_found_newest_first(filled: Filled) -> None:
    async with open_node(filled.storage) as node:
        [viewer_id] = await people_named(node, [FIRST])
        found = await all_found(node, viewer_id, "the")

    assert len(found) > 5
    times = [one.message.created_at for one in found]
    assert times == sorted(times, reverse=True)


async def test_a_database_with_people_is_refused_and_unchanged(storage: Storage) -> None:
    async with open_node(storage) as node:
        await new_user(node)

    with pytest.raises(NotEmpty):
        await fill_storage(storage)
    refusal = await asyncio.to_thread(refusal_of_demo, storage)

    assert refusal.startswith("There are people in this database already.")
    async with open_node(storage) as node, node.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 1
        assert await session.scalar(select(func.count()).select_from(Message)) == 0


async def test_a_public_chat_is_refused_because_the_password_is_known(storage: Storage) -> None:
    refusal = refusal_of_demo(
        storage, CHAT_SECRET_KEY=SECRET, CHAT_PUBLIC_URL="https://chat.example.org"
    )

    assert "https" in refusal
    async with open_node(storage) as node, node.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 0


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = demo(Storage("", "mysql://x", "", tmp_path))

    assert done.returncode == 1
    assert "CHAT_DATABASE_URL" in done.stderr


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_the_story_is_in_order_at_any_time_of_day(hour: int) -> None:
    now = datetime(2026, 3, 29, hour, 7, tzinfo=ZoneInfo("Europe/Berlin"))

    for talk in read_story(now):
        times = [one.at for one in talk.messages]
        assert times == sorted(times)
        assert times[-1] <= now
        assert {one.sender for one in talk.messages} <= {*talk.people} <= USERNAMES
        assert all(
            clean_content(one.content) == one.content for one in talk.messages if one.content
        )
        waiting = talk.messages[len(talk.messages) - talk.unread :]
        senders = {one.sender for one in waiting}
        assert talk.people[0] not in senders if talk.title else len(senders) <= 1
