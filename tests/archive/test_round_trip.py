"""Archive round trips: restored and moved chats equal the original, on either database."""

import asyncio
import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlmodel import col

from chat_app.accounts.names import name_parts
from chat_app.archive import service
from chat_app.archive.codec import Tally, encode
from chat_app.archive.schema import NOT_COPIED, schema_at
from chat_app.core import migrations
from chat_app.core.settings import Settings
from chat_app.models import Change, Conversation, Member, Message, Table
from chat_app.node.node import Node
from tests.harness.archives import ODD_TEXTS, UNWATCHED, contents_of, populate
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_database, open_node, settings_of, to_user

KINDS = ["sqlite", "postgres"]
# Each round trip takes a second: several random texts travel in one.
TEXTS = 8


@pytest.fixture(params=KINDS)
def target(
    request: pytest.FixtureRequest, empty_database_urls: dict[str, str], tmp_path: Path
) -> Settings:
    """Give the settings of an empty database of either kind."""
    url = empty_database_urls[request.param]
    return settings_of(Storage("", url, "", tmp_path / "target"))


async def test_a_restored_backup_holds_all_but_the_sign_ins(
    storage: Storage, target: Settings, tmp_path: Path
) -> None:
    async with open_node(storage) as node:
        await populate(node)
    source = settings_of(storage)
    file = tmp_path / "chat.backup"

    await service.backup(source, file, progress=UNWATCHED)
    checked = await service.check(file, progress=UNWATCHED)
    await service.restore(target, file, replace=False, progress=UNWATCHED)

    kept = await contents_of(source, sessions=False)
    restored = await contents_of(target)
    assert restored == {**kept, **{name: set() for name in service.LEFT_OUT}}
    assert {entry.name: entry.rows for entry in checked.tables} == {
        name: len(rows) for name, rows in kept.items()
    }


async def test_a_moved_chat_equals_the_original_and_works(
    storage: Storage, target: Settings, tmp_path: Path
) -> None:
    async with open_node(storage) as node:
        people = await populate(node)
    source = settings_of(storage)
    before = await contents_of(source)

    await service.move(source, target, progress=UNWATCHED)

    assert await contents_of(target) == await contents_of(source) == before
    moved = Storage("", target.database_url, "", tmp_path)
    async with open_node(moved) as node:
        sent = (await node.messages.send(to_user(people.alice, people.bob))).message
        async with node.database.reading() as session:
            conversation = await session.get_one(Conversation, sent.conversation_id)
    assert sent.seq == conversation.last_seq == len(ODD_TEXTS) + 3


async def test_a_replaced_chat_leaves_no_rows(storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / "chat.backup"
    source = settings_of(storage)
    async with open_node(storage) as node:
        await populate(node)
    await service.backup(source, file, progress=UNWATCHED)
    kept = await contents_of(source, sessions=False)
    async with open_node(storage) as node:
        people = await populate(node)
        await node.messages.send(to_user(people.alice, people.carol, "after the backup"))
        generation = await node.generation()

    await service.restore(source, file, replace=True, progress=UNWATCHED)

    assert await contents_of(source, sessions=False) == kept
    async with open_node(storage) as node:
        assert await node.generation() != generation
        async with node.database.reading() as session:
            assert (await session.scalars(select(Change))).all() == []


@pytest.fixture
def filled(storage: Storage, tmp_path: Path) -> tuple[Settings, Settings, Path]:
    """Give a chat with messages, an empty one beside it of the other kind, and a file."""

    async def fill() -> None:
        async with open_node(storage) as node:
            sender, receiver = await new_user(node), await new_user(node)
            for number in range(TEXTS + 1):
                await node.messages.send(to_user(sender, receiver, f"{number}"))

    asyncio.run(fill())
    aside = Storage("", f"sqlite+aiosqlite:///{tmp_path}/aside.db", "", tmp_path)
    return settings_of(storage), settings_of(aside), tmp_path / "chat.backup"


@given(
    contents=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
        min_size=TEXTS,
        max_size=TEXTS,
    )
)
@example(contents=[r"\.", "\r\n\x01\x1f\x7f\x85\u2028"])
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_text_is_restored_unchanged(
    filled: tuple[Settings, Settings, Path], contents: list[str]
) -> None:
    source, aside, file = filled

    async def there_and_back() -> None:
        url, folder = source.database_address, source.data_dir
        async with open_database(url, folder) as database, database.writing() as session:
            for seq, content in enumerate(contents, 2):
                changed = update(Message).where(col(Message.seq) == seq)
                await session.execute(changed.values(content=content))
        await service.backup(source, file, progress=UNWATCHED)
        await service.restore(aside, file, replace=True, progress=UNWATCHED)
        kept = await contents_of(source)
        assert await contents_of(aside) == kept
        assert {*contents} <= {row[6] for row in kept["message"]}
        await service.backup(aside, file, progress=UNWATCHED)
        await service.restore(source, file, replace=True, progress=UNWATCHED)
        assert await contents_of(source) == kept

    asyncio.run(there_and_back())


async def test_a_backup_while_people_write_is_of_one_moment(
    storage: Storage, target: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "chat.backup"
    async with open_node(storage) as node:
        people = [await new_user(node) for _ in range(4)]
        first = asyncio.Event()

        async def write(sender: int) -> None:
            for number in itertools.count():
                receiver = people[(sender + 1 + number % 3) % 4]
                await node.messages.send(to_user(people[sender], receiver, "during the backup"))
                if number:
                    first.set()

        writers = [asyncio.create_task(write(sender)) for sender in range(4)]
        try:
            await first.wait()
            made = await service.backup(settings_of(storage), file, progress=UNWATCHED)
        finally:
            for writer in writers:
                writer.cancel()
            stopped = await asyncio.gather(*writers, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in stopped), stopped

    assert {entry.name: entry.rows for entry in made.tables}["message"] > 1
    await service.restore(target, file, replace=False, progress=UNWATCHED)
    restored = Storage("", target.database_url, "", tmp_path)
    async with open_node(restored) as node:
        await assert_consistent(node)


async def assert_consistent(node: Node) -> None:
    """Check that numbers have no holes, counters are right, and own messages count as read."""
    async with node.database.reading() as session:
        for conversation in await session.scalars(select(Conversation)):
            where = col(Message.conversation_id) == conversation.id
            rows = (await session.scalars(select(Message).where(where))).all()
            numbers = sorted(one.seq for one in rows)
            assert numbers == list(range(1, conversation.last_seq + 1))
            assert sorted(one.rev for one in rows) == list(range(1, conversation.last_rev + 1))
            theirs = col(Member.conversation_id) == conversation.id
            for member in await session.scalars(select(Member).where(theirs)):
                own = [one.seq for one in rows if one.sender_id == member.user_id]
                assert max(own, default=0) <= member.last_read_seq <= conversation.last_seq


async def test_an_older_backup_is_migrated(
    target: Settings, tmp_path: Path, older_url: str
) -> None:
    file = tmp_path / "old.backup"
    async with open_database(older_url, tmp_path / "old") as old:
        await migrations.upgrade(old, "0002")
        async with old.transaction() as connection:
            person = text(
                "INSERT INTO user_account (id, username, username_key, display_name, search_text,"
                " bio, status_text, password_hash, accept_messages_from, share_presence, sound,"
                " created_at) VALUES (:id, 'zoe.l', 'zoe.l', 'Zoë Lund', '', '', '', 'none',"
                " 'everyone', true, true, :at)"
            )
            at = "2026-01-01 00:00:00.000000"
            await connection.execute(person, {"id": "0" * 31 + "1", "at": at})
        made = await service.backup(
            settings_of(Storage("", older_url, "", tmp_path)), file, progress=UNWATCHED
        )
    assert made.revision == "0002"

    await service.check(file, progress=UNWATCHED)
    await service.restore(target, file, replace=False, progress=UNWATCHED)

    async with open_database(target.database_url, tmp_path) as database:
        assert await migrations.current_revision(database) == migrations.newest_revision()
        async with database.reading() as session:
            parts = await session.execute(text("SELECT place, part FROM name_part"))
            assert set(map(tuple, parts)) == name_parts("zoe.l", "Zoë Lund")


@pytest.fixture
def older_url(tmp_path: Path) -> str:
    """Give the address of one more empty database."""
    return f"sqlite+aiosqlite:///{tmp_path}/older.db"


def test_the_archive_copies_the_tables_and_columns_of_the_models() -> None:
    """A new kind of column, or one that a database generates, needs support in the archive."""
    copied = {shape.name: set(shape.column_names) for shape in schema_at(head())}

    assert copied == {
        table.name: {column.name for column in table.columns}
        for table in Table.metadata.sorted_tables
        if table.name not in NOT_COPIED
    }
    for table in (one for one in Table.metadata.sorted_tables if one.name in copied):
        for column in table.columns:
            assert column.computed is None, "copied as data: have it computed again instead"
            assert column.identity is None, "a sequence: set it after the copy"
            assert column is not table.autoincrement_column, "a sequence: set it after the copy"


def head() -> str:
    """Return the newest revision."""
    newest = migrations.newest_revision()
    assert newest is not None
    return newest


def test_the_digest_of_a_tally_depends_on_content_and_not_on_order() -> None:
    rows = [encode(("a", 1)), encode(("b", None)), encode(("b", None))]

    def digest(*lines: bytes) -> str:
        tally = Tally()
        tally.add(lines)
        return tally.digest

    assert digest(*rows) == digest(*reversed(rows))
    others = [
        rows[:2],
        [rows[0], rows[0], rows[1]],
        [encode(("a", None)), encode(("b", 1)), rows[2]],
    ]
    assert digest(*rows) not in {digest(*other) for other in others}
