"""The systemd unit: it is well formed, and its command starts a node and ends it in order."""

import re
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from chat_app.core.settings import PREFIX, Settings
from tests.harness import servers
from tests.harness.servers import ROOT, ChatServer

UNIT = ROOT / "deploy" / "chat@.service"
PYTHON = "/opt/chat/.venv/bin/python"


def entries() -> dict[str, list[str]]:
    """Return the values of the unit by name; some names occur several times."""
    found = defaultdict(list)
    for line in UNIT.read_text().splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


def test_the_command_of_the_unit_starts_a_node_and_sigterm_ends_it(
    front_end: Path, tmp_path: Path
) -> None:
    assert front_end.is_dir()
    port = servers.free_port()
    [command] = entries()["ExecStart"]
    words = command.replace(PYTHON, sys.executable).replace("%i", str(port)).split()
    chat = ChatServer(words, folder=tmp_path, port=port)
    try:
        chat.wait_until_ready()
        chat.server.process.send_signal(signal.SIGTERM)

        assert chat.server.process.wait(int(entries()["TimeoutStopSec"][0])) == 0
    finally:
        chat.stop()


def test_the_unit_runs_as_a_plain_user_who_writes_to_one_folder() -> None:
    unit = entries()

    assert unit["User"] == ["chat"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["NoNewPrivileges"] == ["true"]
    assert unit["CapabilityBoundingSet"] == [""]
    [folder] = unit["StateDirectory"]
    assert f"CHAT_DATA_DIR=/var/lib/{folder}" in unit["Environment"]


def test_settings_of_the_unit_exist_and_none_is_a_secret() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    example = (ROOT / "deploy" / "environment.example").read_text()
    listed = dict(re.findall(r"^(?:# )?(CHAT_[A-Z_]+)=(.*)$", example, flags=re.MULTILINE))

    assert set(listed) <= known
    assert {"CHAT_METRICS_TOKEN", "CHAT_OTEL_ENDPOINT", "CHAT_OTEL_CALLERS"} <= set(listed)
    assert not listed["CHAT_SECRET_KEY"]
    assert not listed["CHAT_METRICS_TOKEN"]
    assert ":PASSWORD@" in listed["CHAT_DATABASE_URL"]
    assert not [line for line in entries()["Environment"] if "SECRET" in line or "URL" in line]


def test_each_node_has_a_name_of_its_own() -> None:
    """No shared file may override it."""
    [name] = [line for line in entries()["Environment"] if line.startswith("CHAT_NODE_NAME=")]

    assert "%i" in name
    assert "CHAT_NODE_NAME" not in (ROOT / "deploy" / "environment.example").read_text()


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Without systemd, check the form of its lines only."""
    assert all(re.fullmatch(r"[A-Z]\w+", name) for name in entries())
    if analyze := shutil.which("systemd-analyze"):
        copy = tmp_path / "chat@3001.service"
        text = UNIT.read_text().replace(PYTHON, sys.executable)
        # This machine has no user of that name.
        copy.write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE))
        done = subprocess.run(  # noqa: S603  # a program of the system, with a file of ours
            [analyze, "verify", "--man=no", str(copy)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
