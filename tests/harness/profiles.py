"""Browser profiles that the tests of a module use one after the other, each emptied in between.

A fresh profile starts processes and compiles every script of the pages: most of what a short test
costs. So one page of a profile stays open between the tests, and its process with it.
"""

from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Browser, BrowserContext, Page

NOTHING = "about:blank"
ANY_FILE = "/icon.svg"


class Profiles:
    """The profiles of one browser that no test is using, by the options they were made with."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[BrowserContext]] = {}
        self._options: dict[BrowserContext, str] = {}

    def take(self, **options: Any) -> BrowserContext:  # noqa: ANN401  # what Playwright takes
        """Return an empty profile."""
        key = repr(sorted(options.items()))
        if free := self._free.get(key):
            context = free.pop()
            _empty(context)
        else:
            context = self._browser.new_context(**options)
        self._options[context] = key
        return context

    def give_back(self, page: Page, *, kept: bool) -> None:
        """Close the profile of `page`, or keep it for other tests with this page alone."""
        context = page.context
        key = self._options.pop(context)
        if not kept or page.is_closed() or page.url == NOTHING:
            context.close()
            return
        for other in context.pages:
            if other is not page:
                other.close()
        context.unroute_all(behavior="ignoreErrors")
        context.set_offline(offline=False)
        page.unroute_all(behavior="ignoreErrors")
        page.goto(urljoin(page.url, ANY_FILE))
        self._free.setdefault(key, []).append(context)


def _empty(context: BrowserContext) -> None:
    """Delete whatever the pages of a profile have stored, except for cached files."""
    context.clear_cookies()
    context.clear_permissions()
    [page] = context.pages
    session = context.new_cdp_session(page)
    kinds = "local_storage,indexeddb,cache_storage,service_workers,file_systems,websql"
    session.send("Storage.clearDataForOrigin", {"origin": page.url, "storageTypes": kinds})
    session.detach()
