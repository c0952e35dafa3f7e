"""The shell commands `backup`, `restore` and `move`."""

import asyncio
import contextlib
import os
import pty
import resource
import secrets
import signal
import stat
import subprocess
from pathlib import Path

import asyncpg
import pytest

from tests.harness.archives import MESSAGES, contents_of, names_in, populate
from tests.harness.chats import Storage
from tests.harness.clients import register
from tests.harness.nodes import new_user, open_node, settings_of, to_user
from tests.harness.servers import ROOT, ChatServer, chat_environment
from tests.harness.shells import COMMAND, PATIENCE_S, done, program, reason, refused

# SQLite's own shared memory takes 32 KiB; the backup of so many texts of chance takes more.
TINY_FILE = 40_000
LONG_TEXTS = 20


async def filled(storage: Storage) -> None:
    """Fill the storage with a chat."""
    async with open_node(storage) as node:
        await populate(node)


async def test_a_backup_is_written_once_checked_and_restored(
    storage: Storage, tmp_path: Path
) -> None:
    await filled(storage)
    kept = await contents_of(settings_of(storage), sessions=False)
    file = tmp_path / "a file's name"

    wrote = done(storage.settings, "backup", file)
    again = refused(storage.settings, "backup", file)
    over = done(storage.settings, "backup", file, "--overwrite")
    checked = done(storage.settings, "backup", "--check", file)
    unconfirmed = refused(storage.settings, "restore", file, "--replace")
    restored = done(storage.settings, "restore", file, "--replace", "--yes")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"{MESSAGES} message" in wrote
    assert f"{MESSAGES} message" in over
    assert "is there already" in again
    assert f"{file} is whole" in checked
    assert "say --yes" in unconfirmed
    assert "Everybody has to sign in again." in restored
    assert await contents_of(settings_of(storage), sessions=False) == kept


async def test_a_full_disk_leaves_no_file(storage: Storage, tmp_path: Path) -> None:
    async with open_node(storage) as node:
        writer, reader = [await new_user(node) for _ in range(2)]
        for _ in range(LONG_TEXTS):
            await node.messages.send(to_user(writer, reader, secrets.token_hex(4_000)))
    done(storage.settings, "stats")
    there = names_in(tmp_path)

    def have_a_small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (TINY_FILE, TINY_FILE))

    output = reason(program(storage.settings, "backup", tmp_path / "b", before=have_a_small_disk))

    assert "cannot be written" in output
    assert names_in(tmp_path) == there


async def test_restore_and_move_are_refused_while_the_chat_runs(
    chat: ChatServer, tmp_path: Path
) -> None:
    alice, bob = await register(chat.url), await register(chat.url)
    await alice.write(bob, "before")
    file = tmp_path / "b"

    await asyncio.to_thread(done, chat.settings, "backup", file)
    for command in (
        ("restore", file, "--replace", "--yes"),
        ("move", "--to", f"sqlite+aiosqlite:///{tmp_path}/moved.db"),
    ):
        output = await asyncio.to_thread(refused, chat.settings, *command)
        assert "the chat is running" in output

    await alice.write(bob, "after")
    assert not (tmp_path / "moved.db").exists()


async def test_a_chat_moves_to_a_server_and_back(
    empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    old = Storage("", "", "", tmp_path / "old")
    server = Storage("", empty_database_urls["postgres"], "", tmp_path / "server")
    await filled(old)
    before = await contents_of(settings_of(old))
    wrong = refused(old.settings, "move", "--to", "mysql://root:hunter2@host/chat")

    done(old.settings, "move", "--to", server.database_url)
    twice = refused(old.settings, "move", "--to", server.database_url)
    done(server.settings, "move", "--to", f"sqlite+aiosqlite:///{tmp_path}/back/chat.db")

    back = Storage("", f"sqlite+aiosqlite:///{tmp_path}/back/chat.db", "", tmp_path)
    for storage in (old, server, back):
        assert await contents_of(settings_of(storage)) == before
    assert wrong.startswith("Error: --to: must start with")
    assert "hunter2" not in wrong
    assert "there is a chat in it already" in twice


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("pair", ["postgres+redis"])
async def test_an_interrupted_command_leaves_all_as_it_was(
    how: signal.Signals, storage: Storage, tmp_path: Path
) -> None:
    await filled(storage)
    before = await contents_of(settings_of(storage))
    file = tmp_path / "b"
    await asyncio.to_thread(done, storage.settings, "backup", file)
    there = names_in(tmp_path)
    for command in (("backup", tmp_path / "c"), ("restore", file, "--replace", "--yes")):
        holder = await asyncpg.connect(storage.database_url.replace("+asyncpg", ""))
        try:
            async with holder.transaction():
                await holder.execute("LOCK TABLE message IN ACCESS EXCLUSIVE MODE")
                process = await asyncio.create_subprocess_exec(
                    *COMMAND,
                    *map(str, command),
                    cwd=ROOT,
                    env=chat_environment(**storage.settings),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                await until_another_waits(holder)
                process.send_signal(how)
                async with asyncio.timeout(PATIENCE_S):
                    _, output = await process.communicate()
        finally:
            await holder.close()
        assert process.returncode == 1, output
        assert output.decode().endswith("Error: interrupted\n")

    assert await contents_of(settings_of(storage)) == before
    assert names_in(tmp_path) == there


async def until_another_waits(holder: asyncpg.Connection) -> None:
    """Wait until another connection waits for a lock."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holder.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("pair", ["sqlite+memory"])
async def test_progress_at_a_terminal_is_bars(storage: Storage, tmp_path: Path) -> None:
    await filled(storage)

    status, shown = await asyncio.to_thread(
        at_a_terminal, storage.settings, "backup", str(tmp_path / "b")
    )

    assert status == 0
    assert "━" in shown
    assert "message (" not in shown


def at_a_terminal(settings: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run a command whose standard error is a terminal; return its exit status and its output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603  # our own program
        [*COMMAND, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        cwd=ROOT,
        env=chat_environment(**settings, TERM="xterm"),
    ) as process:
        os.close(theirs)
        shown = b""
        # On Linux the end of a terminal's output is an error.
        with contextlib.suppress(OSError):
            while some := os.read(ours, 10_000):
                shown += some
        os.close(ours)
        return process.wait(PATIENCE_S), shown.decode(errors="replace")
