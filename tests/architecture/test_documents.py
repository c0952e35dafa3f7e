"""Documents name existing modules, files, headings and decisions."""

import re
from pathlib import Path

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


def test_named_modules_exist() -> None:
    missing = [
        f"{_name(document)}: {path}"
        for document in DOCUMENTS
        for path in re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.py)`", document.read_text())
        if not any((base / path).is_file() for base in BASES)
    ]

    assert missing == []


def test_relative_links_resolve() -> None:
    broken = [
        f"{_name(document)}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert broken == []


def test_links_to_headings_resolve() -> None:
    broken = [
        f"{_name(document)}: {target}#{anchor}"
        for document in DOCUMENTS
        for target, anchor in re.findall(r"\]\(([^)#:\s]*\.md)?#([^)]+)\)", document.read_text())
        if anchor not in headings(document.parent / target if target else document)
    ]

    assert broken == []


def test_the_index_lists_every_decision_by_its_title() -> None:
    rows = {
        f"| {title.partition('. ')[0]} | [{title.partition('. ')[2]}]({path.name}) |"
        for path in DECISIONS.glob("[0-9]*.md")
        for title in [path.read_text().splitlines()[0].removeprefix("# ")]
    }
    index = (DECISIONS / "README.md").read_text().splitlines()

    assert {row for row in index if row.startswith("| ") and "](" in row} == rows


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


def _name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()
