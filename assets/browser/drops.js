// Refuses files that are dropped on the page: the browser would show the file in place of the chat.

import { notify } from "./notice.js";

/** @param {DragEvent} event */
function refuse(event) {
  const target = /** @type {Element} */ (event.target);
  if (!event.dataTransfer?.types.includes("Files") || target.closest?.("input[type=file]")) return;
  event.preventDefault();
  if (event.type === "drop") notify("Files cannot be sent yet.");
}

if (globalThis.document) {
  addEventListener("dragover", refuse);
  addEventListener("drop", refuse);
}
