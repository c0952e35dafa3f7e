"""All arrows point inward: who may import whom, and where each library is at home."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "chat_app"
SOURCES = sorted(APP.rglob("*.py"))

# A package's key is its folder under chat_app, a module's its name.
INNER = {"core", "models", "realtime"}
DOMAINS = ("accounts", "friends", "conversations", "messages", "presence")
MAY_IMPORT = {
    "core": set[str](),
    "models": {"core"},
    "realtime": {"core"},
    "accounts": INNER,
    "friends": INNER | {"accounts"},
    "conversations": INNER | {"accounts", "friends"},
    "messages": INNER | {"accounts", "friends", "conversations"},
    "presence": INNER | {"accounts", "friends", "conversations"},
    # The Redis twins of what nodes share.
    "redis": {"core", "realtime"},
    "node": INNER | {*DOMAINS, "redis"},
    # Tables never reach a door.
    "api": {"core", "realtime", "node", *DOMAINS},
    "ui": {"core", "realtime", "node", "server", *DOMAINS},
    # What serves both doors knows neither.
    "server": {"core", "realtime"},
    # Fills an empty database for a newcomer, and is in nobody's way.
    "demo": INNER | {"accounts", "conversations"},
    # A command around the browser's door, which finds the composition root by its name.
    "serve": {"ui"},
    # How much there is, for whoever runs the chat.
    "stats": {"core", "models"},
    # Copies tables by what the migrations make of them: it knows no domain, nor the models.
    "archive": {"core"},
    # The operator's door: like the others it knows no table.
    "shell": {"core", "realtime", "node", "stats", "archive", *DOMAINS},
    "__main__": {"shell"},
    # The composition root imports everything, and nothing imports it.
    "chat_app": INNER | {*DOMAINS, "node", "api", "ui", "server"},
}

LIBRARY_HOME = {
    "reflex": {"ui", "chat_app"},
    "reflex_base": {"ui", "chat_app"},
    "litestar": {"api"},
    "starlette": {"ui"},
    "socketio": {"ui"},
    "engineio": {"ui"},
    "uvicorn": {"server"},
    "redis": {"redis"},
    "asyncpg": {"archive/errors.py"},
    "typer": {"shell"},
    "rich": {"shell"},
    "passlib": {"core/passwords.py"},
    "jwt": {"core/tokens.py"},
    "alembic": {"core/migrations.py"},
    # Optional: nothing but what is imported when it is switched on may know it.
    "opentelemetry": {"core/otel.py"},
    "prometheus_client": {"api/metrics.py"},
    "playwright": set[str](),
    "pytest": set[str](),
}


def home_of(source: Path) -> str:
    """Name the package (or the module beside the packages) that a source file belongs to."""
    return source.relative_to(APP).parts[0].removesuffix(".py")


def imported_modules(source: Path) -> Iterator[str]:
    """Yield every module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source} imports relatively"
            if node.module == "chat_app":
                yield from (f"chat_app.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


def name(source: Path) -> str:
    """Return the file's path as test ids and the tables above write it."""
    return source.relative_to(APP).as_posix()


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_a_module_imports_only_what_lies_further_in(source: Path) -> None:
    home = home_of(source)
    if home == "__init__":
        assert not list(imported_modules(source)), "chat_app/__init__.py stays empty"
        return
    assert home in MAY_IMPORT, f"add {home} to the table above, and to docs/architecture.md"

    for module in imported_modules(source):
        root, _, rest = module.partition(".")
        if root == "chat_app" and (target := rest.partition(".")[0]) != home:
            assert target in MAY_IMPORT[home], f"{name(source)} imports {module}"


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_a_library_is_imported_only_where_it_is_at_home(source: Path) -> None:
    for module in imported_modules(source):
        homes = LIBRARY_HOME.get(module.partition(".")[0])
        if homes is not None:
            assert {home_of(source), name(source)} & homes, f"{name(source)} imports {module}"


def test_nobody_imports_the_composition_root() -> None:
    importers = [
        name(source)
        for source in SOURCES
        if any(module.startswith("chat_app.chat_app") for module in imported_modules(source))
    ]

    assert importers == []


def test_the_alembic_folder_is_no_package() -> None:
    """It would shadow the library of the same name."""
    assert list((ROOT / "alembic").rglob("__init__.py")) == []
