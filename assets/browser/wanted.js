// <chat-wanted list event payload>: asks the server for a list until it is there. While it cannot be
// had, it says so, with a button to try again at once; it tries again by itself, too.

import { send, store } from "./replica.js";

const PATIENCE = 5_000; // ms without an answer until it is asked for again
const LONGEST = 30_000;

class ChatWanted extends (globalThis.HTMLElement ?? class {}) {
  /** @type {(() => void) | undefined} */
  #unsubscribe;
  /** @type {number | undefined} */
  #timer;
  #tries = 0;

  connectedCallback() {
    this.#unsubscribe = store.subscribe(this.#list, () => this.#show());
    addEventListener("online", this);
    this.addEventListener("click", this);
    // The page's own events ask first.
    this.#later(PATIENCE);
    this.#show();
  }

  disconnectedCallback() {
    this.#unsubscribe?.();
    clearTimeout(this.#timer);
    removeEventListener("online", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "online" || /** @type {Element} */ (event.target).closest("button")) this.#ask();
  }

  get #list() {
    return this.getAttribute("list") ?? "";
  }

  #ask() {
    /** @type {unknown} */
    const payload = JSON.parse(this.getAttribute("payload") || "{}");
    send(this.getAttribute("event") ?? "", /** @type {Record<string, unknown>} */ (payload));
    this.#tries++;
    this.#later(Math.min(LONGEST, PATIENCE * 2 ** (this.#tries - 1)));
    this.#show();
  }

  /** @param {number} ms */
  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), ms);
  }

  #show() {
    const { loaded, problem } = /** @type {{ loaded?: boolean, problem?: string }} */ (store.read(this.#list).about);
    const words = loaded ? "" : problem || (this.#tries ? "The chat does not answer." : "");
    if (loaded) clearTimeout(this.#timer);
    if (this.firstElementChild?.textContent === words || (!words && !this.childElementCount)) return;
    this.replaceChildren(...(words ? [make("span", words), make("button", "Try again")] : []));
  }
}

/**
 * @param {"span" | "button"} tag
 * @param {string} words
 */
function make(tag, words) {
  const element = document.createElement(tag);
  element.textContent = words;
  if (element instanceof HTMLButtonElement) Object.assign(element, { type: "button", className: "button plain" });
  return element;
}

globalThis.customElements?.define("chat-wanted", ChatWanted);
