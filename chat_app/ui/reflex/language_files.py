"""The files of the pages in each language: written behind a build, and served in place of English.

`chat_app/languages/pages.js` writes them with the scripts' own words (`assets/browser/texts.js`).
"""

import subprocess
import sysconfig
from os import PathLike, fspath, stat_result
from pathlib import Path
from typing import Unpack

from reflex.utils import precompressed_staticfiles
from reflex_base.plugins import Plugin
from reflex_base.plugins.base import PostBuildContext
from starlette.responses import Response
from starlette.types import Scope

from chat_app.core.languages import ENGLISH
from chat_app.server.languages import KEY

STEP = Path(__file__).parent.parent.parent / "languages" / "pages.js"
# No package.json says that the scripts are modules.
QUIET = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"
VARIES = "Accept-Encoding, Accept-Language, Cookie"


class LanguagesPlugin(Plugin):
    """Write the pages of each language behind a build, before files are compressed."""

    def post_build(self, **context: Unpack[PostBuildContext]) -> None:
        """Run the step in Node, which has the plural rules and number formats of the browsers."""
        node = Path(sysconfig.get_path("scripts")) / "node"
        command = [str(node), QUIET, str(STEP), str(context["static_dir"].resolve())]
        subprocess.run(command, check=True)  # noqa: S603  # our own script


class LanguageFiles(precompressed_staticfiles.PrecompressedStaticFiles):
    """Reflex's server of the built files, which sends `index.de.html` in place of `index.html`."""

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the file in the language of the request, where it has one in each language."""
        language = scope.get(KEY)
        if language is None:
            return super().file_response(full_path, stat_result, scope, status_code)
        path, found = Path(fspath(full_path)), stat_result
        if language != ENGLISH:
            other = path.with_suffix(f".{language}{path.suffix}")
            if other.is_file():
                path, found = other, other.stat()
        response = super().file_response(path, found, scope, status_code)
        response.headers["Vary"] = VARIES
        return response


def serve_language_files() -> None:
    """Replace Reflex's server of the built files, which it makes by itself."""
    precompressed_staticfiles.PrecompressedStaticFiles = LanguageFiles  # type: ignore[misc]  # a class
