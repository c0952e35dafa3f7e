"""The shell commands `migrate` and `stats`, and the errors of wrong settings."""

from pathlib import Path

import pytest
from sqlalchemy import text

from chat_app import stats
from chat_app.core import migrations
from chat_app.stats import Count, read_stats
from tests.harness.archives import MESSAGES, populate
from tests.harness.chats import Storage
from tests.harness.nodes import open_node
from tests.harness.shells import done, program, reason, refused

KINDS = ["sqlite", "postgres"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_database_is_migrated_once(
    kind: str, empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    settings = Storage("", empty_database_urls[kind], "", tmp_path).settings
    unready = refused(settings, "stats")

    first = done(settings, "migrate").splitlines()
    again = done(settings, "migrate")

    assert "run migrate first" in unready
    newest = migrations.newest_revision()
    assert first[0].startswith("Migrated: 0001 ")
    assert first[-1].endswith(f" is at {newest}.")
    assert again.endswith(f" is at {newest}, as it was.\n")


async def test_the_figures_count_every_row(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_node(storage) as node:
        await populate(node)
        counted = await read_stats(node.database)
        if not node.database.is_sqlite:
            async with node.database.transaction() as connection:
                await connection.execute(text("ANALYZE"))
        monkeypatch.setattr(stats, "EXACT_UP_TO", 0)
        believed = await read_stats(node.database)

    assert counted[:4] == (Count(3), Count(3), Count(MESSAGES), MESSAGES)
    # The account that was deleted is a row still.
    assert believed[:3] == (Count(4, False), Count(3, False), Count(MESSAGES, False))  # noqa: FBT003  # as the numbers, by place
    assert counted.size_bytes > 10_000


async def test_stats_prints_the_figures(storage: Storage) -> None:
    async with open_node(storage) as node:
        await populate(node)

        output = done(storage.settings, "stats")

    lines = dict(line.split(maxsplit=1) for line in output.splitlines())
    assert lines["people"] == "3"
    assert lines["messages"] == str(MESSAGES)
    assert lines["online"] == ("0" if storage.redis_url else "unknown: only the chat itself knows")
    assert lines["schema"] == migrations.newest_revision()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("CHAT_NO_SUCH_SETTING", "1"),
        ("CHAT_DATABASE_URL", "postgresql+asyncpg://chat:hunter2@host:port/chat"),
        ("CHAT_DATA_DIR", "/dev/null/x"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, value: str, tmp_path: Path) -> None:
    output = refused({"CHAT_DATA_DIR": str(tmp_path), setting: value}, "stats")

    assert setting in output
    assert "hunter2" not in output


def test_an_unreachable_database_is_reported_in_one_line(tmp_path: Path) -> None:
    """The program prints one line, and no log beside it."""
    url = "postgresql+asyncpg://chat:hunter2@127.0.0.1:1/chat"
    settings = {"CHAT_DATA_DIR": str(tmp_path), "CHAT_DATABASE_URL": url}

    output = reason(program(settings, "migrate"))

    assert "127.0.0.1:1/chat" in output
    assert "hunter2" not in output


def test_every_command_has_a_help_text(tmp_path: Path) -> None:
    commands = ("migrate", "stats", "create-user", "reset-password", "backup", "restore", "move")
    listed = done({"CHAT_DATA_DIR": str(tmp_path)}, "--help")

    assert all(command in listed for command in (*commands, "sessions"))
    assert program({"CHAT_DATA_DIR": str(tmp_path)}).returncode == 2
    assert "Nothing" not in done({"CHAT_DATA_DIR": str(tmp_path)}, "backup", "--help")
    assert not list(tmp_path.iterdir())
