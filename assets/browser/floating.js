// Menus beside what opened them, with arrow keys. Loaded after the page, or when a menu is first opened.

import { autoUpdate, computePosition, flip, hide, offset, shift } from "@floating-ui/dom";
import { FocusKeys, focusZone } from "@primer/behaviors";

/**
 * Keep a menu beside its opener, and let arrow keys move in it, until `signal` aborts.
 * @param {HTMLElement} menu
 * @param {HTMLElement} opener
 * @param {{ isRow: boolean, boundary: Element | undefined, signal: AbortSignal, onHidden: () => void }} how
 *   a row stands above its opener and moves by level arrows; `onHidden` is called when the opener is
 *   out of sight
 */
export function floatBeside(menu, opener, { isRow, boundary, signal, onHidden }) {
  const bindKeys = (isRow ? FocusKeys.ArrowHorizontal : FocusKeys.ArrowVertical) | FocusKeys.HomeAndEnd;
  focusZone(menu, { bindKeys, focusOutBehavior: "wrap", abortSignal: signal });
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
