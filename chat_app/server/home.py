"""Home address: tell the pages at which address browsers open the chat (`/home.js`).

Builds fit any address, so the pages cannot know it. Opened at another one their live link and their
forms are refused, for their origin; they show the right address then.
"""

import json

from chat_app.core.settings import Settings
from chat_app.server.edge import AsgiApp, Receive, Scope, Send

PATH = "/home.js"
READS = ("GET", "HEAD")


def name_home(app: AsgiApp, settings: Settings) -> AsgiApp:
    """Answer `/home.js` with the address of the settings; the build's file is a placeholder."""
    body = f"globalThis.chatHome = {json.dumps(settings.public_url)};\n".encode()
    headers = [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] not in READS:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return named
