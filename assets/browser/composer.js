// <chat-composer>: the box people write in. Enter sends, Shift+Enter breaks the line, a draft is
// kept per conversation, and what is sent goes into the outbox before anything else happens.

import { outboxOf } from "./outbox.js";

const LIMIT = 8_000;

class ChatComposer extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["conversation-id"];

  connectedCallback() {
    this.addEventListener("submit", this);
    this.addEventListener("keydown", this);
    this.addEventListener("input", this);
    addEventListener("chat:edit", this);
    this.#open();
  }

  disconnectedCallback() {
    removeEventListener("chat:edit", this);
  }

  attributeChangedCallback(_name, before) {
    // The first value comes before the children do: connectedCallback opens then.
    if (before !== null && this.isConnected) this.#open();
  }

  handleEvent(event) {
    if (event.type === "submit") {
      event.preventDefault();
      this.#send();
    } else if (event.type === "input") {
      this.#changed();
    } else if (event.type === "chat:edit") {
      this.#write([event.detail, this.#box.value].filter(Boolean).join("\n"));
      this.#box.focus();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      // 229: some browsers report the Enter that ends an input method's word so, and not otherwise.
      event.preventDefault();
      this.#send();
    }
  }

  get #box() {
    return this.querySelector("textarea");
  }

  get #draftKey() {
    return `chat.draft.${this.getAttribute("user-id")}.${this.getAttribute("conversation-id")}`;
  }

  #open() {
    if (!this.#box) return;
    this.#write(read(this.#draftKey));
    // On a touch screen the focus would push the keyboard over what is to be read.
    if (matchMedia("(pointer: fine)").matches) this.#box.focus({ preventScroll: true });
  }

  #send() {
    const content = this.#box.value.trim();
    if (!content) return;
    const excess = [...content].length - LIMIT;
    if (excess > 0) {
      const words = `A message holds up to 8,000 characters; this one is ${excess.toLocaleString()} too long.`;
      this.#say(words);
      return;
    }
    this.#write("");
    outboxOf(this.getAttribute("user-id")).add(this.getAttribute("conversation-id"), content);
    dispatchEvent(new CustomEvent("chat:sent"));
  }

  #write(text) {
    this.#box.value = text;
    this.#changed();
  }

  #changed() {
    this.#say("");
    this.#box.style.height = "auto";
    // The border is not part of scrollHeight.
    this.#box.style.height = `${this.#box.scrollHeight + 2}px`;
    keep(this.#draftKey, this.#box.value);
  }

  #say(words) {
    const place = this.querySelector("[data-composer-error]");
    place.textContent = words;
    place.hidden = !words;
  }
}

function read(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function keep(key, text) {
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // Storage is blocked or full: the draft lives as long as the page.
  }
}

globalThis.customElements?.define("chat-composer", ChatComposer);
