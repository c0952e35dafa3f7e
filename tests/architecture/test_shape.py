"""Code rules: length and names of modules, escaped text, and reasons of suppressions."""

import ast
import re
import tomllib
from pathlib import Path

from tests.harness.sources import parsed

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "chat_app"
SOURCES = sorted(APP.rglob("*.py"))
MAX_LINES = 500
EMPTY_NAMES = re.compile(r"(^|[/_])(utils?|helpers?|managers?|misc|common)(?=$|[/_])")
# `rx.html` and Markdown with raw HTML would run what people write; `rx.Cookie` can be read by
# scripts, so no credential may ever be in one.
FORBIDDEN_COMPONENTS = {"html", "markdown", "Cookie"}


def test_a_module_has_at_most_500_lines() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    lengths = {path: len(path.read_text().splitlines()) for path in [*SOURCES, *tests]}

    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_module_names_are_specific() -> None:
    empty = [
        path
        for path in SOURCES
        if EMPTY_NAMES.search(path.relative_to(APP).with_suffix("").as_posix().lower())
    ]

    assert empty == []


def test_screens_show_text_as_text() -> None:
    used = {
        (_name(path), node.attr)
        for path in sorted(APP.glob("ui/**/*.py"))
        for node in ast.walk(parsed(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "rx"
        and node.attr in FORBIDDEN_COMPONENTS
    }

    assert used == set()


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
        assert all(re.search(r"#\s\S", line) for line in lines), f"{rule}: add the reason"


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
    folders = ("alembic", "benchmarks", "chaos", "chat_app", "docs", "simulation", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return [*files, *ROOT.glob("*.py")]


def _name(path: Path) -> str:
    return path.relative_to(APP).as_posix()
