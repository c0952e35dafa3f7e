"""All arrows point inward: who may import whom, and where each library is at home."""

import ast
from collections.abc import Iterator
from pathlib import Path

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
    """Return the file's path as the tables above write it."""
    return source.relative_to(APP).as_posix()


def test_a_module_imports_only_what_lies_further_in() -> None:
    wrong = [
        f"{name(source)} imports {module}"
        for source in SOURCES
        for module in imported_modules(source)
        if not _may_import(source, module)
    ]

    assert wrong == []


def _may_import(source: Path, module: str) -> bool:
    home = home_of(source)
    root, _, rest = module.partition(".")
    if home == "__init__":
        return False  # chat_app/__init__.py stays empty
    assert home in MAY_IMPORT, f"add {home} to the table above, and to docs/architecture.md"
    target = rest.partition(".")[0]
    return root != "chat_app" or target == home or target in MAY_IMPORT[home]


def test_a_library_is_imported_only_where_it_is_at_home() -> None:
    wrong = [
        f"{name(source)} imports {module}"
        for source in SOURCES
        for module in imported_modules(source)
        if (homes := LIBRARY_HOME.get(module.partition(".")[0])) is not None
        and not {home_of(source), name(source)} & homes
    ]

    assert wrong == []


def test_the_composition_root_is_imported_by_no_module() -> None:
    importers = [
        name(source)
        for source in SOURCES
        if any(module.startswith("chat_app.chat_app") for module in imported_modules(source))
    ]

    assert importers == []


def test_the_alembic_folder_is_no_package() -> None:
    """It would shadow the library of the same name."""
    assert list((ROOT / "alembic").rglob("__init__.py")) == []
