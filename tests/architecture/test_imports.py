"""Import rules: the packages that each package may import, and the one that uses each library."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.harness.sources import parsed

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "chat_app"
SOURCES = sorted(APP.rglob("*.py"))

# A package's key is its folder under chat_app, a module's its name.
INNER = {"core", "models", "realtime"}
DOMAINS = (
    "accounts",
    "friends",
    "conversations",
    "files",
    "messages",
    "presence",
    "push",
    "search",
    "admin",
)
MAY_IMPORT = {
    "core": set[str](),
    "models": {"core"},
    "realtime": {"core"},
    "change_log": INNER,
    "accounts": INNER | {"change_log"},
    "friends": INNER | {"change_log", "accounts"},
    "conversations": INNER | {"change_log", "accounts", "friends"},
    "files": INNER | {"change_log", "accounts", "friends", "conversations"},
    "messages": INNER | {"change_log", "accounts", "friends", "conversations", "files"},
    "presence": INNER | {"accounts", "friends", "conversations"},
    "search": INNER | {"change_log", "accounts", "friends", "conversations", "files", "messages"},
    "admin": INNER | {"change_log", "accounts", "friends", "conversations", "messages", "stats"},
    "push": INNER | {"accounts", "friends", "conversations", "messages"},
    # The parts that nodes share through Redis.
    "redis": {"core", "realtime"},
    "node": INNER | {*DOMAINS, "change_log", "redis"},
    # Tables never reach a door.
    "api": {"core", "realtime", "node", *DOMAINS},
    "ui": {"core", "realtime", "node", "server", *DOMAINS},
    # The server imports neither door.
    "server": {"core", "realtime"},
    # The demo fills an empty database, and no other package imports it.
    "demo": INNER | {"accounts", "conversations", "messages", "search"},
    # A command around the browser's door, which finds the composition root by its name.
    "serve": {"ui"},
    # Statistics of all tables, for the operator.
    "stats": {"core", "models"},
    # Copies tables as the migrations make them: it imports neither domains nor models.
    "archive": {"core"},
    # The operator's door: like the others it imports no models.
    "shell": {"core", "realtime", "node", "stats", "archive", *DOMAINS},
    "__main__": {"shell"},
    # The composition root imports everything, and nothing imports it.
    "chat_app": INNER | {*DOMAINS, "node", "api", "ui", "server"},
}

LIBRARY_HOME = {
    "reflex": {"ui", "chat_app"},
    # Internals of Reflex, and the libraries below it.
    "reflex_base": {"ui/reflex"},
    "reflex_components_core": {"ui/reflex"},
    "litestar": {"api"},
    # Its reply with a file, in ranges.
    "starlette": {"ui/reflex", "api/files.py"},
    "socketio": {"ui/reflex"},
    "engineio": {"ui/reflex"},
    "uvicorn": {"server"},
    "redis": {"redis"},
    "asyncpg": {"archive/errors.py"},
    "obstore": {"core/bucket.py"},
    "typer": {"shell"},
    "rich": {"shell"},
    "passlib": {"core/passwords.py"},
    "cryptography": {"push"},
    "jwt": {"core/tokens.py"},
    "alembic": {"core/migrations.py"},
    "segno": {"core/qr_code.py"},
    # Optional libraries: only the module that is loaded when traces are on imports them.
    "opentelemetry": {"core/otel.py"},
    "prometheus_client": {"api/metrics.py"},
    # Only the child process decodes pictures.
    "PIL": {"files/picture_child.py"},
    "av": {"files/media_child.py"},
    "pypdfium2": {"files/media_child.py"},
    "pi_heif": {"files/picture_child.py"},
    "playwright": set[str](),
    "pytest": set[str](),
}

# Names of Reflex's private attributes, and of its own states and events on the wire.
INSIDE_OF_REFLEX = re.compile(
    r"\b_get_root_state\b|\bmodify_state\b|\brouter_data\b|\breflex___state|\b_js_expr\b"
    r"|\b_var_data\b|\b_token_manager\b|\bapp_wraps\b"
)


def home_of(source: Path) -> str:
    """Return the package (or the module beside the packages) that a source file belongs to."""
    return source.relative_to(APP).parts[0].removesuffix(".py")


def imported_modules(source: Path) -> Iterator[str]:
    """Yield every module that a file imports, at its top or in a function."""
    for node in ast.walk(parsed(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source} imports relatively"
            if node.module == "chat_app":
                yield from (f"chat_app.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


def places_of(source: Path) -> set[str]:
    """Return the module and every folder under chat_app that it is in."""
    relative = source.relative_to(APP)
    folders = (folder.as_posix() for folder in relative.parents)
    return {relative.as_posix(), home_of(source), *folders}


def name(source: Path) -> str:
    """Return the file's path as the tables above write it."""
    return source.relative_to(APP).as_posix()


def test_a_module_imports_only_inner_packages() -> None:
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


def test_a_library_is_imported_by_its_package_only() -> None:
    wrong = [
        f"{name(source)} imports {module}"
        for source in SOURCES
        for module in imported_modules(source)
        if (homes := LIBRARY_HOME.get(module.partition(".")[0])) is not None
        and not places_of(source) & homes
    ]

    assert wrong == []


def test_only_one_package_depends_on_the_internals_of_reflex() -> None:
    """Screens use `import reflex as rx` only, and none of its modules."""
    wrong = []
    for source in SOURCES:
        if "ui/reflex" not in places_of(source):
            modules = [one for one in imported_modules(source) if one.startswith("reflex.")]
            names = INSIDE_OF_REFLEX.findall(source.read_text())
            wrong += [f"{name(source)} uses {one}" for one in (*modules, *names)]

    assert wrong == []


def test_the_composition_root_is_imported_by_no_module() -> None:
    importers = [
        name(source)
        for source in SOURCES
        if any(module.startswith("chat_app.chat_app") for module in imported_modules(source))
    ]

    assert importers == []


def test_the_alembic_folder_is_no_package() -> None:
    """A package would shadow the library of the same name."""
    assert list((ROOT / "alembic").rglob("__init__.py")) == []
