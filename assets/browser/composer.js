// <chat-composer>: the box for writing messages. Enter sends, Shift+Enter breaks the line, a draft is
// kept for each conversation, and the box is emptied once a message is in the outbox. The user's own
// messages are edited here, too; the draft is kept meanwhile. A draft may be a reply to a message. What
// still fits is shown near the limit.

/** @import { AttachElement } from "./attach.js" */
/** @import { Quote } from "./messages.js" */
/** @import { EditedMessage } from "./shown_message.js" */
/** @import { TabMessage } from "./tabs.js" */

import { ask, AWAY } from "./ask.js";
import { confirm, hideProblem, showOther, showProblem, showReply, showRoom, warn } from "./composer_lines.js";
import { clean, excessOf } from "./content.js";
import { forgetHeld, hasOwnDraft, hasUnstoredDraft, keepDraft, readDraft } from "./drafts.js";
import { DraftEverywhere } from "./drafts_everywhere.js";
import { notify } from "./notice.js";
import { outboxOf } from "./outbox.js";
import { store } from "./replica.js";
import { edit, lastOwn, quoteOf } from "./shown_message.js";
import { subscribe } from "./tabs.js";
import { say } from "./texts.js";

const SAID = 4_000; // ms for which a hint is shown
/** Edits that were left unsaved, by user and conversation as `#place` names them. @type {Map<string, { message: EditedMessage, text: string }>} */
const leftEdits = new Map();
/** A message that this page does not show. @type {Quote} */
const UNKNOWN = { id: "", seq: 0, sender_id: "", name: "a message", tone: "", excerpt: "", deleted: false };
const EMPTY = say("Write something first.");
const NO_FILES_LATER = say("Files cannot be sent later. Send them now, or remove them.");

class ChatComposer extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["conversation-id", "user-id"];
  /** The message whose new text is in the box. @type {EditedMessage | undefined} */
  #editing;
  /** The user and conversation of the edit, as `#place` names them. */
  #editedIn = "";
  /** The draft while a message is edited. */
  #draft = "";
  /** The message that the draft replies to. @type {Quote | undefined} */
  #reply;
  /** Whether the user has written in the box since it was opened or emptied. */
  #touched = false;
  /** The tab whose draft is in the box. */
  #follows = "";
  /** Ends that the quote follows its message. @type {(() => void) | undefined} */
  #quoted;
  /** Brings the draft to the other devices, and theirs here. @type {DraftEverywhere | undefined} */
  #everywhere;
  /** The beginnings of the box that the outbox is storing. @type {string[]} */
  #storing = [];
  /** @type {(() => void)[]} */
  #watch = [];

  connectedCallback() {
    this.addEventListener("submit", this);
    this.addEventListener("keydown", this);
    this.addEventListener("input", this);
    this.addEventListener("click", this);
    this.addEventListener("chat:problem", this);
    addEventListener("chat:edit", this);
    addEventListener("chat:edit-message", this);
    addEventListener("chat:reply", this);
    addEventListener("beforeunload", this);
    this.#watch = [subscribe((message) => void this.#otherTab(message))];
    this.#open();
  }

  disconnectedCallback() {
    this.#leaveEdit();
    removeEventListener("chat:edit", this);
    removeEventListener("chat:edit-message", this);
    removeEventListener("chat:reply", this);
    removeEventListener("beforeunload", this);
    for (const stop of this.#watch) stop();
    this.#quoted?.();
    this.#everywhere?.end();
  }

  /**
   * @param {string} name
   * @param {string | null} before
   */
  attributeChangedCallback(name, before) {
    // The first value is set before the children exist: connectedCallback opens the box then.
    if (before === null || !this.isConnected) return;
    // A text that was written before the page knew its user is theirs.
    if (name === "user-id" && !before) void this.#begin().then(() => this.#keep());
    else this.#open();
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "submit") {
      event.preventDefault();
      void this.#send();
      this.#box.focus({ preventScroll: true }); // A click on Send took the focus.
    } else if (event.type === "input") {
      this.#touched = true;
      this.#changed();
      void this.#written();
    } else if (event.type === "beforeunload") {
      // Where nothing is stored, and for an edit, the question is all that keeps the words.
      if (hasUnstoredDraft() || this.#isEditChanged) event.preventDefault();
    } else if (event.type === "click") {
      const pressed = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button"));
      if (pressed?.dataset.cancelEdit) this.#stopEditing();
      else if (pressed?.dataset.emoji) void this.#pickEmoji(pressed);
      else if (pressed?.dataset.sendLater) void this.#sendLater();
      else if (pressed?.dataset.cancelReply) this.#replyTo(undefined);
      else if (pressed?.dataset.useDraft) this.#everywhere?.useOther();
      else if (pressed?.dataset.dropDraft) this.#everywhere?.dropOther();
    } else if (event.type === "chat:problem") {
      this.#say(/** @type {CustomEvent<string>} */ (event).detail);
    } else if (event.type === "chat:reply") {
      this.#stopEditing();
      this.#replyTo(/** @type {CustomEvent<Quote>} */ (event).detail);
    } else if (event.type === "chat:edit-message") {
      this.#edit(/** @type {CustomEvent<EditedMessage>} */ (event).detail);
    } else if (event.type === "chat:edit") {
      this.#stopEditing();
      const { detail } = /** @type {CustomEvent<string>} */ (event);
      this.#touched = true;
      this.#write([detail, this.#box.value].filter(Boolean).join("\n"));
      void this.#written();
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
    } else if (event.key === "Escape" && this.#reply && !event.isComposing) {
      event.preventDefault();
      this.#replyTo(undefined);
    } else if (event.target !== this.#box) {
      // A button beside the box is pressed by its own keys.
    } else if (event.key === "ArrowUp" && !this.#box.value && !this.#editing) {
      const own = lastOwn();
      if (!own) return;
      event.preventDefault();
      edit(own);
    } else if (event.target === this.#box && event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      // 229 is the only sign, in some browsers, of the Enter that ends a word of an input method.
      event.preventDefault();
      void this.#send();
    }
  }

  get #box() {
    return /** @type {HTMLTextAreaElement} */ (this.querySelector("textarea"));
  }

  get #attached() {
    return /** @type {AttachElement | null} */ (this.querySelector("chat-attach"));
  }

  get #user() {
    return this.getAttribute("user-id") ?? "";
  }

  get #conversation() {
    return this.getAttribute("conversation-id") ?? "";
  }

  /** Names what the box is for: it may be for something else when a promise is kept. */
  get #place() {
    return `${this.#user} ${this.#conversation}`;
  }

  #open() {
    if (!this.querySelector("textarea")) return;
    this.#leaveEdit();
    this.#watchQuoted();
    this.#everywhere?.end();
    showOther(this, undefined);
    this.#show(undefined);
    this.#touched = false;
    this.#follows = "";
    this.#storing = [];
    this.#showReply(undefined);
    this.#write("");
    this.#warn();
    void this.#attached?.show?.();
    void this.#begin();
    // On a touch screen the focus would push the keyboard over what is to be read.
    if (matchMedia("(pointer: fine)").matches) this.#box.focus({ preventScroll: true });
  }

  // ---- Drafts

  /** Show the draft, then bring it to the other devices, and theirs here. */
  async #begin() {
    const place = this.#place;
    await this.#follow(true);
    if (place !== this.#place || !this.isConnected || !this.#user) return;
    this.#everywhere?.end();
    this.#everywhere = new DraftEverywhere(store, this.#user, this.#conversation, {
      words: () => ({ text: this.#unsent, reply_to: this.#reply?.id ?? "" }),
      take: (words) => this.#take(words),
      showOther: (text) => showOther(this, text),
      dropped: (undo) => notify(say("The other draft was removed."), { undo, back: [this.#box] }),
    });
    if (this.#touched) this.#everywhere.written();
    const left = leftEdits.get(place);
    leftEdits.delete(place);
    if (left && !this.#editing) this.#edit(left.message, left.text);
  }

  /** Store what the user has written. */
  async #written() {
    await this.#keep();
    this.#everywhere?.written();
  }

  /**
   * Put the words of another device into the box.
   * @param {{ text: string, reply_to: string }} words
   */
  async #take({ text, reply_to: replyTo }) {
    this.#touched = false;
    this.#showReply(replyTo ? (quoteOf(this.#conversation, replyTo) ?? { ...UNKNOWN, id: replyTo }) : undefined);
    if (this.#editing) this.#draft = text;
    else this.#write(text);
    await this.#keep();
  }

  /**
   * Show the draft as it is stored, unless the user is writing. What they wrote while it was being read
   * the first time goes on where it ends.
   */
  async #follow(first = false) {
    const place = this.#place;
    const { tab, text, reply } = await readDraft(this.#user, this.#conversation);
    if (place !== this.#place || (this.#touched && !first)) return;
    this.#follows = tab;
    this.#showReply(this.#touched ? (this.#reply ?? reply) : reply);
    if (this.#editing) this.#draft = text;
    else this.#write(this.#touched ? text + this.#box.value : text);
    if (this.#touched && text) await this.#keep();
  }

  /** Store what is in the box as the draft. */
  async #keep() {
    if (this.#editing || !this.#user) return;
    const follows = this.#follows;
    this.#follows = "";
    await keepDraft(this.#user, this.#conversation, this.#unsent, follows, this.#reply);
    this.#warn();
  }

  /** @param {TabMessage} message */
  async #otherTab({ user, draft, forgotten }) {
    if (user !== this.#user) return;
    if (forgotten) {
      this.#touched = false;
      forgetHeld(user);
    }
    if (forgotten || (draft === this.#conversation && !this.#touched)) await this.#follow();
    // Another tab went on with this one's draft: it is still in this box.
    else if (draft === this.#conversation && (this.#unsent || this.#reply) && !(await hasOwnDraft(user, draft))) await this.#keep();
  }

  /** The text in the box that is not on its way into the outbox. */
  get #unsent() {
    const text = this.#editing ? this.#draft : this.#box.value;
    const storing = this.#storing.join("");
    return text.startsWith(storing) ? text.slice(storing.length) : text;
  }

  async #send() {
    if (this.#editing) {
      const content = this.#content(this.#box.value);
      if (content || (content === "" && this.#editing.hasFiles)) await this.#save(this.#editing, content);
      else if (content === "") this.#say(say("Write something, or delete the message instead."));
      return;
    }
    const text = this.#unsent;
    const content = this.#content(text);
    const hasFiles = Boolean(this.#attached?.count);
    if (content === undefined || !(content || hasFiles) || !this.#user) return;
    const files = this.#attached?.take?.() ?? [];
    if (this.#box.value === text) this.#storing = [];
    this.#storing.push(text);
    const place = this.#place;
    const follows = this.#follows;
    const reply = this.#reply;
    this.#showReply(undefined);
    await outboxOf(this.#user).add(this.#conversation, content, follows, reply, files);
    if (place !== this.#place) return;
    this.#stored(text);
    if (this.#follows === follows) this.#follows = "";
    await this.#keep();
    this.#everywhere?.written();
    this.#everywhere?.send();
    dispatchEvent(new CustomEvent("chat:sent"));
  }

  /** Ask when to send what is in the box. It stays there until the server has it. */
  async #sendLater() {
    const text = this.#unsent;
    const content = this.#content(text);
    const problem = this.#attached?.count ? NO_FILES_LATER : content === "" ? EMPTY : "";
    if (problem) {
      this.#say(problem);
      setTimeout(() => hideProblem(this, problem), SAID);
      this.#box.focus();
    }
    if (problem || !content || !this.#user) return;
    const place = this.#place;
    const unsent = { user: this.#user, conversation: this.#conversation, content, reply: this.#reply?.id };
    let done = "";
    try {
      const { sendLater } = await import("./later.js");
      done = await sendLater(unsent);
    } catch {
      this.#say(AWAY);
    }
    if (!done || place !== this.#place) return;
    // Another device may have brought another text meanwhile.
    if (this.#unsent === text) {
      this.#showReply(undefined);
      // A message on its way into the outbox stands before it.
      this.#write(this.#box.value.slice(0, this.#box.value.length - text.length));
      this.#touched = this.#unsent !== "";
      await this.#written();
      this.#everywhere?.send();
    }
    confirm(this, done);
    this.#box.focus({ preventScroll: true });
  }

  /**
   * Return a text as the server takes it; undefined, with an error, if it is too long.
   * @param {string} text
   */
  #content(text) {
    const content = clean(text);
    const excess = excessOf(content);
    if (!excess) return content;
    this.#say(excess);
    return undefined;
  }

  /**
   * Take from the box what the outbox has stored.
   * @param {string} text
   */
  #stored(text) {
    const isFirst = this.#storing[0] === text;
    if (isFirst) this.#storing.shift();
    const rest = (/** @type {string} */ all) => (isFirst && all.startsWith(text) ? all.slice(text.length) : all);
    if (this.#editing) this.#draft = rest(this.#draft);
    else this.#write(rest(this.#box.value));
    this.#touched = this.#unsent !== "" || this.#reply !== undefined;
  }

  /** Show that this browser stores nothing, while it does not. */
  #warn() {
    warn(this, hasUnstoredDraft() || (this.#user !== "" && outboxOf(this.#user).isVolatile));
  }

  // ---- Replying

  /** Let the quote above the box follow the message: its words may be edited, or deleted. */
  #watchQuoted() {
    this.#quoted?.();
    const conversation = this.#conversation;
    this.#quoted = store.subscribe(`messages:${conversation}`, () => {
      const quote = this.#reply && conversation === this.#conversation && quoteOf(conversation, this.#reply.id);
      if (quote && quote.excerpt !== this.#reply?.excerpt) this.#showReply(quote);
    });
  }

  /**
   * Make the draft a reply to a message, or none any more.
   * @param {Quote | undefined} message
   */
  #replyTo(message) {
    this.#touched = true;
    this.#showReply(message);
    void this.#written();
    this.#box.focus({ preventScroll: true });
  }

  /** @param {Quote | undefined} message */
  #showReply(message) {
    this.#reply = message;
    showReply(this, message, this.#user);
    /** @type {HTMLElement} */ (this.querySelector("[data-replying]")).hidden = !message || this.#editing !== undefined;
  }

  // ---- Editing

  /**
   * @param {EditedMessage} message
   * @param {string} [text]
   */
  #edit(message, text = message.text) {
    if (!this.#editing) this.#draft = this.#box.value;
    this.#show(message);
    this.#editedIn = this.#place;
    this.#write(text);
    this.#box.focus();
    this.#box.setSelectionRange(text.length, text.length);
  }

  get #isEditChanged() {
    return this.#editing !== undefined && this.#box.value !== this.#editing.text;
  }

  /** Keep an edit that is not saved until its conversation is opened again. */
  #leaveEdit() {
    if (this.#editing && this.#isEditChanged) leftEdits.set(this.#editedIn, { message: this.#editing, text: this.#box.value });
  }

  #stopEditing() {
    if (!this.#editing) return;
    this.#show(undefined);
    this.#write(this.#draft);
    this.#box.focus();
    // Another tab may have changed the draft meanwhile.
    if (this.#unsent) void this.#keep();
    else void this.#follow();
  }

  /**
   * @param {EditedMessage} message
   * @param {string} content
   */
  async #save(message, content) {
    const isAnswer = (/** @type {Record<string, unknown>} */ body) => body.id === message.id;
    const isSame = content === message.text;
    const problem = isSame ? "" : await ask("PATCH", `/api/messages/${message.id}`, { content }, isAnswer);
    // The box may hold another message, or none, by now.
    if (this.#editing !== message) return;
    if (problem) this.#say(problem);
    else this.#stopEditing();
  }

  /** @param {EditedMessage | undefined} message */
  #show(message) {
    this.#editing = message;
    /** @type {HTMLElement} */ (this.querySelector("[data-editing]")).hidden = !message;
    /** @type {HTMLElement} */ (this.querySelector("[data-send-later]")).hidden = message !== undefined;
    /** @type {HTMLElement} */ (this.querySelector("[data-replying]")).hidden = message !== undefined || !this.#reply;
  }

  /**
   * Insert an emoji that the user picks where the caret is.
   * @param {HTMLElement} opener
   */
  async #pickEmoji(opener) {
    const place = this.#place;
    const picker = await import("./emoji_picker.js").catch(() => undefined);
    if (!picker) this.#say(AWAY);
    const emoji = await picker?.pickEmoji(opener);
    if (!this.isConnected || place !== this.#place) return;
    const box = this.#box;
    if (emoji) {
      box.setRangeText(emoji, box.selectionStart, box.selectionEnd, "end");
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    box.focus({ preventScroll: true });
  }

  /** @param {string} text */
  #write(text) {
    this.#box.value = text;
    this.#box.dispatchEvent(new Event("chat:written"));
    this.#changed();
  }

  #changed() {
    this.#say("");
    confirm(this, "");
    showRoom(this, this.#box);
    this.#box.style.height = "auto";
    // The border is not part of scrollHeight.
    this.#box.style.height = `${this.#box.scrollHeight + 2}px`;
  }

  /** @param {string} words */
  #say(words) {
    showProblem(this, words);
  }
}

globalThis.customElements?.define("chat-composer", ChatComposer);
