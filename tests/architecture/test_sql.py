"""The SQL rule: which modules compose statements, and which run them.

In a domain, `queries.py` holds the reads of callers, `store.py` row access and locks, and
`statements.py` the statements that are composed once for many rows; the writer or job beside it
runs those. No other module composes SQL, except for those named here.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.test_imports import APP, SOURCES, home_of, imported_modules, name
from tests.architecture.test_imports import DOMAINS as DOMAIN_PACKAGES
from tests.harness.sources import parsed

DOMAINS = (*DOMAIN_PACKAGES, "change_log")
# Packages and modules with SQL of their own, and why.
EXCEPTIONS = {
    "core": "the engine, SQLite's pragmas, migrations, and the clock of the database",
    "archive": "copies tables by the names that the migrations give them, without a model",
    "demo": "fills an empty database with rows that no use case would write",
    "stats.py": "counts rows for the operator, on behalf of no user",
    "conversations/message_rows.py": "the columns of messages for all statements; it runs none",
    "friends/relations.py": "conditions for the statements of all domains; it runs none",
}
COMPOSING_FILES = {"queries.py", "store.py", "statements.py"}
RUNNING_FILES = {"queries.py", "store.py"}

READS = {"select", "exists", "union", "union_all", "text"}
WRITES = {"insert", "update", "delete"}
RUNS = {"execute", "scalars", "scalar", "stream", "fetch_all", "exec_driver_sql"}
ROW_ACCESS = {"add", "add_all", "delete", "flush", "get", "merge", "refresh"}


@cache
def _tree(source: Path) -> ast.Module:
    return parsed(source.read_text())


def is_exception(source: Path) -> bool:
    """Return whether a module is named above, by itself or by its package."""
    return bool({home_of(source), name(source)} & EXCEPTIONS.keys())


def composed(source: Path) -> Iterator[str]:
    """Yield the SQLAlchemy functions that a module calls to compose statements."""
    tree = _tree(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        is_of_sql = isinstance(node, ast.ImportFrom) and str(node.module).startswith("sql")
        if isinstance(node, ast.Import | ast.ImportFrom) and (
            is_of_sql or isinstance(node, ast.Import)
        ):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id=called) if names.get(called) in READS | WRITES:
                yield names[called]
            case ast.Attribute(value=ast.Name(id=module), attr=called) if (
                names.get(module) in {"sqlalchemy", "sqlmodel"} and called in READS | WRITES
            ):
                yield called
            case ast.Attribute(attr="with_for_update"):
                yield "with_for_update"


def run(source: Path) -> Iterator[str]:
    """Yield the methods by which a module runs statements, or reads and writes rows."""
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Attribute) and node.attr in RUNS:
            yield node.attr
        elif (
            isinstance(node, ast.Attribute)
            and node.attr in ROW_ACCESS
            and isinstance(node.value, ast.Name | ast.Attribute)
            and ast.unparse(node.value).rpartition(".")[2] == "session"
        ):
            yield f"session.{node.attr}"


def test_sql_is_composed_in_queries_stores_and_statements() -> None:
    for source in SOURCES:
        is_allowed = home_of(source) in DOMAINS and source.name in COMPOSING_FILES
        if not is_allowed and not is_exception(source):
            assert not set(composed(source)), name(source)


def test_statements_are_run_by_queries_and_stores_and_beside_statements() -> None:
    for source in SOURCES:
        if is_exception(source) or home_of(source) == "redis":  # its pipelines execute, too
            continue
        if home_of(source) not in DOMAINS:
            assert not set(run(source)), name(source)
        elif source.name not in RUNNING_FILES and set(run(source)):
            of_the_domain = f"chat_app.{home_of(source)}."
            assert any(
                module.startswith(of_the_domain) and module.endswith(".statements")
                for module in imported_modules(source)
            ), f"{name(source)} runs a statement that no statements.py of its domain composes"


def test_queries_only_read() -> None:
    for source in SOURCES:
        if source.name == "queries.py":
            assert not set(composed(source)) & {*WRITES, "with_for_update"}, name(source)


def test_statements_are_only_composed_in_statements() -> None:
    for source in SOURCES:
        if source.name == "statements.py" or name(source) == "friends/relations.py":
            assert not set(run(source)), name(source)


def test_every_exception_still_composes_sql() -> None:
    for exception in EXCEPTIONS:
        modules = [one for one in SOURCES if exception in {home_of(one), name(one)}]
        assert any(set(composed(one)) for one in modules), exception
        assert (APP / exception).exists(), exception
