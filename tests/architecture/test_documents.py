"""The documents name modules, files and decisions that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "decisions"
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *DECISIONS.glob("*.md"),
    ]
)
# Documents shorten paths: `realtime/hub.py` is below chat_app, `server/test_websocket.py` in tests.
BASES = (ROOT, ROOT / "chat_app", ROOT / "tests")

documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


@documents
def test_named_modules_exist(document: Path) -> None:
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.py)`", document.read_text())

    assert [path for path in named if not any((base / path).is_file() for base in BASES)] == []


@documents
def test_relative_links_resolve(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text())

    assert [target for target in targets if not (document.parent / target).exists()] == []


@documents
def test_links_to_headings_resolve(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]*\.md)?#([^)]+)\)", document.read_text())

    missing = [
        f"{target}#{anchor}"
        for target, anchor in links
        if anchor not in headings(document.parent / target if target else document)
    ]
    assert missing == []


def test_every_decision_is_in_the_index() -> None:
    index = (DECISIONS / "README.md").read_text()
    written = {path.name for path in DECISIONS.glob("[0-9]*.md")}

    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == written


def test_a_decision_has_the_number_of_its_file() -> None:
    wrong = [
        path.name
        for path in DECISIONS.glob("[0-9]*.md")
        if not path.read_text().startswith(f"# {int(path.name[:4])}. ")
    ]

    assert wrong == []


def headings(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub forms them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
