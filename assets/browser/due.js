// <chat-due event>: the notices of reminders that are due. Each stays, over reloads too, until it is followed or
// dismissed: here, in another tab, without a connection too, or on another device, of which the server tells (the
// `event`). Where no tab is visible, the browser notifies of it, once.

/** @import { Row } from "./store.js" */

import { alone, elected, isAnyVisible } from "./agreement.js";
import { plainText } from "./markdown.js";
import { dropRow, send, store } from "./replica.js";
import { getPageUser } from "./request.js";
import { publish, subscribe } from "./tabs.js";
import { say } from "./texts.js";

const LIST = "due";
const LATE = 5_000;

/** @typedef {Row & { author: string, text: string }} DueRow */

class ChatDue extends (globalThis.HTMLElement ?? class {}) {
  /** @type {(() => void)[]} */
  #watch = [];
  /** @type {Set<string>} */
  #seen = new Set();

  connectedCallback() {
    this.addEventListener("click", this);
    this.#seen = new Set(store.read(LIST).rows.map((row) => row.id));
    this.#watch = [
      subscribe(({ user, dismissed }) => {
        if (dismissed && user === getPageUser()) dropRow(LIST, dismissed);
      }),
      store.subscribe(LIST, () => this.#changed()),
    ];
  }

  disconnectedCallback() {
    for (const stop of this.#watch) stop();
  }

  /** @param {Event} event */
  handleEvent(event) {
    const pressed = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-due]"));
    const id = pressed?.dataset.due;
    // After the click: a link that is gone leads nowhere.
    if (id) setTimeout(() => this.#dismiss(id));
  }

  /** @param {string} id */
  #dismiss(id) {
    const hadFocus = this.contains(document.activeElement);
    dropRow(LIST, id);
    send(this.getAttribute("event") ?? "", { message_id: id });
    publish({ user: getPageUser(), dismissed: id });
    if (hadFocus) setTimeout(() => /** @type {HTMLElement | null} */ (this.querySelector("button") ?? document.getElementById("open"))?.focus());
  }

  #changed() {
    const rows = /** @type {readonly DueRow[]} */ (store.read(LIST).rows);
    for (const row of rows) if (!this.#seen.has(row.id)) void notify(row);
    this.#seen = new Set(rows.map((row) => row.id));
  }
}

/** @param {DueRow} row */
async function notify({ id, author, text }) {
  if (globalThis.Notification?.permission !== "granted" || (await isAnyVisible())) return;
  const subject = `chat.due ${id}`;
  if (!(await elected(subject))) return;
  await alone(subject, LATE, () => {
    try {
      const note = new Notification(say("Reminder"), { body: `${author}: ${plainText(text)}`, tag: subject });
      note.onclick = () => {
        globalThis.focus();
        note.close();
      };
    } catch {
      // On phones only service workers may notify.
    }
  });
}

globalThis.customElements?.define("chat-due", ChatDue);
