"""A chat with the people of the demo, their avatars, and files that one of them has sent."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
from playwright.sync_api import Page

from chat_app.core.database import Database
from chat_app.demo.fill import PASSWORD, fill
from chat_app.demo.people import FIRST, NEIGHBOURS
from tests.harness.chats import FRONT_END_BUILD_S, Storage, launch_built
from tests.harness.clients import page_client
from tests.harness.films import document, film
from tests.harness.nodes import settings_of
from tests.harness.portraits import portrait, set_avatars, upload

# Somebody who has sent files to the first person.
SHARER = "priya"


@contextmanager
def demo_chat() -> Iterator[str]:
    """Yield the address of a chat in production with the people of the demo."""
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage("sqlite+memory", "", "", Path(folder))
        asyncio.run(_fill(storage))
        chat = launch_built(storage, CHAT_LIMITS="off")
        try:
            url = chat.wait_until_ready(seconds=FRONT_END_BUILD_S).url
            set_avatars([one.username for one in NEIGHBOURS[::2]], partial(signed_in, url))
            _send_files(url)
            yield url
        finally:
            chat.stop()


@contextmanager
def signed_in(url: str, username: str) -> Iterator[httpx.Client]:
    """Yield a client with the session of a person of the demo."""
    with page_client(url) as http:
        http.post("/api/auth/login", json=_credentials(username)).raise_for_status()
        yield http


def sign_in(url: str, page: Page) -> None:
    """Sign the first person of the demo in at a page's profile, where nobody is."""
    context = page.context
    if not any(cookie["name"] != "locale" for cookie in context.cookies()):
        login = f"{url}/api/auth/login"
        reply = context.request.post(login, data=_credentials(FIRST), headers={"Origin": url})
        assert reply.ok, reply.text()


def register(url: str, page: Page) -> None:
    """Register somebody new at a page's profile, in place of who is signed in there."""
    page.context.clear_cookies()
    name = {"username": f"nadia-{uuid4().hex[:8]}", "display_name": "Nadia Haddad"}
    body = {**name, "password": PASSWORD, "tokens": False}
    register = f"{url}/api/auth/register"
    reply = page.context.request.post(register, data=body, headers={"Origin": url})
    assert reply.ok, reply.text()


async def _fill(storage: Storage) -> None:
    database = Database(settings_of(storage))
    try:
        await fill(database)
    finally:
        await database.close()


def _credentials(username: str) -> dict[str, object]:
    return {"username": username, "password": PASSWORD, "tokens": False}


def _send_files(url: str) -> None:
    """Send pictures, a film, a voice message and a document to the first person, who reads them."""
    with signed_in(url, SHARER) as sharer, signed_in(url, FIRST) as reader:
        receiver = reader.get("/api/auth/me").raise_for_status().json()["id"]
        sound = film("ogg", seconds=4, size=None)
        files = [
            *((f"Lantern {number}.png", portrait(number)) for number in range(5)),
            ("Lanterns at night.webm", film("webm", size=(640, 360))),
            ("voice-message-1.ogg", sound),
            ("A very long list of what everybody brings to the lantern party.pdf", document()),
        ]
        ids = [upload(sharer, data, name) for name, data in files]
        texts = ("The lanterns so far ✨", "", "", "And who brings what")
        messages = [
            sharer.post(
                "/api/messages",
                json={"receiver_id": receiver, "content": content, "file_ids": sent},
            )
            for content, sent in zip(texts, (ids[:5], ids[5:6], ids[6:7], ids[7:]), strict=True)
        ]
        message = messages[-1].raise_for_status().json()
        path = f"/api/conversations/{message['conversation_id']}/read"
        reader.post(path, json={"seq": message["seq"]}).raise_for_status()
