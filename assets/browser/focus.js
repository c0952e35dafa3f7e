// Moves the focus when another page of the chat is shown. The element that had it is gone then, and
// a keyboard or a screen reader would begin at the top of the document again.

let shown = globalThis.location?.pathname;
/** The page that was left, until the focus is in the new one. @type {string | undefined} */
let left;

function follow() {
  if (location.pathname !== shown) {
    left = shown;
    shown = location.pathname;
  }
  if (left === undefined || document.activeElement !== document.body) return;
  const target = targetFrom(left);
  if (!target) return;
  left = undefined;
  if (!target.matches("a, [tabindex]")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/**
 * Return what gets the focus: the conversation, the row of the one that was left, or the heading.
 * Null while a conversation loads: the composer takes the focus, except on a touch screen, and React
 * would give it back to what had it.
 * @param {string} path
 * @returns {HTMLElement | null}
 */
function targetFrom(path) {
  if (shown?.startsWith("/chat/")) {
    const isLoading = document.querySelector("#open [aria-busy]") && matchMedia("(pointer: fine)").matches;
    return isLoading ? null : document.getElementById("open");
  }
  const row = shown === "/" ? document.querySelector(`nav a[href="${CSS.escape(path)}"]`) : null;
  return /** @type {HTMLElement | null} */ (row ?? document.querySelector("h1"));
}

// A reader who has acted meanwhile has put the focus where it belongs.
const forget = () => (left = undefined);

if (globalThis.document) {
  addEventListener("pointerdown", forget, true);
  addEventListener("keydown", forget, true);
  new MutationObserver(follow).observe(document, { childList: true, subtree: true });
}
