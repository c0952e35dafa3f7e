"""Home address: the address at which browsers open the chat, and who may register (`/home.js`).

Builds fit any address, so the pages cannot know it. Opened at another one their live link and their
forms are refused, for their origin; they show the right address then.
"""

import json
from urllib.parse import urlsplit

from chat_app.core.own_origins import own_origins
from chat_app.core.settings import Settings
from chat_app.server.edge import AsgiApp, Receive, Scope, Send

PATH = "/home.js"
READS = ("GET", "HEAD")


def name_home(app: AsgiApp, settings: Settings) -> AsgiApp:
    """Answer `/home.js` from the settings; the build's file is a placeholder."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] not in READS:
            await app(scope, receive, send)
            return
        values = {"chatHome": _home(scope, settings), "chatRegistration": settings.registration}
        lines = (f"globalThis.{name} = {json.dumps(value)};\n" for name, value in values.items())
        content = "".join(lines).encode()
        headers = [
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"content-length", str(len(content)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return named


def _home(scope: Scope, settings: Settings) -> str:
    """Return the address that a request names, if it is one of ours, or the one to open instead."""
    own = own_origins(settings, scope.get("server"))
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
    # In the local network `localhost` is the phone itself: the machine's address comes last.
    return next((origin for origin in own if urlsplit(origin).netloc == host), own[-1])
