// <chat-status>: the line under the name of an open chat. Who is writing goes first, for as long as
// that was heard lately; else "Online", or when the person was last seen by this browser's clock.

import { lastSeen } from "./clock.js";

const HOLDS = 6_000;
const MINUTE = 60_000;

class ChatStatus extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["online", "last-seen", "names", "mark"];

  #until = 0;
  #shown = "";
  #timer;

  connectedCallback() {
    // What was heard before this element was there is over, or nearly.
    this.#show();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  attributeChangedCallback(name, before, value) {
    if (name === "mark" && before !== null && before !== value) this.#until = Date.now() + HOLDS;
    if (this.isConnected) this.#show();
  }

  #show() {
    clearTimeout(this.#timer);
    const left = this.#until - Date.now();
    const names = left > 0 ? JSON.parse(this.getAttribute("names") || "[]") : [];
    if (names.length) {
      this.#write(...sentence(names));
      this.#timer = setTimeout(() => this.#show(), left + 10);
      return;
    }
    const gone = this.getAttribute("last-seen");
    this.#write(this.getAttribute("online") === "true" ? "Online" : lastSeen(gone));
    // "Today" becomes "yesterday" while a page stays open.
    if (gone) this.#timer = setTimeout(() => this.#show(), MINUTE);
  }

  #write(...parts) {
    const words = parts.map((part) => part.textContent ?? part).join("");
    // Announced politely: only what is really another text.
    if (words === this.#shown) return;
    this.#shown = words;
    this.replaceChildren(...parts);
  }
}

function sentence(names) {
  if (names.length > 2) return ["Several people are typing…"];
  const [one, other] = names.map((name) => {
    const part = document.createElement("bdi");
    part.textContent = name;
    return part;
  });
  return other ? [one, " and ", other, " are typing…"] : [one, " is typing…"];
}

globalThis.customElements?.define("chat-status", ChatStatus);
