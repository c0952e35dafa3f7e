// Refuses files that are dropped on the page: the browser would show the file in place of the chat.

const SHOWN = 4_000;
/** @type {HTMLElement | undefined} */
let notice;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {DragEvent} event */
function refuse(event) {
  const target = /** @type {Element} */ (event.target);
  if (!event.dataTransfer?.types.includes("Files") || target.closest?.("input[type=file]")) return;
  event.preventDefault();
  if (event.type === "drop") say("Files cannot be sent yet.");
}

/** @param {string} words */
function say(words) {
  if (!notice) {
    notice = document.createElement("div");
    notice.setAttribute("role", "status");
    notice.className = "passing-notice";
  }
  // React owns the body.
  document.documentElement.append(notice);
  notice.textContent = words;
  clearTimeout(timer);
  timer = setTimeout(() => notice?.remove(), SHOWN);
}

if (globalThis.document) {
  addEventListener("dragover", refuse);
  addEventListener("drop", refuse);
}
