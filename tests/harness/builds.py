"""Two builds of the pages, for upgrades: the second has other files, and another service worker."""

import re
import shutil
from pathlib import Path

from chat_app.server.page_policy import script_sources

HASHED = re.compile(r"(.+)(\.(?:js|css))")
ANSWER = """
self.addEventListener("fetch", (event) => {
  if (new URL(event.request.url).pathname === "/build") event.respondWith(new Response("NAME"));
});
"""
TEXTS = {".html", ".js", ".css", ".json"}


def copy_build(pages: Path, into: Path, name: str) -> Path:
    """Copy the built pages as a build of another version: `name` is in every name of a file.

    Pages name their build in `data-build`, and the worker answers it at `/build`.
    """
    shutil.copytree(pages, into, ignore=shutil.ignore_patterns("*.gz"))
    renamed = {}
    for path in (into / "assets").iterdir():
        if found := HASHED.fullmatch(path.name):
            renamed[path.name] = f"{found[1]}-{name}{found[2]}"
    old = re.compile("|".join(map(re.escape, sorted(renamed, key=len, reverse=True))))
    for path in into.rglob("*"):
        if path.is_file() and path.suffix in TEXTS:
            text = old.sub(lambda file: renamed[file[0]], path.read_text())
            path.write_text(text.replace("<html ", f'<html data-build="{name}" ', 1))
    for before, after in renamed.items():
        (into / "assets" / before).rename(into / "assets" / after)
    for worker in into.glob("sw*.js"):
        worker.write_text(worker.read_text() + ANSWER.replace("NAME", name))
    return into


def policy_of(*builds: Path) -> str:
    """Return nginx's setting of the scripts that the pages of some builds may run."""
    sources = " ".join(dict.fromkeys(" ".join(map(script_sources, builds)).split()))
    return f'set $chat_script_sources "{sources}";\n'
