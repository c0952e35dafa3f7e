"""Home address: the address at which browsers open the chat, and who may register (`/home.js`).

Builds fit any address, so the pages cannot know it. Opened at another one their live link and their
forms are refused, for their origin; they show the right address then.
"""

import json

from chat_app.core.settings import Settings
from chat_app.server.edge import AsgiApp, Receive, Scope, Send

PATH = "/home.js"
READS = ("GET", "HEAD")


def name_home(app: AsgiApp, settings: Settings) -> AsgiApp:
    """Answer `/home.js` from the settings; the build's file is a placeholder."""
    values = {"chatHome": settings.public_url, "chatRegistration": settings.registration}
    body = "".join(f"globalThis.{name} = {json.dumps(value)};\n" for name, value in values.items())
    content = body.encode()
    headers = [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
    ]

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] not in READS:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return named
