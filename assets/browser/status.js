// <chat-status>: the line under the name of an open chat. It shows who is typing, for a few seconds
// after each event of that; else "Online", when the person was last seen, or what is `otherwise` there.

import { lastSeen } from "./clock.js";
import { say } from "./texts.js";

const HOLDS = 6_000;
const MINUTE = 60_000;

class ChatStatus extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["online", "last-seen", "names", "mark", "otherwise"];

  #until = 0;
  #shown = "";
  /** @type {number | undefined} */
  #timer;

  connectedCallback() {
    // An event from before this element was on the page is over, or nearly.
    this.#show();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} value
   */
  attributeChangedCallback(name, before, value) {
    if (name === "mark" && before !== null && before !== value) this.#until = Date.now() + HOLDS;
    if (this.isConnected) this.#show();
  }

  #show() {
    clearTimeout(this.#timer);
    const left = this.#until - Date.now();
    const names = left > 0 ? /** @type {string[]} */ (JSON.parse(this.getAttribute("names") || "[]")) : [];
    if (names.length) {
      this.#write(sentence(names));
      this.#timer = setTimeout(() => this.#show(), left + 10);
      return;
    }
    const gone = this.getAttribute("last-seen");
    const idle = this.getAttribute("otherwise") || lastSeen(gone);
    this.#write(this.getAttribute("online") === "true" ? say("Online") : idle);
    // "Today" becomes "yesterday" while a page stays open.
    if (gone) this.#timer = setTimeout(() => this.#show(), MINUTE);
  }

  /** @param {string} words */
  #write(words) {
    // A screen reader announces each change: change nothing while the text is the same.
    if (words === this.#shown) return;
    this.#shown = words;
    this.replaceChildren(words);
  }
}

/**
 * Return the sentence that says who is typing.
 * @param {string[]} names
 */
function sentence(names) {
  if (names.length > 2) return say("Several people are typing…");
  const [name, other] = names;
  return other ? say("{name} and {other} are typing…", { name, other }) : say("{name} is typing…", { name });
}

globalThis.customElements?.define("chat-status", ChatStatus);
