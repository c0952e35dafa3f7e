"""Page policy: the Content-Security-Policy that allows the inline scripts of the built pages.

React Router writes scripts into every page, and they differ from build to build. Their hashes allow
exactly these; a script that somebody managed to put into a page would not run.
"""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from chat_app.core.own_origins import own_origins
from chat_app.core.settings import Settings
from chat_app.server.edge import AsgiApp, Message, Receive, Scope, Send, security_policy

INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
HTML = b"text/html"


def script_sources(pages: Path) -> str:
    """Return the inline scripts of the pages in a folder as sources of a policy."""
    scripts = {
        script
        for page in pages.rglob("*.html")
        for script in INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    }
    hashes = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return " ".join(sorted(f"'sha256-{b64encode(one).decode()}'" for one in hashes))


def allow_page_scripts(app: AsgiApp, settings: Settings, pages: Path) -> AsgiApp:
    """Send pages with the policy that allows the inline scripts of the build in `pages`."""
    scripts = script_sources(pages)

    async def allowed(scope: Scope, receive: Receive, send: Send) -> None:
        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.start" and _may_be_page(message):
                origins = own_origins(settings, scope.get("server"))
                policy = security_policy(origins, scripts).encode()
                header = (b"content-security-policy", policy)
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        await app(scope, receive, pass_on)

    return allowed


def _may_be_page(message: Message) -> bool:
    # A 304 has no type, and its headers take the place of those that the browser keeps.
    types = [value for name, value in message.get("headers", ()) if name.lower() == b"content-type"]
    return all(value.startswith(HTML) for value in types)
