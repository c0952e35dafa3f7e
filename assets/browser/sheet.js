// Dialogs that scripts make when they are first opened: a title, a button that closes, and the content.

import { say } from "./texts.js";

/**
 * Make a dialog, which is on the page while it is open; the focus then returns to where it was.
 * @param {string} title
 * @param {string} id the id of the title
 * @param {string} className
 */
export function newSheet(title, id, className) {
  const dialog = document.createElement("dialog");
  dialog.className = `sheet ${className}`;
  dialog.setAttribute("aria-labelledby", id);
  const heading = textOf("h2", title, "");
  heading.id = id;
  const close = document.createElement("button");
  Object.assign(close, { type: "button", className: "icon-button", title: say("Close"), ariaLabel: say("Close") });
  const cross = textOf("span", "", "icon icon-cross");
  cross.setAttribute("aria-hidden", "true");
  close.append(cross);
  const head = textOf("header", "", "sheet-head");
  head.append(heading, close);
  // The padding is inside, so that a click on it is no click beside the dialog.
  const box = textOf("div", "", "sheet-box");
  box.append(head);
  dialog.append(box);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || close.contains(/** @type {Node} */ (event.target))) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  return { dialog, box };
}

/**
 * Make an element with a text.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [words]
 * @param {string} [className]
 */
export function textOf(tag, words = "", className = "") {
  const element = document.createElement(tag);
  element.textContent = words;
  if (className) element.className = className;
  return element;
}

/**
 * Make a button.
 * @param {string} label
 * @param {"primary" | "plain" | "quiet" | "danger"} kind
 * @param {() => unknown} act
 */
export function pressable(label, kind, act) {
  const button = textOf("button", label, `button ${kind}`);
  button.type = "button";
  button.addEventListener("click", () => void act());
  return button;
}

/** Make a line for an error, which screen readers announce. */
export function errorLine() {
  const line = textOf("p", "", "error-text");
  line.setAttribute("role", "alert");
  return line;
}
