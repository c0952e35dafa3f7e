// <chat-shortcuts>: keys that work everywhere in the chat, and the links that lead to the search of messages.

import { store } from "./replica.js";

const HITS = "hits";

class ChatShortcuts extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    addEventListener("keydown", this);
    // Before the router, which opens the page of the link.
    addEventListener("click", this, true);
  }

  disconnectedCallback() {
    removeEventListener("keydown", this);
    removeEventListener("click", this, true);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "keydown") this.#key(/** @type {KeyboardEvent} */ (event));
    else this.#click(/** @type {Element} */ (event.target));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (!isCommand || !event.shiftKey || event.key.toLowerCase() !== "f") return;
    event.preventDefault();
    if (!document.querySelector("dialog:modal")) searchMessages();
  }

  /**
   * Note where a link wants to search: everywhere, or in one conversation.
   * @param {Element} target
   */
  #click(target) {
    /** @type {HTMLElement | null | undefined} */
    const link = target.closest?.("[data-search-within]");
    if (link) store.apply([{ list: HITS, about: { within: link.dataset.searchWithin } }]);
  }
}

/** Open the search of messages, or put the focus into its field where it is open. */
function searchMessages() {
  /** @type {HTMLInputElement | null} */
  const field = document.querySelector("chat-search [data-search]");
  if (field) field.select();
  else /** @type {HTMLElement | null} */ (document.querySelector('[data-search-within=""]'))?.click();
}

globalThis.customElements?.define("chat-shortcuts", ChatShortcuts);
