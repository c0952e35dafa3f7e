"""Archive targets: a database is filled as a whole or not at all, and no used one is replaced."""

from pathlib import Path

import pytest
from sqlalchemy import text

from chat_app.archive import service
from chat_app.archive.errors import ArchiveError
from chat_app.core.settings import Settings
from tests.harness.archives import UNWATCHED, contents_of, names_in, populate, take_rows_out
from tests.harness.chats import Storage
from tests.harness.nodes import open_database, open_node, settings_of

KINDS = ["sqlite", "postgres"]


async def backed_up(storage: Storage, file: Path) -> Settings:
    """Fill a chat and write its backup to `file`; return the settings of the chat."""
    async with open_node(storage) as node:
        await populate(node)
    settings = settings_of(storage)
    await service.backup(settings, file, progress=UNWATCHED)
    return settings


async def test_a_chat_is_not_overwritten(storage: Storage, tmp_path: Path) -> None:
    settings = await backed_up(storage, tmp_path / "b")
    before = await contents_of(settings)

    with pytest.raises(ArchiveError, match="there is a chat in it already"):
        await service.restore(settings, tmp_path / "b", replace=False, progress=UNWATCHED)

    assert await contents_of(settings) == before


@pytest.mark.parametrize("kind", KINDS)
async def test_foreign_tables_are_left_alone(
    kind: str, empty_database_urls: dict[str, str], storage: Storage, tmp_path: Path
) -> None:
    source = await backed_up(storage, tmp_path / "b")
    other = Storage("", empty_database_urls[kind], "", tmp_path / "other")
    url, folder = other.database_url, other.folder
    async with open_database(url, folder) as database, database.transaction() as connection:
        await connection.execute(text("CREATE TABLE message (precious INTEGER)"))
        await connection.execute(text("INSERT INTO message VALUES (7)"))

    target = settings_of(other)
    for replace in (False, True):
        with pytest.raises(ArchiveError, match="tables that are not the chat's"):
            await service.restore(target, tmp_path / "b", replace=replace, progress=UNWATCHED)
    with pytest.raises(ArchiveError, match="tables that are not the chat's"):
        await service.move(source, target, progress=UNWATCHED)

    async with open_database(url, folder) as database, database.reading() as session:
        assert await session.scalar(text("SELECT precious FROM message")) == 7


async def test_a_failure_in_the_middle_leaves_all_as_it_was(
    storage: Storage, tmp_path: Path
) -> None:
    """The messages refer to missing users, which no earlier row shows."""
    settings = await backed_up(storage, tmp_path / "b")
    before = await contents_of(settings)
    take_rows_out(tmp_path / "b", "user_account")

    with pytest.raises(ArchiveError):
        await service.restore(settings, tmp_path / "b", replace=True, progress=UNWATCHED)

    assert await contents_of(settings) == before
    assert not [name for name in names_in(tmp_path) if name.startswith(".")]


async def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    storage = Storage("", "", "", tmp_path)
    source = await backed_up(storage, tmp_path / "b")
    away = source.with_database("postgresql+asyncpg://chat:hunter2@127.0.0.1:1/chat")

    for work in (
        service.restore(away, tmp_path / "b", replace=False, progress=UNWATCHED),
        service.move(source, away, progress=UNWATCHED),
        service.backup(away, tmp_path / "c", progress=UNWATCHED),
    ):
        with pytest.raises(ArchiveError, match=r"^127\.0\.0\.1:1/chat: .*onnect") as refused:
            await work
        assert "hunter2" not in str(refused.value)
    assert not (tmp_path / "c").exists()


async def test_a_chat_is_not_moved_onto_itself(storage: Storage, tmp_path: Path) -> None:
    settings = await backed_up(storage, tmp_path / "b")
    same = settings.with_database(settings.database_address)

    with pytest.raises(ArchiveError, match="where the chat is already"):
        await service.move(settings, same, progress=UNWATCHED)


async def test_a_backup_without_a_chat_is_refused(tmp_path: Path) -> None:
    nothing = settings_of(Storage("", "", "", tmp_path / "nothing"))
    empty = settings_of(Storage("", f"sqlite+aiosqlite:///{tmp_path}/empty.db", "", tmp_path))
    (tmp_path / "empty.db").touch()

    for settings, message in ((nothing, "no such file"), (empty, "no chat in this database")):
        with pytest.raises(ArchiveError, match=message):
            await service.backup(settings, tmp_path / "b", progress=UNWATCHED)
    assert not (tmp_path / "b").exists()
