// Menus beside what opened them. Loaded after the page, or when a menu is first opened.

import { autoUpdate, computePosition, flip, hide, offset, shift } from "@floating-ui/dom";

/**
 * Keep a menu beside its opener until `signal` aborts.
 * @param {HTMLElement} menu
 * @param {HTMLElement} opener
 * @param {{ isRow: boolean, boundary: Element | undefined, signal: AbortSignal, onHidden: () => void }} how
 *   a row stands above its opener; `onHidden` is called when the opener is out of sight
 */
export function floatBeside(menu, opener, { isRow, boundary, signal, onHidden }) {
  const area = { boundary, padding: 8 };
  const place = async () => {
    const { x, y, middlewareData } = await computePosition(opener, menu, {
      placement: isRow ? "top-start" : "bottom-start",
      middleware: [offset(4), flip(area), shift({ ...area, crossAxis: true }), hide()],
    });
    if (signal.aborted) return;
    if (middlewareData.hide?.referenceHidden) onHidden();
    else Object.assign(menu.style, { left: `${x}px`, top: `${y}px` });
  };
  // A message that arrives moves the others.
  signal.addEventListener(
    "abort",
    autoUpdate(opener, menu, () => void place()),
  );
}
