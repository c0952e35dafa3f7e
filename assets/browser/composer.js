// <chat-composer>: the box for writing messages. Enter sends, Shift+Enter breaks the line, a draft is
// kept for each conversation, and a message goes into the outbox before anything else happens. The
// user's own messages are edited here, too; the draft is kept meanwhile.

/** @import { EditedMessage } from "./actions.js" */

import { lastOwn, edit } from "./actions.js";
import { ask } from "./ask.js";
import { outboxOf } from "./outbox.js";

const LIMIT = 8_000;

class ChatComposer extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["conversation-id"];
  /** The message whose new text is in the box. @type {EditedMessage | undefined} */
  #editing;

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

  /**
   * @param {string} _name
   * @param {string | null} before
   */
  attributeChangedCallback(_name, before) {
    // The first value is set before the children exist: connectedCallback opens the box then.
    if (before !== null && this.isConnected) this.#open();
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "submit") {
      event.preventDefault();
      this.#send();
      this.#box.focus({ preventScroll: true }); // A click on Send took the focus.
    } else if (event.type === "input") {
      this.#changed();
    } else if (event.type === "click") {
      if (/** @type {Element} */ (event.target).closest("[data-cancel-edit]")) this.#stopEditing();
    } else if (event.type === "chat:edit-message") {
      this.#edit(/** @type {CustomEvent<EditedMessage>} */ (event).detail);
    } else if (event.type === "chat:edit") {
      this.#stopEditing();
      const { detail } = /** @type {CustomEvent<string>} */ (event);
      this.#write([detail, this.#box.value].filter(Boolean).join("\n"));
      this.#box.focus();
    } else {
      this.#key(/** @type {KeyboardEvent} */ (event));
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape" && this.#editing && !event.isComposing) {
      event.preventDefault();
      this.#stopEditing();
    } else if (event.key === "ArrowUp" && !this.#box.value && !this.#editing) {
      const own = lastOwn();
      if (!own) return;
      event.preventDefault();
      edit(own);
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      // 229 is the only sign, in some browsers, of the Enter that ends a word of an input method.
      event.preventDefault();
      this.#send();
    }
  }

  get #box() {
    return /** @type {HTMLTextAreaElement} */ (this.querySelector("textarea"));
  }

  get #draftKey() {
    return `chat.draft.${this.getAttribute("user-id")}.${this.getAttribute("conversation-id")}`;
  }

  #open() {
    if (!this.querySelector("textarea")) return;
    this.#show(undefined);
    this.#write(read(this.#draftKey));
    // On a touch screen the focus would push the keyboard over what is to be read.
    if (matchMedia("(pointer: fine)").matches) this.#box.focus({ preventScroll: true });
  }

  #send() {
    const content = this.#box.value.trim();
    if (!content) {
      if (this.#editing) this.#say("Write something, or delete the message instead.");
      return;
    }
    const excess = [...content].length - LIMIT;
    if (excess > 0) {
      const words = `A message holds up to 8,000 characters; this one is ${excess.toLocaleString()} too long.`;
      this.#say(words);
      return;
    }
    if (this.#editing) {
      void this.#save(this.#editing, content);
      return;
    }
    this.#write("");
    outboxOf(this.getAttribute("user-id") ?? "").add(this.getAttribute("conversation-id") ?? "", content);
    dispatchEvent(new CustomEvent("chat:sent"));
  }

  // ---- Editing

  /** @param {EditedMessage} message */
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

  /**
   * @param {EditedMessage} message
   * @param {string} content
   */
  async #save(message, content) {
    const problem = content === message.text ? "" : await ask("PATCH", `/api/messages/${message.id}`, { content });
    // The box may hold another message, or none, by now.
    if (this.#editing !== message) return;
    if (problem) this.#say(problem);
    else this.#stopEditing();
  }

  /** @param {EditedMessage | undefined} message */
  #show(message) {
    this.#editing = message;
    /** @type {HTMLElement} */ (this.querySelector("[data-editing]")).hidden = !message;
  }

  /** @param {string} text */
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

  /** @param {string} words */
  #say(words) {
    const place = /** @type {HTMLElement} */ (this.querySelector("[data-composer-error]"));
    place.textContent = words;
    place.hidden = !words;
  }
}

/** @param {string} key */
function read(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/**
 * @param {string} key
 * @param {string} text
 */
function keep(key, text) {
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // Storage is blocked or full: the draft lives as long as the page.
  }
}

globalThis.customElements?.define("chat-composer", ChatComposer);
