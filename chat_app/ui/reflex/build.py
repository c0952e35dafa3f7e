"""The front end's build: changes to Reflex's template, reuse of builds, exported archives.

Imported by `rxconfig.py` before there is any configuration, so it may import no State.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Unpack

import reflex_base.constants as reflex_constants
from reflex.utils import build as reflex_build
from reflex.utils import exec as reflex_exec
from reflex.utils import prerequisites
from reflex_base.config import get_config
from reflex_base.plugins import CommonContext, Plugin, PreCompileContext

from chat_app.server.page_policy import script_sources

ENDPOINT_BASE = "http://localhost"
STATE_JS = "utils/state.js"
VITE_CONFIG = reflex_constants.ReactRouter.VITE_CONFIG_FILE
DEFAULT_BACKEND_PORT = reflex_constants.DefaultPorts.BACKEND_PORT

SERVER = "window.chatServer"
LINK = "window.chatLink"
VERSION_FILE = 'import reflexEnvironment from "$/reflex.json";\n'
VERSION = f'const reflexEnvironment = {{ version: "{reflex_constants.Reflex.VERSION}" }};\n'
EVALUATE = r"\beval(?:\?\.)?\("
EVALUATIONS = 6
REFUSE_SCRIPT = """
function refuseScript() {
  throw new Error("The pages run no scripts that a server sends.");
}
"""
ANNOUNCE_LINK = (
    f"  {LINK} = socket.current;\n"
    # Patches may come before the script that applies them (`replica.js`) is loaded.
    '  socket.current.on("patch", (patches) => (window.chatPatches ??= []).push(patches));\n'
    '  window.dispatchEvent(new Event("chat:link"));\n'
    "  // Set up a reconnect helper function\n"
)
FULL_JITTER = "Math.random() * Math.min(30_000, 1_000 * 2 ** failed_attempts)"
RECONNECT_LATER = f"""\
      retry_timer = window.setTimeout(() => {{
        retry_timer = undefined;
        socket.current?.reconnect();
      }}, {FULL_JITTER});
"""

# The router reloads the page when the file of a route is missing: in the middle of an upgrade that
# goes on for ever, and offline it puts the browser's error page in the place of the chat.
ROUTER_RELOAD = "window.location.reload();"
MISSING_ROUTE = 'window.dispatchEvent(new Event("chat:missing"));'
MISSING_ROUTES_PLUGIN = f"""\
function announceMissingRoutes() {{
  return {{
    name: "chat-announce-missing-routes",
    apply: "build",
    transform(code, id) {{
      if (!id.includes("ssr/routeModules")) return;
      const changed = code.replace("{ROUTER_RELOAD}", '{MISSING_ROUTE}');
      if (changed === code) this.error("React Router no longer reloads here");
      return {{ code: changed, map: null }};
    }},
  }};
}}

"""

# Sources of the front end. Only shapes and limits of the domains reach it, but which ones would be
# a guess; the API is the one package that certainly does not.
SOURCES = ("rxconfig.py", "chat_app", "assets", "reflex.lock")
NOT_SOURCES = ("__pycache__", "api")
BUILD_SETTINGS = ("VITE_SOURCEMAP", "VITE_MINIFY", "REFLEX_NO_AUTOPREFIXER")


class BuildError(Exception):
    """A file of Reflex's template lacks the text that is to be replaced."""


class PageOriginPlugin(Plugin):
    """Make the front end connect to the origin it was loaded from, or to that in `server.js`.

    Reflex bakes the server's address into the bundle. Without one, a build serves any host and
    port, over HTTP and HTTPS, and on a static host too, whose `server.js` names the server; and in
    development Vite passes on what belongs to the server, so that there is one origin (and one
    cookie) there too.
    """

    def update_env_json(self, **_context: Unpack[CommonContext]) -> dict[str, Any]:
        """Return the endpoints with a placeholder host, which is replaced in the browser."""
        return {
            endpoint.name: ENDPOINT_BASE + str(endpoint) for endpoint in reflex_constants.Endpoint
        }

    def pre_compile(self, **context: Unpack[PreCompileContext]) -> None:
        """Register the changes to two files of Reflex's template."""
        context["add_modify_task"](STATE_JS, adapted_state_js)
        context["add_modify_task"](VITE_CONFIG, announce_missing_routes)
        port = get_config().backend_port or DEFAULT_BACKEND_PORT
        context["add_modify_task"](VITE_CONFIG, lambda text: proxy_server_paths(text, port))


def adapted_state_js(_present: str) -> str:
    """Return Reflex's script of the live link with all our changes.

    It is made from the template: the present file stays between compilations, so it may hold the
    changes of an earlier version of the chat.
    """
    template = Path(reflex_constants.Templates.Dirs.WEB_TEMPLATE) / STATE_JS
    state_js = template.read_text()
    for change in (use_page_origin, reconnect_with_backoff, pin_version, refuse_scripts):
        state_js = change(state_js)
    return state_js


def use_page_origin(state_js: str) -> str:
    """Make `getBackendURL` return the page's own origin, or the server that `server.js` names."""
    return _replace_once(
        state_js,
        r"const endpoint = new URL\(url_str\);\n",
        "const endpoint = new URL(url_str);\n"
        '  if (typeof window !== "undefined") {\n'
        f"    return new URL(endpoint.pathname, {SERVER} || window.location.origin);\n"
        "  }\n",
        STATE_JS,
    )


def reconnect_with_backoff(state_js: str) -> str:
    """Reconnect a tab with backoff and jitter, and publish its socket to our scripts.

    Reflex tries at once and then every two seconds, all tabs of a lost server in step. Here the
    waits grow from one to thirty seconds with full jitter (Brooker, "Exponential Backoff And
    Jitter", 2015). `assets/browser/connection.js` reconnects at once when the network returns.
    """
    for pattern, replacement in (
        (r"  // Set up a reconnect helper function\n", ANNOUNCE_LINK),
        (r"200 \* failed_attempts\); // Incremental backoff\n", f"{FULL_JITTER});\n"),
        (r"(?<=disconnects\.\n)      socket\.current\.reconnect\(\);\n", RECONNECT_LATER),
    ):
        state_js = _replace_once(state_js, pattern, replacement, STATE_JS)
    return state_js


def pin_version(state_js: str) -> str:
    """Bundle Reflex's version alone, so that all builds of one source are equal.

    The file that it stands in also holds the time of the build and a random number. Nodes that
    build for themselves would name their files differently, and lack those of each other's pages.
    """
    return _replace_once(state_js, re.escape(VERSION_FILE), VERSION, STATE_JS)


def refuse_scripts(state_js: str) -> str:
    """Remove what evaluates scripts that a server sends: the pages' policy forbids it.

    Nothing of the chat uses `rx.call_script`, `rx.run_script` or components made at run time.
    """
    changed, count = re.subn(EVALUATE, "refuseScript(", state_js)
    if count != EVALUATIONS:
        raise BuildError(f"{STATE_JS} of this Reflex version evaluates {count} scripts")
    return changed + REFUSE_SCRIPT


def announce_missing_routes(vite_config: str) -> str:
    """Make the router announce that the file of a route is missing; `reload.js` recovers."""
    for pattern, replacement in (
        (r"(?=export default defineConfig\()", MISSING_ROUTES_PLUGIN),
        (r"    reactRouter\(\),\n", "    reactRouter(),\n    announceMissingRoutes(),\n"),
    ):
        vite_config = _replace_once(vite_config, pattern, replacement, VITE_CONFIG)
    return vite_config


def proxy_server_paths(vite_config: str, port: int) -> str:
    """Make the development server proxy the server's paths, WebSockets included."""
    target = f"http://localhost:{port}"
    paths = ("/api", "/ws", "/_event")
    proxy = ", ".join(f'"{path}": {{ target: "{target}", ws: true }}' for path in paths)
    return _replace_once(
        vite_config,
        r"  server: \{\n",
        f"  server: {{\n    proxy: {{ {proxy} }},\n",
        VITE_CONFIG,
    )


def _replace_once(text: str, pattern: str, replacement: str, name: str) -> str:
    changed, count = re.subn(pattern, lambda _match: replacement, text)
    if count != 1:
        raise BuildError(f"{name} of this Reflex version does not have what is changed in it")
    return changed


def front_end_is_current() -> bool:
    """Return whether the last production build was made from the present sources."""
    marker = _fingerprint_file()
    static = pages_folder() / "index.html"
    pages = prerequisites.get_backend_dir() / reflex_constants.Dirs.STATEFUL_PAGES
    return (
        reflex_exec.is_prod_mode()
        and marker.is_file()
        and static.is_file()
        and pages.is_file()
        and marker.read_text() == fingerprint()
    )


def pages_folder() -> Path:
    """Return the folder of the built pages."""
    return prerequisites.get_web_dir() / reflex_constants.Dirs.STATIC


def fingerprint(root: Path = Path()) -> str:
    """Return a digest of everything that a build of the front end depends on."""
    kind = f"{reflex_constants.Reflex.VERSION} {reflex_exec.should_prerender_routes()}"
    digest = hashlib.sha256(kind.encode())
    for name in BUILD_SETTINGS:
        digest.update(f"\0{name}={os.environ.get(name, '')}".encode())
    for path in sorted(_sources(root)):
        digest.update(f"\0{path.relative_to(root)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        source = root / name
        if source.is_file():
            yield source
        for path in source.rglob("*"):
            inside = path.relative_to(root).parts
            if path.is_file() and not any(part in NOT_SOURCES for part in inside):
                yield path


def _fingerprint_file() -> Path:
    # A build begins by deleting this folder, so a build that was cut off leaves no fingerprint.
    return prerequisites.get_web_dir() / reflex_constants.Dirs.BUILD_DIR / "fingerprint"


def skip_unchanged_builds(private: Sequence[Path]) -> None:
    """Build only what has changed, and leave the `private` folders out of exported archives.

    Reflex bundles anew at every start (about ten seconds) and packs everything that is not hidden
    into `backend.zip`; it has no setting for either. `tests/ui/reflex/test_build.py` notices when
    the two functions replaced here are no longer there.
    """
    bundle: Callable[[], None] = reflex_build.build
    pack: Callable[..., None] = reflex_build.zip_app

    def build_when_changed() -> None:
        if not front_end_is_current():
            bundle()
            _write_script_sources()
            _fingerprint_file().write_text(fingerprint())

    reflex_build.build = build_when_changed
    reflex_build.zip_app = _pack_without(pack, private)


def _write_script_sources() -> None:
    """Write the sources of the pages' policy for nginx on a static host (deploy/static.conf)."""
    sources = script_sources(pages_folder())
    file = pages_folder() / "script-sources.conf"
    file.write_text(f'set $chat_script_sources "{sources}";\n')


def _pack_without(pack: Callable[..., None], private: Sequence[Path]) -> Callable[..., None]:
    def pack_without_private(
        *, backend_excluded_dirs: tuple[Path, ...] = (), **options: object
    ) -> None:
        excluded = (*backend_excluded_dirs, *(folder.resolve() for folder in private))
        pack(backend_excluded_dirs=excluded, **options)

    return pack_without_private
