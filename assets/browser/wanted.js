// <chat-wanted list event payload leave>: asks the server for a list until it is there and live; what is kept
// of it may be shown meanwhile. The event `leave`, where there is one, ends that the server follows it. Where it cannot be had, or something of it, this element says so, with a
// button to try again at once; it tries again by itself, too.

import { send, store } from "./replica.js";
import { said, say } from "./texts.js";

const PATIENCE = 5_000; // ms without an answer until it is asked for again
const LONGEST = 30_000;

/** @typedef {{ loaded?: boolean, kept?: boolean, problem?: string }} Facts */

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
    this.#show();
  }

  disconnectedCallback() {
    this.#unsubscribe?.();
    this.#stop();
    removeEventListener("online", this);
    const leave = this.getAttribute("leave");
    if (leave) send(leave, {});
  }

  /** @param {Event} event */
  handleEvent(event) {
    const isAsked = event.type === "online" ? !this.#isLive : /** @type {Element} */ (event.target).closest("button");
    if (isAsked) this.#ask();
  }

  get #list() {
    return this.getAttribute("list") ?? "";
  }

  /** @returns {Facts} */
  get #facts() {
    return store.read(this.#list).about;
  }

  get #isLive() {
    const { loaded, kept } = this.#facts;
    return Boolean(loaded && !kept);
  }

  #ask() {
    /** @type {unknown} */
    const payload = JSON.parse(this.getAttribute("payload") || "{}");
    send(this.getAttribute("event") ?? "", /** @type {Record<string, unknown>} */ (payload));
    this.#tries++;
    this.#stop();
    this.#show();
  }

  get #patience() {
    return Math.min(LONGEST, PATIENCE * 2 ** Math.max(0, this.#tries - 1));
  }

  #stop() {
    if (this.#isLive) this.#tries = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #show() {
    if (this.#isLive) this.#stop();
    // The page's own events ask first.
    else this.#timer ??= setTimeout(() => this.#ask(), this.#patience);
    // Before it has made the link, React has not taken the page over, and must find it as it was built.
    if (!window.chatLink) return;
    const { loaded, problem } = this.#facts;
    const words = (problem && said(problem)) || (this.#tries && !loaded ? say("The chat does not answer.") : "");
    if (this.firstElementChild?.textContent === words || (!words && !this.childElementCount)) return;
    this.replaceChildren(...(words ? [make("span", words), make("button", say("Try again"))] : []));
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
