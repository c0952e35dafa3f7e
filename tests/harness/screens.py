"""Write a screenshot of every screen, with the people of the demo: `make screens`.

Each screen is shown on a phone and on a desktop, light and dark, and in every language, for people
to look at.
"""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from chat_app.core.languages import NAMES
from chat_app.demo.people import FIRST, NEIGHBOURS
from chat_app.demo.story import STORY
from tests.harness.chromium import start_chromium
from tests.harness.demo_chat import demo_chat, sign_in, signed_in
from tests.harness.fonts import missing_fonts
from tests.harness.pages import PATIENCE_MS
from tests.harness.screen_list import SCREENS
from tests.harness.texts import sayer
from tests.harness.viewers import TEXTS, Viewer
from tests.harness.visitors import PHONE

Scheme = Literal["light", "dark"]

NOTHING = "about:blank"
SIZES: dict[str, dict[str, Any]] = {
    "360x640": PHONE,
    "1280x800": {"viewport": {"width": 1280, "height": 800}},
}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def main() -> None:
    """Write the screenshots into the folder that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.harness.screens FOLDER")
    for warning in missing_fonts(demo_text()):
        print(f"Warning: {warning}", file=sys.stderr)
    folder = Path(sys.argv[1])
    written = write_screens(folder)
    print(f"{len(written)} screenshots are in {folder.resolve()}")


def demo_text() -> str:
    """Return every text that the screens show of the demo's people."""
    people = (f"{one.display_name} {one.status_text} {one.bio}" for one in NEIGHBOURS)
    return " ".join([*people, *TEXTS, STORY.read_text(encoding="utf-8")])


def write_screens(
    folder: Path, sizes: Sequence[str] = tuple(SIZES), languages: Sequence[str] = tuple(NAMES)
) -> list[Path]:
    """Write every screen in each size, scheme and language, and return the files."""
    written = []
    expect.set_options(timeout=PATIENCE_MS)
    with demo_chat() as url, sync_playwright() as playwright, signed_in(url, FIRST) as http:
        browser = start_chromium(playwright)
        viewers = [
            Viewer(f"{language}-{size}-{scheme}", url, page, http, sayer(language))
            for language, size, scheme in itertools.product(languages, sizes, SCHEMES)
            for page in [_new_page(browser, language, scheme, SIZES[size])]
        ]
        # Screen by screen: some change what later ones show.
        for number, screen in enumerate(SCREENS, 1):
            for viewer in viewers:
                if not screen.is_public:
                    sign_in(url, viewer.page)
                screen.show(viewer)
                written.append(folder / viewer.name / f"{number:02}-{screen.name}.png")
                _write(viewer.page, written[-1])
        browser.close()
    return written


def _new_page(browser: Browser, language: str, scheme: Scheme, size: dict[str, Any]) -> Page:
    context = browser.new_context(
        color_scheme=scheme, locale=language, reduced_motion="reduce", **size
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def _write(page: Page, file: Path) -> None:
    """Write what a page shows, and leave it: an open chat marks what arrives as read."""
    page.evaluate("document.fonts.ready.then(() => null)")
    page.screenshot(path=file, animations="disabled")
    page.context.set_offline(False)
    page.goto(NOTHING)


if __name__ == "__main__":
    main()
