"""The words that a screen reader would say by itself: the changes of a page's live regions.

It follows ARIA 1.2 (live regions) as browsers do: after the layout has settled, and only what is
visible, not busy and not turned off. Of an atomic region it says the whole.
"""

from typing import NamedTuple

from playwright.sync_api import Page

# Browsers tell screen readers about a change after the next layout.
_LISTEN = """
globalThis.heard = [];
(() => {
  const changed = new Set();
  const live = "[aria-live], [role=log], [role=status], [role=alert]";
  const words = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || node.ariaHidden === "true") return "";
    if (node.ariaLive === "off") return "";
    if (!node.checkVisibility({ visibilityProperty: true })) return "";
    if (node.ariaLabel) return ` ${node.ariaLabel} `;
    const isBlock = !getComputedStyle(node).display.startsWith("inline");
    const inside = [...node.childNodes].map(words).join("");
    return isBlock ? ` ${inside} ` : inside;
  };
  const look = () => {
    const said = new Set();
    for (const node of changed) {
      const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
      const region = element?.isConnected ? element.closest(live) : null;
      if (!region || element.closest("[aria-busy=true], [aria-hidden=true]")) continue;
      // A region that comes with its words is silent, unless it is an alert.
      if (node === region && region.role !== "alert") continue;
      const how = region.ariaLive ?? (region.role === "alert" ? "assertive" : "polite");
      if (how === "off") continue;
      const isAtomic = ["status", "alert"].includes(region.role) && region.ariaAtomic !== "false";
      const text = words(isAtomic ? region : node).replace(/\\s+/g, " ").trim();
      if (text) said.add(`${how}: ${text}`);
    }
    changed.clear();
    globalThis.heard.push(...said);
  };
  let timer = 0;
  const note = (records) => {
    for (const { type, target, addedNodes } of records)
      for (const node of type === "childList" ? addedNodes : [target]) changed.add(node);
    timer ||= setTimeout(() => { timer = 0; look(); }, 50);
  };
  const everything = { childList: true, characterData: true, subtree: true };
  new MutationObserver(note).observe(document, everything);
})();
"""


class Said(NamedTuple):
    """Words that were said, and whether they interrupted others."""

    text: str
    interrupts: bool


def listen(page: Page) -> None:
    """Listen to the pages that are opened from now on."""
    page.add_init_script(_LISTEN)


def heard(page: Page) -> list[Said]:
    """Return what was said since this was last asked."""
    lines: list[str] = page.evaluate("globalThis.heard.splice(0)")
    parts = (line.partition(": ") for line in lines)
    return [Said(text, interrupts=how == "assertive") for how, _, text in parts]
