// Moves the focus when another page of the chat is shown. The element that had it is gone then, or is
// the link that was followed, and a keyboard or a screen reader would go on far from the new page.

let shown = globalThis.location?.pathname;
/** The page that was left, until the focus is in the new one. @type {string | undefined} */
let left;

/**
 * Move the focus into the page that is now shown, once it is loaded.
 * @param {string} pathname
 */
export function moveFocus(pathname) {
  if (pathname === shown) return;
  left = shown;
  shown = pathname;
  follow();
}

function follow() {
  if (left === undefined || !isLeft(document.activeElement)) return;
  const target = targetFrom(left);
  if (!target) return;
  left = undefined;
  if (!target.matches("a, textarea, [tabindex]")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/**
 * Return whether the focus is at nothing of the new page: it is lost, or at the link that was followed. A
 * conversation that opens takes it from everything around it.
 * @param {Element | null} element
 */
function isLeft(element) {
  if (!element || element === document.body) return true;
  if (shown?.startsWith("/chat/")) return !element.closest("#open");
  return element instanceof HTMLAnchorElement && element.pathname === shown;
}

/**
 * Return what gets the focus: the composer, on a touch screen the conversation, the row of the one that
 * was left, or the heading. Null while a conversation loads. The composer takes the focus by itself, too,
 * but React gives it back to the link that had it.
 * @param {string} path
 * @returns {HTMLElement | null}
 */
function targetFrom(path) {
  if (shown?.startsWith("/chat/")) return conversationTarget();
  const row = shown === "/" ? document.querySelector(`nav a[href="${CSS.escape(path)}"]`) : null;
  return /** @type {HTMLElement | null} */ (row ?? document.querySelector("h1"));
}

/**
 * Return what gets the focus in the conversation that is open.
 * @returns {HTMLElement | null}
 */
export function conversationTarget() {
  const pane = document.getElementById("open");
  if (!matchMedia("(pointer: fine)").matches) return pane;
  return pane?.querySelector("chat-composer textarea") ?? (pane?.querySelector("[aria-busy]") ? null : pane);
}

// A reader who has acted meanwhile has put the focus where it belongs.
const forget = () => (left = undefined);

if (globalThis.document) {
  addEventListener("pointerdown", forget, true);
  addEventListener("keydown", forget, true);
  new MutationObserver(follow).observe(document, { childList: true, subtree: true });
}
