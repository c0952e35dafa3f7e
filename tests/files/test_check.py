"""The check: what a node left behind is done by another, and what fails is refused in the end."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.files import check, uploads
from chat_app.files.check import FileCheck
from chat_app.files.queries import upload_state
from chat_app.files.scanner import Scanner, ScannerAway
from chat_app.files.schemas import Upload
from chat_app.models.tables import FILES
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.files import begin_file, disk_of, opened, picture
from tests.harness.films import document, film
from tests.harness.nodes import new_user, open_node

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


async def checked(node: Node, owner_id: UUID, file_id: UUID) -> Upload:
    """Wait until a file was checked."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            state, _ = await upload_state(node.database, owner_id=owner_id, upload_id=file_id)
            if state.state != "checking":
                return state
            await asyncio.sleep(0.02)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nodes look often for what others have left, and claim for a moment only."""
    monkeypatch.setattr(check, "INTERVAL_S", 0.05)
    monkeypatch.setattr(check, "CLAIMED_FOR", timedelta(seconds=0.5))
    # Or another task of the node would take over a check that takes longer.
    monkeypatch.setattr(check, "KEEP_S", 0.1)


@pytest.mark.usefixtures("often")
async def test_a_check_that_a_node_has_left_is_done_after_its_restart(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FileCheck, "start", lambda _check, _supervisor: None)
        async with open_node(storage) as node:
            alice = await new_user(node)
            file_id = await begin_file(node, alice, picture())
            state, _ = await upload_state(node.database, owner_id=alice, upload_id=file_id)
            assert state.state == "checking"
    async with open_node(storage) as node:
        await _forget_claim(node, file_id)

        assert (await checked(node, alice, file_id)).state == "ready"


async def test_a_file_has_what_was_read_of_it(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice = await new_user(node)

        ids = [await begin_file(node, alice, one) for one in (film(), film(size=None), document())]
        states = [await checked(node, alice, one) for one in ids]

        video, sound, page = (state.file for state in states)
        assert video is not None
        assert sound is not None
        assert page is not None
        assert (video.media_type, video.width, video.height) == ("video/webm", 160, 120)
        assert video.duration == pytest.approx(2, abs=0.1)
        assert (sound.media_type, sound.width, sound.thumbnail_url) == ("audio/webm", None, None)
        assert sound.duration == pytest.approx(2, abs=0.1)
        assert (page.media_type, page.width, page.duration) == ("application/pdf", None, None)
        for one, file in ((ids[0], video), (ids[2], page)):
            assert file.placeholder
            assert opened(disk_of(node).thumbnail_path(one).read_bytes()).format == "WEBP"
        async with asyncio.timeout(PATIENCE_S):
            while list(disk_of(node).upload_path(ids[0]).parent.iterdir()):
                await asyncio.sleep(0.02)


async def _until_attempted(node: Node, file_id: UUID, *, times: int) -> None:
    """Wait until the check of a file was begun so often."""
    attempts = select(FILES.c.attempts).where(FILES.c.id == file_id)
    async with asyncio.timeout(PATIENCE_S):
        while (
            await node.database.transact(lambda connection: connection.scalar(attempts)) or 0
        ) < times:
            await asyncio.sleep(0.02)


async def _forget_claim(node: Node, file_id: UUID) -> None:
    over = update(FILES).where(FILES.c.id == file_id).values(claimed_until=utc_now())
    await node.database.transact(lambda connection: connection.execute(over))


@pytest.mark.usefixtures("often")
async def test_a_node_without_the_bytes_leaves_a_file_to_the_one_that_has_them(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_node(storage) as node:
        alice = await new_user(node)
        with monkeypatch.context() as patch:
            patch.setattr(FileCheck, "begin", lambda *_: None)
            file_id = await begin_file(node, alice, b"bytes")
        hidden = disk_of(node).upload_path(file_id)
        aside = tmp_path / "aside"
        hidden.rename(aside)
        await _forget_claim(node, file_id)
        await _until_attempted(node, file_id, times=1)
        state, _ = await upload_state(node.database, owner_id=alice, upload_id=file_id)
        assert state.state == "checking"


async def test_a_picture_whose_child_is_killed_is_tried_again_and_then_refused(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, runs = tmp_path / "child.py", tmp_path / "runs"
    program.write_text(
        "import os, pathlib, signal\n"
        f"with pathlib.Path({str(runs)!r}).open('a') as runs: runs.write('x')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.setattr("chat_app.files.pictures.picture_child.__file__", str(program))
    async with open_node(storage) as node:
        alice = await new_user(node)
        file_id = await begin_file(node, alice, picture())

        state = await checked(node, alice, file_id)

        assert (state.state, state.code) == ("refused", "unreadable_picture")
        assert len(runs.read_text()) == check.MAX_ATTEMPTS
        async with asyncio.timeout(PATIENCE_S):
            while disk_of(node).upload_path(file_id).exists():
                await asyncio.sleep(0.02)


async def test_a_document_whose_preview_fails_is_taken_without_one(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "child.py"
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr("chat_app.files.pictures.picture_child.__file__", str(program))
    async with open_node(storage) as node:
        alice = await new_user(node)

        state = await checked(node, alice, await begin_file(node, alice, document()))

        assert state.file is not None
        assert (state.state, state.file.thumbnail_url) == ("ready", None)


@asynccontextmanager
async def clamd(answers: dict[bytes, bytes]) -> AsyncIterator[str]:
    """Yield the address of a program that speaks like clamd: an answer by what it was sent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        data = b""
        while size := struct.unpack(">I", await reader.readexactly(4))[0]:
            data += await reader.readexactly(size)
        writer.write(answers.get(data, b"stream: OK") + b"\0")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.usefixtures("often")
async def test_what_the_scanner_refuses_leaves_nothing(storage: Storage) -> None:
    answers = {
        EICAR: b"stream: Eicar-Test-Signature FOUND",
        b"large": b"INSTREAM size limit exceeded. ERROR",
    }
    async with clamd(answers) as address, open_node(storage, CHAT_CLAMAV=address) as node:
        alice = await new_user(node)
        states = {}
        for data in (EICAR, b"large", b"harmless"):
            file_id = await begin_file(node, alice, data)
            state = await checked(node, alice, file_id)
            states[data] = (state.state, state.code)
            assert disk_of(node).path(file_id).exists() == (state.state == "ready")

        assert states == {
            EICAR: ("refused", "infected"),
            b"large": ("refused", "not_scanned"),
            b"harmless": ("ready", None),
        }


@pytest.mark.usefixtures("often")
async def test_a_file_waits_for_a_scanner_that_is_away(storage: Storage) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"127.0.0.1:{closed.getsockname()[1]}"
        async with open_node(storage, CHAT_CLAMAV=away) as node:
            alice = await new_user(node)
            file_id = await begin_file(node, alice, b"bytes")
            await _until_attempted(node, file_id, times=1)
            await _forget_claim(node, file_id)
            await _until_attempted(node, file_id, times=2)
            state, _ = await upload_state(node.database, owner_id=alice, upload_id=file_id)
            assert state.state == "checking"
    async with clamd({}) as address, open_node(storage, CHAT_CLAMAV=address) as node:
        await _forget_claim(node, file_id)
        assert (await checked(node, alice, file_id)).state == "ready"


async def test_a_scanner_that_answers_nonsense_is_away(tmp_path: Path) -> None:
    path = tmp_path / str(new_id())
    path.write_bytes(b"nonsense")
    async with clamd({b"nonsense": b"?"}) as address:
        with pytest.raises(ScannerAway):
            await Scanner(address).scan(path)
    with pytest.raises(ScannerAway):
        await Scanner(str(tmp_path / "no.socket")).scan(path)


@pytest.mark.usefixtures("often")
async def test_files_beyond_the_queue_are_checked_once_their_claims_are_over(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "MAX_WAITING", 1)
    monkeypatch.setattr(uploads, "BEFORE_CHECK", timedelta(seconds=0.1))
    async with open_node(storage) as node:
        alice = await new_user(node)
        file_ids = [await begin_file(node, alice, b"%d bytes" % number) for number in range(8)]

        states = [(await checked(node, alice, file_id)).state for file_id in file_ids]

        assert states == ["ready"] * 8
