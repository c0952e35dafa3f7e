"""Layout and accessibility checks of pages in a browser."""

from collections.abc import Iterator
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

# Finds the elements that a finger misses. A target is an element or its label, as far as it takes
# presses, shown or not; a link in a sentence may be as high as its line (WCAG 2.2, 2.5.5), and a
# dialog hides the page behind it.
_SMALL = """least => {
  const kinds =
    "a[href], button, input, select, textarea, summary, [role=option], [role^=menuitem]";
  const root = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;
  const found = [];
  for (const one of root.querySelectorAll(kinds)) {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.closest("[inert]")) continue;
    if (getComputedStyle(one).display === "inline") continue;
    const size = one.getBoundingClientRect();
    if (size.width < 2 || size.height < 2) continue;
    one.scrollIntoView({ block: "center", inline: "center" });
    const { x, y, width, height } = (one.closest("label") ?? one).getBoundingClientRect();
    const takes = (dx, dy) => {
      const hit = document.elementFromPoint(x + width / 2 + dx, y + height / 2 + dy);
      if (hit === null) return false;
      // Menus and notices cover some of a page for a moment.
      const over = hit.closest(".menu, .tools-bar, chat-due, chat-notice");
      if (over && !over.contains(one)) return true;
      return one.contains(hit) || hit.closest("label")?.control === one;
    };
    const far = least / 2 - 1;
    const wide = width >= least || (takes(-far, 0) && takes(far, 0));
    const high = height >= least || (takes(0, -far) && takes(0, far));
    const name = one.ariaLabel || one.textContent.trim().slice(0, 30) || one.className;
    if (!wide || !high)
      found.push(`${one.tagName} ${name}: ${width.toFixed()} by ${height.toFixed()}`);
  }
  return [...new Set(found)];
}"""
# Our own words, that are longer than their place; the names that people give may be.
_CUT = """() => {
  const kinds = "button, label, legend, h1, h2, h3, th, option, [role^=menuitem], .button";
  const found = [];
  for (const one of document.querySelectorAll(kinds)) {
    if (!one.checkVisibility({ visibilityProperty: true })) continue;
    if (one.matches("[dir=auto], bdi") || one.querySelector("[dir=auto], bdi")) continue;
    const { scrollWidth, clientWidth } = one;
    const hides = getComputedStyle(one).overflowX !== "visible";
    if (hides && clientWidth > 1 && scrollWidth > clientWidth + 1)
      found.push(`${one.tagName} ${one.textContent.trim()}: ${scrollWidth} in ${clientWidth}`);
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


# A menu follows what it stands beside some frames after that has moved.
_FITS = """async () => {
  const page = document.documentElement;
  for (let frame = 0; page.scrollWidth > page.clientWidth && frame < 60; frame += 1) {
    await new Promise(requestAnimationFrame);
  }
  return page.scrollWidth <= page.clientWidth;
}"""


def fits(page: Page) -> bool:
    """Return whether the page needs no horizontal scrolling, once it is at rest."""
    return bool(page.evaluate(_FITS))


def assert_usable(page: Page) -> None:
    """Check in light and in dark colours that a page has no faults and fits its window."""
    assert list(unusable(page)) == []


def unusable(page: Page) -> Iterator[str]:
    """Yield the faults of a page in light and in dark colours, and whether it is too wide."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        wait_until(page, "scheme => document.documentElement.matches('.' + scheme)", scheme)
        yield from (f"{scheme}: {fault}" for fault in faults(page))
        if not fits(page):
            yield f"{scheme}: scrolls sideways"


def small_targets(page: Page, least: int) -> list[str]:
    """Return what can be pressed on a page and is smaller than `least` pixels in one direction."""
    found: list[str] = page.evaluate(_SMALL, least)
    return found


def cut_words(page: Page) -> list[str]:
    """Return the words of our own that a page cuts off."""
    found: list[str] = page.evaluate(_CUT)
    return found


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
