// <chat-composer>: the box people write in. Enter sends, Shift+Enter breaks the line, a draft is
// kept per conversation, and what is sent goes into the outbox before anything else happens. A
// message of one's own is edited here, too; the draft waits meanwhile.

import { lastOwn, edit } from "./actions.js";
import { ask } from "./ask.js";
import { outboxOf } from "./outbox.js";

const LIMIT = 8_000;

class ChatComposer extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["conversation-id"];
  #editing; // { id, text } of the message whose new text is in the box

  connectedCallback() {
    this.addEventListener("submit", this);
    this.addEventListener("keydown", this);
    this.addEventListener("input", this);
    this.addEventListener("click", this);
    addEventListener("chat:edit", this);
    addEventListener("chat:edit-message", this);
    this.#open();
  }

  disconnectedCallback() {
    removeEventListener("chat:edit", this);
    removeEventListener("chat:edit-message", this);
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
    } else if (event.type === "click") {
      if (event.target.closest("[data-cancel-edit]")) this.#stopEditing();
    } else if (event.type === "chat:edit-message") {
      this.#edit(event.detail);
    } else if (event.type === "chat:edit") {
      this.#stopEditing();
      this.#write([event.detail, this.#box.value].filter(Boolean).join("\n"));
      this.#box.focus();
    } else if (event.key === "Escape" && this.#editing && !event.isComposing) {
      event.preventDefault();
      this.#stopEditing();
    } else if (event.key === "ArrowUp" && !this.#box.value && !this.#editing && lastOwn()) {
      event.preventDefault();
      edit(lastOwn());
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
    this.#show(undefined);
    this.#write(read(this.#draftKey));
    // On a touch screen the focus would push the keyboard over what is to be read.
    if (matchMedia("(pointer: fine)").matches) this.#box.focus({ preventScroll: true });
  }

  #send() {
    const content = this.#box.value.trim();
    if (!content) return this.#editing && this.#say("Write something, or delete the message instead.");
    const excess = [...content].length - LIMIT;
    if (excess > 0) {
      const words = `A message holds up to 8,000 characters; this one is ${excess.toLocaleString()} too long.`;
      this.#say(words);
      return;
    }
    if (this.#editing) return this.#save(content);
    this.#write("");
    outboxOf(this.getAttribute("user-id")).add(this.getAttribute("conversation-id"), content);
    dispatchEvent(new CustomEvent("chat:sent"));
  }

  // ---- Editing

  #edit(message) {
    this.#show(message);
    this.#write(message.text);
    this.#box.focus();
    this.#box.setSelectionRange(message.text.length, message.text.length);
  }

  #stopEditing() {
    if (!this.#editing) return;
    this.#show(undefined);
    this.#write(read(this.#draftKey));
    this.#box.focus();
  }

  async #save(content) {
    const message = this.#editing;
    const problem = content === message.text ? "" : await ask("PATCH", `/api/messages/${message.id}`, { content });
    // Meanwhile another message, or none, may be in the box.
    if (this.#editing !== message) return;
    if (problem) this.#say(problem);
    else this.#stopEditing();
  }

  #show(message) {
    this.#editing = message;
    this.querySelector("[data-editing]").hidden = !message;
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
    if (!this.#editing) keep(this.#draftKey, this.#box.value);
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
