// <chat-scheduled reload>: what can be done with scheduled messages and reminders in a dialog. Reminders are
// the user's own matter, of which the server tells nobody: the event `reload` asks for them again after a
// change here or in another tab, and when the page is seen again.

/** @import { ReminderRow, ScheduledRow } from "./later.js" */

import { AWAY } from "./ask.js";
import { notify } from "./notice.js";
import { send, store } from "./replica.js";
import { subscribe } from "./tabs.js";

class ChatScheduled extends (globalThis.HTMLElement ?? class {}) {
  /** @type {(() => void) | undefined} */
  #unsubscribe;

  connectedCallback() {
    this.addEventListener("click", this);
    document.addEventListener("visibilitychange", this);
    addEventListener("chat:reminders", this);
    this.#unsubscribe = subscribe(({ reminders }) => reminders && this.#reload());
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this);
    removeEventListener("chat:reminders", this);
    this.#unsubscribe?.();
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type !== "click") {
      if (!document.hidden) this.#reload();
      return;
    }
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
    try {
      await navigator.clipboard.writeText(text);
      notify("The text is copied.");
    } catch {
      // Without HTTPS, or where it is not allowed: the text can be selected in the dialog.
      notify("This browser copies nothing by itself: press Edit, and copy the text there.");
    }
  }

  #reload() {
    send(this.getAttribute("reload") ?? "", {});
  }
}

globalThis.customElements?.define("chat-scheduled", ChatScheduled);
