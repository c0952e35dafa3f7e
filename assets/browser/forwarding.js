// The dialog in which a message is forwarded. The server copies the text, so this needs a connection.

/** @import { Target } from "./targets.js" */

import { newId } from "./outbox_entry.js";
import { call, sentenceOf } from "./request.js";
import { Targets } from "./targets.js";
import { say } from "./texts.js";

const AWAY = say("Forwarding needs a connection to the chat. Please try again.");

export class Forwarding {
  #dialog;
  #said;
  #targets;
  #id = "";
  #isSending = false;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {(words: string) => void} said called when the message was forwarded
   */
  constructor(dialog, said) {
    this.#dialog = dialog;
    this.#said = said;
    const list = /** @type {HTMLElement} */ (dialog.querySelector("ul"));
    this.#targets = new Targets(this.#field, list, (target) => void this.#send(target), () => this.#fail(AWAY));
  }

  /** @param {string} id */
  open(id) {
    this.#id = id;
    this.#field.value = "";
    this.#fail(navigator.onLine ? "" : AWAY);
    this.#targets.show();
    this.#dialog.showModal();
    this.#field.focus();
  }

  close() {
    this.#targets.stop();
    this.#dialog.close();
  }

  /** @param {Target} target */
  async #send({ name, address }) {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#fail("");
    const body = { ...address, forward_of: this.#id, client_id: newId() };
    const isAnswer = (/** @type {Record<string, unknown>} */ message) => message.client_id === body.client_id;
    let answer;
    try {
      answer = await call("POST", "/api/messages", { body, isAnswer });
    } finally {
      this.#isSending = false;
    }
    if (!answer) this.#fail(AWAY);
    else if (answer.problem) this.#fail(sentenceOf(answer.problem) || AWAY);
    else {
      this.close();
      this.#said(say("Forwarded to {name}.", { name }));
    }
  }

  /** @param {string} words */
  #fail(words) {
    const place = /** @type {HTMLElement} */ (this.#dialog.querySelector("[data-forward-error]"));
    place.textContent = words;
    place.hidden = !words;
  }

  get #field() {
    return /** @type {HTMLInputElement} */ (this.#dialog.querySelector("input"));
  }
}
