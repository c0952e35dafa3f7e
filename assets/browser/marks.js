// <chat-marks>: the marks that a reader sets on messages: saved, pinned, a reminder. One click removes a mark,
// and the notice of that sets it again. The element handles the buttons [data-unmark] in the rows of a list.

/** @import { Details } from "./notice.js" */
/** @import { ReminderRow } from "./later.js" */

import { ask } from "./ask.js";
import { notify } from "./notice.js";
import { store } from "./replica.js";
import { serverNow } from "./server_clock.js";
import { say } from "./texts.js";

/** @typedef {Details["back"]} Back the elements that may get the focus after the notice */

/** @param {string} id */
export const save = (id) => ask("PUT", `/api/messages/${id}/save`);

/** @param {string} id */
export const pin = (id) => ask("PUT", `/api/messages/${id}/pin`, undefined, (body) => body.id === id);

/**
 * Set the reminder of a message, also in place of an earlier one.
 * @param {string} id
 * @param {string} at
 */
export const setReminder = (id, at) =>
  ask("PUT", `/api/messages/${id}/reminder`, { at }, (body) => typeof body.at === "string");

/**
 * @param {string} id
 * @param {Back} [back]
 */
export async function unsave(id, back) {
  const problem = await ask("DELETE", `/api/messages/${id}/save`);
  if (!problem) notify(say("Removed from Saved."), { undo: () => save(id), undone: say("Saved again."), back });
  return problem;
}

/** @param {string} id */
export async function unpin(id) {
  const problem = await ask("DELETE", `/api/messages/${id}/pin`, undefined, (body) => body.id === id);
  // The pin is a new one, of now and of this user.
  if (!problem) notify(say("Unpinned."), { undo: () => pin(id), undone: say("Pinned again.") });
  return problem;
}

/**
 * @param {string} id
 * @param {string} at
 * @param {Back} back
 */
async function removeReminder(id, at, back) {
  const problem = await ask("DELETE", `/api/messages/${id}/reminder`);
  // A reminder whose time has come cannot be set again.
  const undo = new Date(at) > serverNow() ? () => setReminder(id, at) : undefined;
  if (!problem) notify(say("Reminder removed."), { undo, back });
  return problem;
}

class ChatMarks extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    const pressed = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-unmark]"));
    if (pressed) void this.#remove(pressed);
  }

  /** @param {HTMLElement} pressed */
  async #remove(pressed) {
    const { unmark, row: id = "" } = pressed.dataset;
    const item = pressed.closest("li");
    const beside = item?.nextElementSibling ?? item?.previousElementSibling;
    const back = [pressed, beside?.querySelector("[data-unmark]")];
    const reminder = /** @type {ReminderRow | undefined} */ (store.read("reminders").rows.find((one) => one.id === id));
    const problem = unmark === "saved" ? await unsave(id, back) : await removeReminder(id, reminder?.remind_at ?? "", back);
    const place = /** @type {HTMLElement} */ (item?.querySelector("[data-unmark-error]"));
    place.textContent = problem;
    place.hidden = !problem;
  }
}

globalThis.customElements?.define("chat-marks", ChatMarks);
