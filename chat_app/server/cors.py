"""CORS: let pages on a static host, the one other origin, read the replies of `/api`.

Without this a browser refuses them to a page of another origin (Fetch standard).
"""

from chat_app.core.settings import Settings
from chat_app.server.edge import AsgiApp, Headers, Message, Receive, Scope, Send, is_api

VARIES = (b"vary", b"Origin")
# Of uploads, by tus.
SENT = b"Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset"
READ = b"Location, Tus-Max-Size, Tus-Resumable, Upload-Length, Upload-Offset"
# With its cookie, JSON, files and the expected user; no other header is allowed.
PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"Content-Type, X-Chat-User, " + SENT),
    (b"access-control-max-age", b"600"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


def allow_pages_origin(app: AsgiApp, settings: Settings) -> AsgiApp:
    """Allow the origin of `public_url` to read `/api` where `api_url` is another origin."""
    if not settings.api_url:
        return app
    origin = settings.public_url.encode()
    allowed: Headers = [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"Retry-After, X-Request-ID, " + READ),
    ]

    async def shared(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_api(scope["path"]):
            await app(scope, receive, send)
            return
        given = dict(scope["headers"])
        is_ours = given.get(b"origin") == origin
        more = [VARIES, *(allowed if is_ours else ())]

        async def send_readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*_without_origin(message), *more]}
            await send(message)

        if is_ours and scope["method"] == "OPTIONS" and b"access-control-request-method" in given:
            await send_readable(
                {"type": "http.response.start", "status": 204, "headers": PREFLIGHT}
            )
            await send({"type": "http.response.body"})
        else:
            await app(scope, receive, send_readable)

    return shared


def _without_origin(message: Message) -> Headers:
    # Reflex may have said already that the reply varies with it.
    headers: Headers = message.get("headers", ())
    return [(name, value) for name, value in headers if (name.lower(), value) != VARIES]
