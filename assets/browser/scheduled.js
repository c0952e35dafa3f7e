// <chat-scheduled>: what can be done with scheduled messages and reminders in a dialog.

/** @import { ReminderRow, ScheduledRow } from "./later.js" */

import { AWAY } from "./ask.js";
import { copyText } from "./clipboard.js";
import { notify } from "./notice.js";
import { store } from "./replica.js";
import { say } from "./texts.js";

class ChatScheduled extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    const pressed = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-later]"));
    if (pressed) void this.#do(pressed.dataset.later ?? "", pressed.dataset.row ?? "");
  }

  /**
   * @param {string} action
   * @param {string} id
   */
  async #do(action, id) {
    const row = store.read(action === "change" ? "reminders" : "scheduled").rows.find((one) => one.id === id);
    if (!row) return;
    if (action === "copy") await this.#copy(/** @type {ScheduledRow} */ (row).text);
    else await this.#change(action, row);
  }

  /**
   * @param {string} action
   * @param {object} row
   */
  async #change(action, row) {
    try {
      const { changeReminder, changeScheduled } = await import("./later.js");
      if (action === "edit") await changeScheduled(/** @type {ScheduledRow} */ (row));
      else {
        const done = await changeReminder(/** @type {ReminderRow} */ (row));
        if (done) notify(done);
      }
    } catch {
      notify(AWAY);
    }
  }

  /** @param {string} text */
  async #copy(text) {
    if (await copyText(text)) notify(say("The text is copied."));
    // The text can be selected in the dialog.
    else notify(say("This browser copies nothing by itself: press Edit, and copy the text there."));
  }
}

globalThis.customElements?.define("chat-scheduled", ChatScheduled);
