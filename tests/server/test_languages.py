"""The language of pages: by the cookie, the account, then the browser."""

import asyncio

import pytest

from chat_app.core.errors import Unavailable
from chat_app.core.languages import Language
from chat_app.server import languages
from chat_app.server.edge import Message, Receive, Scope, Send


async def no_account(_cookies: str) -> None:
    """Return the language of nobody."""


async def german_account(cookies: str) -> Language:
    """Return the language of an account that any cookie signs in."""
    assert cookies
    return "de"


async def absent_account(_cookies: str) -> Language:
    """Fail, as the database is away."""
    raise Unavailable


async def slow_account(_cookies: str) -> Language:
    """Answer too late."""
    await asyncio.sleep(60)
    return "de"


async def chosen(
    path: str = "/login",
    *,
    find: languages.FindLanguage = no_account,
    method: str = "GET",
    **headers: str,
) -> object:
    """Return the language that is noted in the scope of a request."""
    seen: list[object] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope.get(languages.KEY))

    async def receive() -> Message:
        return {}

    async def send(_message: Message) -> None:
        pass

    pairs = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope: Scope = {"type": "http", "method": method, "path": path, "headers": pairs}
    await languages.choose_language(app, find)(scope, receive, send)
    assert languages.KEY not in scope
    return seen[0]


async def test_the_cookie_comes_before_the_account_and_the_browser() -> None:
    cookie = "other=1; locale=ar; chat_session=x"

    assert await chosen(find=german_account, cookie=cookie, accept_language="de") == "ar"
    assert await chosen(find=german_account, cookie="locale=fr", accept_language="ar") == "de"
    assert await chosen(find=german_account, accept_language="ar") == "ar"
    assert await chosen(cookie="locale=; locale=de") == "de"
    assert await chosen() == "en"


async def test_a_page_opens_without_the_language_of_an_account_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(languages, "PATIENCE_S", 0.01)

    for find in (absent_account, slow_account):
        assert await chosen(find=find, cookie="session=x", accept_language="ar") == "ar"


@pytest.mark.parametrize("path", ["/", "/login", "/chat/1", "/login/index.html", "/sw.js"])
async def test_pages_and_the_service_worker_have_a_language(path: str) -> None:
    assert await chosen(path, accept_language="de") == "de"
    assert await chosen(path, accept_language="de", method="HEAD") == "de"


@pytest.mark.parametrize("path", ["/assets/root-1.js", "/chat.css", "/home.js", "/icons/192.png"])
async def test_other_files_have_none(path: str) -> None:
    assert await chosen(path, find=absent_account, cookie="locale=de") is None
