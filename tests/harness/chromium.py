"""Chromium for the tests: started without windows, again where it crashes at its start."""

from playwright.sync_api import Browser, Error, Playwright

from tests.harness import programs

STARTS = 3


def start_chromium(playwright: Playwright, *switches: str) -> Browser:
    """Start Chromium. Raises Playwright's Error when it does not start.

    On a busy machine one start in some hundreds ends in a segmentation fault, before any page.
    """
    for _ in range(STARTS - 1):
        try:
            return _start(playwright, *switches)
        except Error as error:
            if "Segmentation fault" not in error.message:
                raise
    return _start(playwright, *switches)


def _start(playwright: Playwright, *switches: str) -> Browser:
    return playwright.chromium.launch(
        executable_path=programs.headless_chromium(),
        args=[*programs.CHROMIUM_SWITCHES, *switches],
    )
