"""The language of pages: chosen by the cookie, the account, then the browser's `Accept-Language`.

The build has a file for each language, `login/index.de.html` beside `login/index.html`. This layer
writes the choice into the scope, and `ui/reflex/language_files.py` sends the file.
"""

import asyncio
from collections.abc import Awaitable, Callable

from chat_app.core.cookies import cookie_values
from chat_app.core.errors import AppError
from chat_app.core.languages import COOKIE, Language, accepted_language, language_of
from chat_app.server.edge import AsgiApp, Receive, Scope, Send

KEY = "chat_language"
READS = ("GET", "HEAD")
# A page opens without its account's language rather than late.
PATIENCE_S = 1.0

# Returns the language of the account that a Cookie header signs in, None for that of the browser.
FindLanguage = Callable[[str], Awaitable[Language | None]]


def choose_language(app: AsgiApp, find_of_account: FindLanguage) -> AsgiApp:
    """Note the language of each request for a page in its scope."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in READS and _may_be_page(scope["path"]):
            scope = {**scope, KEY: await _language(scope, find_of_account)}
        await app(scope, receive, send)

    return chosen


def _may_be_page(path: str) -> bool:
    """Return whether a path has a file in each language: a page, or the service worker."""
    name = path.rpartition("/")[2]
    return "." not in name or name == "sw.js" or name.endswith(".html")


async def _language(scope: Scope, find_of_account: FindLanguage) -> Language:
    cookies = _header(scope, b"cookie")
    for value in cookie_values(cookies, [COOKIE]):
        if language := language_of(value):
            return language
    if language := await _language_of_account(cookies, find_of_account):
        return language
    return accepted_language(_header(scope, b"accept-language"))


async def _language_of_account(cookies: str, find: FindLanguage) -> Language | None:
    if not cookies:
        return None
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await find(cookies)
    except (AppError, TimeoutError):
        return None


def _header(scope: Scope, wanted: bytes) -> str:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
    return (b"; " if wanted == b"cookie" else b", ").decode().join(values)
