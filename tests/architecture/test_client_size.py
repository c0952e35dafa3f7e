"""The length of the example client, compared with the documents."""

import ast
import io
import re
import tokenize
from pathlib import Path

from tests.harness.sources import parsed

DOCS = Path(__file__).resolve().parents[2] / "docs"
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def lines_of_code(source: str) -> set[int]:
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(parsed(source)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            text = node.body[0]
            lines.difference_update(range(text.lineno, (text.end_lineno or 0) + 1))
    return lines


def test_the_client_has_the_documented_length() -> None:
    document = (DOCS / "client.md").read_text()
    documented = re.search(r"^(\d+) lines of code", document, re.MULTILINE)
    assert documented is not None
    count = len(lines_of_code((DOCS / "client.py").read_text()))
    assert count == int(documented.group(1))
    assert count == sum(int(row) for row in re.findall(r"^\| (\d+) \|", document, re.MULTILINE))


def test_neither_comments_nor_docstrings_are_lines_of_code() -> None:
    source = '"""Of\n\nthree lines."""\n\n# why\nsum = (\n    1  # one\n)\ntext = """\ntwo"""\n'
    assert len(lines_of_code(source)) == 5
