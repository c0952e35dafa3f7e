// <chat-panel event payload>: a panel beside or over the page. It takes the focus when it comes, Escape presses
// its [data-dismiss] button wherever the focus is, and the focus returns to where it was when it goes. It asks
// the server to follow what it shows, again after the link was broken.

import { send } from "./replica.js";

class ChatPanel extends (globalThis.HTMLElement ?? class {}) {
  /** @type {HTMLElement | null} */
  #opener = null;
  #follow = () => {
    /** @type {unknown} */
    const payload = JSON.parse(this.getAttribute("payload") || "{}");
    send(this.getAttribute("event") ?? "", /** @type {Record<string, unknown>} */ (payload));
  };

  connectedCallback() {
    this.#opener = /** @type {HTMLElement | null} */ (document.activeElement);
    // After everything else that Escape closes, empties or cancels.
    addEventListener("keydown", this);
    // After React, which gives it back to what had it before the panel.
    queueMicrotask(() => this.#dismiss?.focus({ preventScroll: true }));
    window.chatLink?.on("connect", this.#follow);
    this.#follow();
  }

  disconnectedCallback() {
    removeEventListener("keydown", this);
    window.chatLink?.off("connect", this.#follow);
    if (!this.#hadFocus) return;
    queueMicrotask(() => (this.#opener?.isConnected ? this.#opener : document.getElementById("open"))?.focus());
  }

  /** @param {KeyboardEvent} event */
  handleEvent(event) {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
    // Escape first closes a dialog, and empties a search.
    if (document.querySelector("dialog:modal") || (field.type === "search" && field.value)) return;
    event.preventDefault();
    this.#dismiss?.click();
  }

  /** Whether the focus was in the panel, or is lost with it. */
  get #hadFocus() {
    return !document.activeElement || document.activeElement === document.body;
  }

  get #dismiss() {
    return /** @type {HTMLElement | null} */ (this.querySelector("[data-dismiss]"));
  }
}

globalThis.customElements?.define("chat-panel", ChatPanel);
