// <chat-shortcuts go-to-event>: keys that work everywhere in the chat, and the links that lead to the search of
// messages. The dialogs that keys open are loaded after everything else.

import { store } from "./replica.js";

const HITS = "hits";
const IDLE = 3_000;
const isMac = /^(Mac|iP)/.test(globalThis.navigator?.platform ?? "");

const loadGoTo = () => import("./go_to.js");

class ChatShortcuts extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    // Beforehand: it works without a connection, too.
    setTimeout(() => void loadGoTo().catch(() => undefined), IDLE);
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
    if (!event.ctrlKey && !event.metaKey) return;
    const key = event.key.toLowerCase();
    // On a Mac, Ctrl+K deletes the rest of a line.
    const isGoTo = key === "k" && !event.shiftKey && event.metaKey === isMac;
    if (!isGoTo && !(key === "f" && event.shiftKey)) return;
    event.preventDefault();
    if (document.querySelector("dialog:modal")) return;
    if (isGoTo) void this.#goTo();
    else searchMessages();
  }

  async #goTo() {
    try {
      const { goTo } = await loadGoTo();
      goTo(this.getAttribute("go-to-event") ?? "");
    } catch {
      // Never loaded, and no connection: the search has a page of its own.
      searchMessages();
    }
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
