"""Layout and accessibility checks of pages in a browser."""

from functools import cache
from typing import Literal

from playwright.sync_api import Locator, Page

from tests.harness.servers import ROOT

AXE = ROOT / ".config" / "javascript" / "node_modules" / "axe-core" / "axe.min.js"
# The rules of WCAG 2.2, levels A and AA, and what else axe-core recommends.
_CHECK = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const found = violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id} (${impact}): ${html} ${failureSummary}`));
  for (const one of ["h1", "main"]) {
    const count = [...document.querySelectorAll(one)].filter((e) => e.checkVisibility()).length;
    if (count !== 1) found.push(`${count} ${one}`);
  }
  return found;
}"""

# One expression, compiled once.
_WAIT = """([argument, patience]) => new Promise((resolve, reject) => {
  const condition = %s;
  const end = performance.now() + patience;
  const look = async () => {
    if (await condition(argument)) resolve();
    else if (performance.now() > end) reject(new Error(`never true: ${condition}`));
    else setTimeout(() => look().catch(reject), 20);
  };
  look().catch(reject);
})"""
PATIENCE_MS = 120_000


def wait_until(page: Page, condition: str, argument: object = None) -> None:
    """Wait until a JavaScript function returns true, or a promise of it, in a page.

    The pages' policy forbids what Playwright's own `wait_for_function` does: to evaluate a string.
    """
    page.evaluate(_WAIT % condition, [argument, PATIENCE_MS])


# Waits until the log has not moved for as long as a scroll takes to begin.
REST = """async () => {
  const log = document.querySelector("[role=log]");
  for (let still = 0, before = log.scrollTop; still < 10; before = log.scrollTop) {
    await new Promise(requestAnimationFrame);
    still = log.scrollTop === before ? still + 1 : 0;
  }
}"""


def top_of(element: Locator) -> float:
    """Return how far below the window's edge an element begins."""
    return float(element.evaluate("element => element.getBoundingClientRect().top"))


def fits(page: Page) -> bool:
    """Return whether the page needs no horizontal scrolling."""
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )


def assert_usable(page: Page) -> None:
    """Check in light and in dark colours that a page has no faults and fits its window."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        wait_until(page, "scheme => document.documentElement.matches('.' + scheme)", scheme)
        assert faults(page) == [], scheme
        assert fits(page), scheme


def faults(page: Page) -> list[str]:
    """Return the accessibility faults of a page that axe-core finds, however small."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    found: list[str] = page.evaluate(_CHECK)
    return found


@cache
def _axe() -> str:
    assert AXE.is_file(), "`make test` installs what these tests need"
    return AXE.read_text(encoding="utf-8")
