"""Layout and accessibility checks of pages in a browser."""

from typing import Literal

from playwright.sync_api import Locator, Page

# Problems for screen readers and keyboards: unnamed controls and pictures, doubled ids,
# skipped landmarks, and text too faint for its ground.
_FAULTS = """() => {
  const faults = [];
  const visible = (e) => e.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true });
  const all = (s) => [...document.querySelectorAll(s)].filter(visible);
  for (const one of ["h1", "main"])
    if (all(one).length !== 1) faults.push(`${all(one).length} ${one}`);
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title) faults.push("no title");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`id ${id} twice`);
  for (const e of all("button, a[href], input, textarea, [role=img], [role=log], nav, section")) {
    const labels = [...(e.labels ?? [])].map((label) => label.textContent).join("");
    const name = e.getAttribute("aria-label") || labels || e.textContent.trim();
    if (!name) faults.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  }
  for (const e of all("[tabindex]")) if (e.tabIndex > 0) faults.push("tab order forced");
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !visible(e) || e.closest(".visually-hidden")) continue;
    if (e.closest("script, style, noscript, :disabled, .skip")) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faults.push(`${contrast.toFixed(1)}: ${texts.currentNode.data}`);
  }
  return [...new Set(faults)];
}"""

# One expression, compiled once.
_WAIT = """([argument, patience]) => new Promise((resolve, reject) => {
  const condition = %s;
  const end = performance.now() + patience;
  const look = () => {
    if (condition(argument)) resolve();
    else if (performance.now() > end) reject(new Error(`never true: ${condition}`));
    else setTimeout(look, 20);
  };
  look();
})"""
PATIENCE_MS = 40_000


def wait_until(page: Page, condition: str, argument: object = None) -> None:
    """Wait until a JavaScript function returns true in a page.

    The pages' policy forbids what Playwright's own `wait_for_function` does: to evaluate a string.
    """
    page.evaluate(_WAIT % condition, [argument, PATIENCE_MS])


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
    """Return the accessibility faults of a page: keyboard, screen reader and contrast."""
    found: list[str] = page.evaluate(_FAULTS)
    return found
