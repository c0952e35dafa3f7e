"""The deployment guide names existing files, settings, targets and log events."""

import re

import pytest

from chat_app.core.settings import PREFIX, Settings
from tests.harness.servers import ROOT

GUIDE = (ROOT / "docs" / "deployment.md").read_text()
MADE_BY_THE_READER = {"deploy/.env", "deploy/acme", "deploy/certificates", "deploy/grafana"}


def test_files_exist() -> None:
    named = set(re.findall(r"\bdeploy/[\w@./-]*\w", GUIDE)) - MADE_BY_THE_READER

    assert {"deploy/nginx.conf", "deploy/chat@.service"} <= named
    files = {name for name in named if not name.startswith(tuple(MADE_BY_THE_READER))}
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_links_resolve() -> None:
    for target in re.findall(r"\]\(([\w./-]+)\)", GUIDE):
        assert (ROOT / "docs" / target).exists()


@pytest.mark.parametrize(
    "target",
    sorted(set(re.findall(r"^.*?make ([a-z]+)$|`make ([a-z]+)`", GUIDE, flags=re.MULTILINE))),
)
def test_make_targets_exist(target: tuple[str, str]) -> None:
    name = target[0] or target[1]

    assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_settings_exist() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    # These two are Compose's.
    named = set(re.findall(r"CHAT_[A-Z_]+[A-Z]", GUIDE)) - {"CHAT_VERSION", "CHAT_CERTIFICATES"}

    assert named <= known


def test_nginx_has_the_documented_number_of_connections() -> None:
    files = [ROOT / "deploy" / "nginx.conf", ROOT / "deploy" / "compose" / "nginx.conf"]
    configured = {re.findall(r"worker_connections (\d+);", file.read_text())[0] for file in files}
    [promised] = re.findall(r"The (\d+) in `deploy/compose/nginx.conf`", GUIDE)

    assert configured == {promised}


def test_log_events_of_the_guide_exist() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "chat_app").rglob("*.py"))
    events = re.findall(r"`((?:node|database|redis)\.[a-z_]+)`", GUIDE)

    assert len(events) == 5
    assert [event for event in events if f'"{event}"' not in sources] == []
