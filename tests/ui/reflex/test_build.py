"""The build of the front end: our changes to Reflex, stale builds, and exported archives."""

import inspect
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from reflex.app import App
from reflex.compiler import compiler
from reflex.reflex import _run_prod
from reflex.utils import build as reflex_build
from reflex.utils import exec as reflex_exec
from reflex.utils import export as reflex_export
from reflex.utils.precompressed_staticfiles import PrecompressedStaticFiles
from reflex_base.compiler import templates
from reflex_base.constants import Reflex, Templates

from chat_app.ui.reflex import build
from chat_app.ui.reflex.language_files import LanguageFiles
from tests.harness import servers

JAVASCRIPT_BYTES = 350 * 1024
SHOW_CONFIGURATION = """
import json
from rxconfig import config

names = "state_manager_mode redis_url db_url cors_allowed_origins transport telemetry_enabled"
names += " frontend_port"
print(json.dumps({name: getattr(config, name) for name in names.split()}))
"""


def test_reflex_still_calls_the_functions_that_we_replace() -> None:
    """Detect a Reflex version that renames or bypasses the three replaced functions."""
    assert "build()" in inspect.getsource(reflex_build.setup_frontend_prod)
    assert "exec.run_backend_prod(" in inspect.getsource(_run_prod)
    assert "build.setup_frontend_prod(" in inspect.getsource(_run_prod)
    assert "build.build()" in inspect.getsource(reflex_export.export)
    assert "build.zip_app(" in inspect.getsource(reflex_export.export)
    assert list(inspect.signature(reflex_exec.run_backend_prod).parameters)[:2] == ["host", "port"]


def test_reflex_still_serves_files_by_the_class_that_we_replace() -> None:
    assert "app=PrecompressedStaticFiles(" in inspect.getsource(reflex_exec.get_frontend_mount)
    assert "plugin.post_build(" in inspect.getsource(reflex_build.build)
    assert list(inspect.signature(PrecompressedStaticFiles.file_response).parameters) == list(
        inspect.signature(LanguageFiles.file_response).parameters
    )


def test_reflex_still_calls_should_compile() -> None:
    assert "app._should_compile()" in inspect.getsource(compiler.compile_app)
    assert hasattr(App, "_should_compile")


def test_the_front_end_uses_the_origin_it_was_loaded_from() -> None:
    state_js = (Path(Templates.Dirs.WEB_TEMPLATE) / build.STATE_JS).read_text()

    changed = build.use_page_origin(state_js)

    own = "window.chatServer || window.location.origin"
    assert f"new URL(endpoint.pathname, {own})" in changed


def test_a_broken_link_is_tried_again_with_jitter() -> None:
    state_js = (Path(Templates.Dirs.WEB_TEMPLATE) / build.STATE_JS).read_text()

    changed = build.reconnect_with_backoff(state_js)

    assert changed.count(build.FULL_JITTER) == 2
    assert "200 * failed_attempts" not in changed
    assert "window.chatLink = socket.current" in changed


def test_changes_of_an_earlier_version_are_replaced() -> None:
    once = build.adapted_state_js("what an earlier version left here")

    assert build.adapted_state_js(once) == once
    assert once.count("window.chatPatches") == 1


def test_a_build_holds_the_version_of_reflex_and_nothing_else_about_itself() -> None:
    state_js = (Path(Templates.Dirs.WEB_TEMPLATE) / build.STATE_JS).read_text()

    changed = build.pin_version(state_js)

    assert "reflex.json" not in changed
    assert f'{{ version: "{Reflex.VERSION}" }}' in changed


def test_the_pages_evaluate_no_scripts() -> None:
    state_js = (Path(Templates.Dirs.WEB_TEMPLATE) / build.STATE_JS).read_text()

    changed = build.refuse_scripts(state_js)

    assert "eval(" not in changed


def test_a_missing_route_is_announced_in_builds() -> None:
    config = templates.vite_config_template(
        base="/", hmr=True, force_full_reload=False, experimental_hmr=False, sourcemap=False
    )

    changed = build.announce_missing_routes(config)

    assert "    reactRouter(),\n    announceMissingRoutes(),\n" in changed
    assert build.MISSING_ROUTES_PLUGIN in changed


def test_development_has_one_origin_too() -> None:
    config = templates.vite_config_template(
        base="/", hmr=True, force_full_reload=False, experimental_hmr=False, sourcemap=False
    )

    changed = build.proxy_server_paths(config, 8123)

    for path in ("/api", "/ws", "/_event"):
        assert f'"{path}": {{ target: "http://localhost:8123", ws: true }}' in changed


def test_a_template_that_does_not_fit_stops_the_build() -> None:
    with pytest.raises(build.BuildError, match=build.STATE_JS):
        build.use_page_origin("export const nothing = 1;")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder laid out like the project."""
    for name in ("rxconfig.py", "chat_app/ui/shell.py", "chat_app/api/app.py", "assets/chat.css"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize("name", ["rxconfig.py", "chat_app/ui/shell.py", "assets/chat.css"])
def test_a_changed_source_makes_the_build_stale(project: Path, name: str) -> None:
    before = build.fingerprint(project)
    assert build.fingerprint(project) == before

    (project / name).write_text("changed")

    assert build.fingerprint(project) != before


def test_a_new_or_renamed_source_makes_the_build_stale(project: Path) -> None:
    before = build.fingerprint(project)

    (project / "assets/chat.css").rename(project / "assets/other.css")

    assert build.fingerprint(project) != before


def test_a_changed_api_leaves_the_build_current(project: Path) -> None:
    before = build.fingerprint(project)

    (project / "chat_app/api/app.py").write_text("changed")

    assert build.fingerprint(project) == before


def test_a_build_setting_makes_the_build_stale(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build.fingerprint(project)

    monkeypatch.setenv("VITE_MINIFY", "false")

    assert build.fingerprint(project) != before


# As in test_serving.py: a checkout supports only one Reflex command at a time.
@pytest.mark.xdist_group("reflex")
def test_the_export_holds_both_halves_and_no_secret(front_end: Path, tmp_path: Path) -> None:
    assert front_end.is_dir()
    private = servers.ROOT / f"data-{tmp_path.name}"
    private.mkdir()
    try:
        (private / "chat.db").write_text("private")
        environment = servers.chat_environment(CHAT_DATA_DIR=str(private))
        reflex = str(Path(sys.executable).parent / "reflex")
        run([reflex, "export", "--zip-dest-dir", str(tmp_path)], **environment)
    finally:
        for path in private.iterdir():
            path.unlink()
        private.rmdir()

    front = zipfile.ZipFile(tmp_path / "frontend.zip").namelist()
    back = zipfile.ZipFile(tmp_path / "backend.zip").namelist()
    assert "index.html" in front
    assert {"rxconfig.py", "requirements.txt", "chat_app/chat_app.py"} <= set(back)
    private_words = (private.name, "secret", ".env", ".db", ".venv", "node_modules")
    assert [name for name in back if any(word in name for word in private_words)] == []


@pytest.mark.xdist_group("reflex")
def test_two_builds_of_one_source_are_equal(front_end: Path, tmp_path: Path) -> None:
    """Nodes that build for themselves serve the files of each other's pages."""
    web = front_end.parents[1]
    for name in build.SOURCES:
        source = servers.ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, tmp_path / name)
    # The packages are those of the first build: installing them again would take most of the time.
    other = tmp_path / ".web"
    shutil.copytree(web, other, ignore=shutil.ignore_patterns("node_modules", "build"))
    (other / "node_modules").symlink_to(web / "node_modules")
    about = {"version": Reflex.VERSION, "project_hash": 1, "last_reflex_run_datetime": "2020-01-01"}
    (other / "reflex.json").write_text(json.dumps(about))

    command = [str(Path(sys.executable).parent / "reflex"), "export", "--frontend-only", "--no-zip"]
    environment = servers.chat_environment(CHAT_DATA_DIR=str(tmp_path / "data"))
    run(["env", "-C", str(tmp_path), *command], **environment)

    first, second = files_in(front_end), files_in(other / "build" / "client")
    assert len(first) > 30
    assert [name for name in first.keys() | second if first.get(name) != second.get(name)] == []


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files in a folder by their names."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_page_loads_a_bounded_amount_of_javascript(front_end: Path) -> None:
    for file in ("index.html", "index.de.html", "index.ar.html"):
        page = (front_end / file).read_text()
        scripts = {
            name.partition('"')[0] for name in page.split('"/assets/')[1:] if ".js" in name[:120]
        }

        assert scripts
        zipped = [front_end / "assets" / f"{name}.gz" for name in scripts]
        assert sum(path.stat().st_size for path in zipped) < JAVASCRIPT_BYTES


def test_the_environment_cannot_change_the_configuration_of_reflex(tmp_path: Path) -> None:
    forced = {
        "REFLEX_REDIS_URL": "redis://127.0.0.1:1/0",
        "REFLEX_STATE_MANAGER_MODE": "redis",
        "REFLEX_CORS_ALLOWED_ORIGINS": "*",
        "REFLEX_TRANSPORT": "polling",
    }
    settings = {"CHAT_DATA_DIR": str(tmp_path), "CHAT_PUBLIC_URL": "https://chat.example.org"}

    done = run(
        [sys.executable, "-c", SHOW_CONFIGURATION], **servers.chat_environment(**settings), **forced
    )

    assert json.loads(done.stdout) == {
        "state_manager_mode": "memory",
        "redis_url": None,
        "db_url": None,
        "cors_allowed_origins": ["https://chat.example.org"],
        "transport": "websocket",
        "telemetry_enabled": False,
        "frontend_port": 3000,
    }


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command at the root of the project."""
    done = subprocess.run(  # noqa: S603  # our own programs, with fixed arguments
        command, check=False, capture_output=True, text=True, cwd=servers.ROOT, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
