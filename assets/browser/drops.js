// Files that are dropped on the page: those on an open conversation are attached to the message that is written
// there. Elsewhere they are refused: the browser would show the file in place of the chat.

import { notify } from "./notice.js";
import { say } from "./texts.js";

const DROPPING = "data-dropping";
/** @type {number | undefined} */
let timer;

/** @param {DragEvent} event */
function take(event) {
  const target = /** @type {Element} */ (event.target);
  if (!event.dataTransfer?.types.includes("Files") || target.closest?.("input[type=file]")) return;
  event.preventDefault();
  const pane = target.closest?.(".pane");
  const isHere = Boolean(pane?.querySelector("chat-attach")) && !document.querySelector("dialog:modal");
  mark(event.type === "dragover" && isHere ? pane : undefined);
  if (event.type !== "drop") return;
  const files = [...event.dataTransfer.files];
  if (!isHere) notify(say("Open a conversation to send files."));
  else if (files.length) dispatchEvent(new CustomEvent("chat:attach", { detail: { files } }));
}

/**
 * Show that files may be dropped on the conversation, while some are over it.
 * @param {Element | null | undefined} pane
 */
function mark(pane) {
  clearTimeout(timer);
  for (const other of document.querySelectorAll(`[${DROPPING}]`)) if (other !== pane) other.removeAttribute(DROPPING);
  pane?.setAttribute(DROPPING, say("Drop the files to attach them"));
  // `dragover` comes several times a second; no event says that a drag has left the window.
  if (pane) timer = setTimeout(() => mark(undefined), 400);
}

if (globalThis.document) {
  addEventListener("dragover", take);
  addEventListener("drop", take);
}
