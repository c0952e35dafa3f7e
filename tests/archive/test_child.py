"""The process that writes a backup for a node."""

import json
import resource
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from chat_app.admin.backup_task import UNUSED
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, settings_of, to_user
from tests.harness.servers import ROOT

# The backup of so many texts of chance takes more.
TINY_FILE = 40_000
LONG_TEXTS = 20
PATIENCE_S = 120


def start(
    storage: Storage, path: Path, before: Callable[[], None] | None = None
) -> subprocess.Popen[bytes]:
    """Start the process and send it its settings; its input stays open."""
    child = subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-m", "chat_app.archive.child", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        preexec_fn=before,  # noqa: PLW1509  # nothing else runs yet
    )
    assert child.stdin is not None
    settings = settings_of(storage).model_dump(mode="json", exclude=UNUSED)
    child.stdin.write(json.dumps({**settings, "redis_url": ""}).encode() + b"\n")
    child.stdin.flush()
    return child


async def test_a_full_disk_is_named_and_nothing_is_left(storage: Storage, tmp_path: Path) -> None:
    async with open_node(storage) as node:
        writer, reader = [await new_user(node) for _ in range(2)]
        for _ in range(LONG_TEXTS):
            await node.messages.send(to_user(writer, reader, secrets.token_hex(4_000)))
    folder = tmp_path / "backups"
    folder.mkdir()

    def have_a_small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (TINY_FILE, TINY_FILE))

    with start(storage, folder / "backup.zip", have_a_small_disk) as child:
        assert child.stdout is not None
        answer = json.loads(child.stdout.read())
        assert child.wait(PATIENCE_S) == 1

    assert answer["failure"] == "disk_full"
    assert list(folder.iterdir()) == []


def test_it_ends_with_its_node(storage: Storage, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with start(storage, folder / "backup.zip") as child:
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(PATIENCE_S) != 0

    assert list(folder.iterdir()) == []
