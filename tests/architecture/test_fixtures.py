"""Rules of the tests: what several folders share is in the harness."""

import ast
from pathlib import Path

from tests.harness.sources import parsed

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent


def test_no_module_imports_from_a_conftest() -> None:
    folders = (TESTS, ROOT / "benchmarks", ROOT / "chaos")
    importers = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in folders
        for path in folder.rglob("*.py")
        for node in ast.walk(parsed(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and "conftest" in {str(node.module).rpartition(".")[2], *(a.name for a in node.names)}
    ]

    assert importers == []
