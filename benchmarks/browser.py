"""Chromium, with one signed-in person's profile at a time."""

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import Browser, Page, async_playwright

from benchmarks import machine
from benchmarks.stage import Person
from tests.harness import programs

WINDOW = {"width": 1280, "height": 800}
PATIENCE_MS = 60_000


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Give a browser that may use every core, as a person's does."""
    async with async_playwright() as playwright:
        with machine.on(machine.ALL_CORES):
            browser = await playwright.chromium.launch(
                executable_path=programs.chromium(), args=["--no-sandbox"]
            )
        yield browser
        await browser.close()


@contextlib.asynccontextmanager
async def profile(browser: Browser, url: str, person: Person) -> AsyncIterator[Page]:
    """Give an empty page of a fresh profile in which somebody is signed in."""
    context = await browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]  # a plain dict
    context.set_default_timeout(PATIENCE_MS)
    name, _, value = person.cookie.partition("=")
    await context.add_cookies(
        [{"name": name, "value": value, "url": url, "httpOnly": True, "sameSite": "Lax"}]
    )
    yield await context.new_page()
    await context.close()
