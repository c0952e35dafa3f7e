// <chat-shortcuts go-to-event>: keys that work everywhere in the chat, the button that lists all keys, and the
// links that lead to the search of messages. The dialogs that keys open are loaded after everything else.

import { store } from "./replica.js";

const HITS = "hits";
const IDLE = 3_000;
const isMac = /^(Mac|iP)/.test(globalThis.navigator?.platform ?? "");

/** Where a key is a letter of a text. */
const TYPING = "input:not([type=button], [type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable]";

const loadGoTo = () => import("./go_to.js");
const loadList = () => import("./shortcut_list.js");

class ChatShortcuts extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    // Beforehand: it works without a connection, too.
    setTimeout(() => void Promise.allSettled([loadGoTo(), loadList()]), IDLE);
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
    else this.#click(event);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const action = this.#actionOf(event);
    if (!action) return;
    event.preventDefault();
    if (!document.querySelector("dialog:modal")) action();
  }

  /**
   * Return what a key does everywhere; undefined for a key that does nothing.
   * @param {KeyboardEvent} event
   * @returns {(() => unknown) | undefined}
   */
  #actionOf(event) {
    const { ctrlKey, metaKey, shiftKey, altKey } = event;
    // A link that is a button for those who do not see it is pressed by the keys of one.
    const pressed = event.key === " " && /** @type {HTMLElement} */ (event.target).closest?.("a[role=button]");
    if (pressed) return () => /** @type {HTMLElement} */ (pressed).click();
    if (!ctrlKey && !metaKey) return event.key === "?" && !isTyping(event) ? showList : undefined;
    const key = event.key.toLowerCase();
    if (altKey) return undefined;
    if (shiftKey) return key === "f" ? searchMessages : undefined;
    // On a Mac, Ctrl+K deletes the rest of a line.
    return key === "k" && metaKey === isMac ? () => this.#goTo() : undefined;
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
   * Show all keys at the press of a button; or note where a link wants to search: everywhere, or in one
   * conversation.
   * @param {Event} event
   */
  #click(event) {
    const target = /** @type {Element} */ (event.target);
    if (target.closest?.("[data-shortcuts]")) void showList();
    /** @type {HTMLElement | null | undefined} */
    const link = target.closest?.("[data-search-within]");
    if (!link) return;
    store.apply([{ list: HITS, about: { within: link.dataset.searchWithin } }]);
    if (!searchField()) return;
    // It is open: the router would open it without what is asked.
    event.preventDefault();
    searchMessages();
  }
}

/**
 * Return whether a key is typed into a field. What is in a shadow, as the picker of emoji, is seen by its path.
 * @param {KeyboardEvent} event
 */
function isTyping(event) {
  const [target] = event.composedPath();
  return target instanceof Element && Boolean(target.closest(TYPING));
}

async function showList() {
  try {
    const { showShortcuts } = await loadList();
    showShortcuts(isMac);
  } catch {
    // Never loaded, and no connection.
  }
}

/** @returns {HTMLInputElement | null} */
const searchField = () => document.querySelector("chat-search [data-search]");

/** Open the search of messages, or put the focus into its field where it is open. */
function searchMessages() {
  const field = searchField();
  field?.focus();
  field?.select();
  if (!field) /** @type {HTMLElement | null} */ (document.querySelector('[data-search-within=""]'))?.click();
}

globalThis.customElements?.define("chat-shortcuts", ChatShortcuts);
