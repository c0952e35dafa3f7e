// <chat-unsent user-id conversation-id>: what the outbox holds for a conversation that can no longer be opened. Its
// messages are nowhere else: they can be copied, and deleted.

/** @import { Entry } from "./database.js" */

import { copyText } from "./clipboard.js";
import { notify } from "./notice.js";
import { outboxOf } from "./outbox.js";
import { filesOf } from "./outbox_entry.js";
import { pressable, textOf } from "./sheet.js";
import { say } from "./texts.js";

const TO_READ = 10_000;

class ChatUnsent extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["user-id", "conversation-id"];
  #stop = () => undefined;

  connectedCallback() {
    this.#watch();
  }

  disconnectedCallback() {
    this.#stop();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#watch();
  }

  #watch() {
    this.#stop();
    const user = this.getAttribute("user-id");
    if (!user) return;
    const outbox = outboxOf(user);
    const stop = outbox.subscribe(() => this.#show());
    this.#stop = () => void stop();
    this.#show();
  }

  get #outbox() {
    return outboxOf(this.getAttribute("user-id") ?? "");
  }

  #show() {
    const entries = this.#outbox.of(this.getAttribute("conversation-id") ?? "");
    const hadFocus = this.contains(document.activeElement);
    if (!entries.length) {
      this.replaceChildren();
      if (hadFocus) document.getElementById("open")?.focus({ preventScroll: true });
      return;
    }
    const list = document.createElement("ul");
    list.append(...entries.map((entry) => this.#row(entry)));
    const head = textOf("h2", say("Not sent"));
    head.id = "unsent";
    list.setAttribute("aria-labelledby", head.id);
    this.replaceChildren(head, list);
    if (hadFocus) list.querySelector("button")?.focus({ preventScroll: true });
  }

  /** @param {Entry} entry */
  #row(entry) {
    const { client_id, content } = entry;
    const row = document.createElement("li");
    const words = textOf("p", content, "unsent-text");
    words.dir = "auto";
    const files = filesOf(entry).map(({ name }) => name);
    const names = textOf("p", files.join(", "), "field-hint");
    names.dir = "auto";
    const buttons = document.createElement("div");
    buttons.className = "refusal";
    if (content) buttons.append(pressable(say("Copy"), "quiet", () => copy(content)));
    buttons.append(pressable(say("Delete"), "quiet", () => this.#outbox.remove(client_id)));
    row.append(...(content ? [words] : []), ...(files.length ? [names] : []), buttons);
    return row;
  }
}

/** @param {string} text */
async function copy(text) {
  if (await copyText(text)) notify(say("The text is copied."));
  else notify(say("This browser copies nothing by itself: select the text, and copy it."), { shown: TO_READ });
}

globalThis.customElements?.define("chat-unsent", ChatUnsent);
