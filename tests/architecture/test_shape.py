"""What a reader of the house may rely on: small modules, telling names, explained exceptions."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "chat_app"
SOURCES = sorted(APP.rglob("*.py"))
MOST_LINES = 300
EMPTY_NAMES = re.compile(r"(^|[/_])(utils?|helpers?|managers?|misc|common)(?=$|[/_])")
# `rx.html` and Markdown with raw HTML would run what people write; `rx.Cookie` can be read by
# scripts, so no credential may ever be in one.
FORBIDDEN_COMPONENTS = {"html", "markdown", "Cookie"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(APP).as_posix())
def test_a_module_fits_in_the_head(source: Path) -> None:
    assert len(source.read_text().splitlines()) < MOST_LINES


def test_names_say_what_things_are() -> None:
    empty = [
        path
        for path in SOURCES
        if EMPTY_NAMES.search(path.relative_to(APP).with_suffix("").as_posix().lower())
    ]

    assert empty == []


@pytest.mark.parametrize(
    "source", sorted(APP.glob("ui/**/*.py")), ids=lambda path: path.relative_to(APP).as_posix()
)
def test_the_screens_show_text_as_text(source: Path) -> None:
    used = {
        node.attr
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "rx"
    }

    assert not used & FORBIDDEN_COMPONENTS


def test_every_ignored_rule_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    rules = {
        *lint["ignore"],
        *(rule for rules in lint["per-file-ignores"].values() for rule in rules),
    }

    for rule in rules:
        lines = [line for line in text.splitlines() if line.strip().startswith(f'"{rule}",')]
        assert lines, f"{rule}: one rule a line"
        assert all(re.search(r"#\s\S", line) for line in lines), f"{rule}: say why"


def test_every_suppression_names_its_rule_and_its_reason() -> None:
    bare = [
        f"{path}:{number}"
        for path in _python_files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for mark in re.findall(r"#\s*(?:noqa|type: ignore).*", line)
        if not re.match(r"#\s*(noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\])\s+# \S", mark)
    ]

    assert bare == [], "write: # noqa: RULE  # why"


def _python_files() -> list[Path]:
    folders = ("alembic", "benchmarks", "chaos", "chat_app", "docs", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return [*files, *ROOT.glob("*.py")]
