// <chat-copy>: copies the text of the field inside it when its button is pressed, and says so.

import { copyText } from "./clipboard.js";
import { say } from "./texts.js";

class ChatCopy extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (/** @type {Element} */ (event.target).closest("[data-copy]")) void this.#copy();
  }

  async #copy() {
    const field = /** @type {HTMLInputElement} */ (this.querySelector("[data-copied]"));
    const place = /** @type {HTMLElement} */ (this.querySelector("[data-copy-state]"));
    const isCopied = await copyText(field.value);
    field.select();
    place.textContent = isCopied
      ? say("Copied.")
      : say("This browser copies nothing by itself: the link is selected, press Ctrl+C.");
  }
}

globalThis.customElements?.define("chat-copy", ChatCopy);
