// <chat-mentions event>: completes names after an @ in the composer around it. The people come from the
// server, as the list "mentions" of the page. The arrow keys choose, Enter and Tab take, Escape closes; the
// focus stays in the box.

/** @import { Row } from "./store.js" */

import { atWord } from "./at_word.js";
import { send, store } from "./replica.js";

const LIST = "mentions";
const PAUSE = 120; // ms without another letter until the server is asked
const AGAIN = 2_000;
/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** @typedef {Row & { name: string, username: string, letters: string, tone: string }} Candidate */

// Of the box; the last one is the composer's, which has cleared or filled it.
const EVENTS = ["keydown", "input", "click", "blur", "chat:written"];

class ChatMentions extends (globalThis.HTMLElement ?? class {}) {
  /** @type {HTMLTextAreaElement | null} */
  #box = null;
  /** The word that the list is for. @type {{ start: number, query: string } | undefined} */
  #word;
  /** The beginning of a word whose list was closed. */
  #closed = -1;
  #chosen = 0;
  /** @type {number | undefined} */
  #timer;
  /** @type {(() => void) | undefined} */
  #unsubscribe;

  connectedCallback() {
    this.#box = this.closest("chat-composer")?.querySelector("textarea") ?? null;
    // At the box itself: what is handled here does not reach the composer.
    for (const type of EVENTS) this.#box?.addEventListener(type, this);
    this.addEventListener("pointerdown", this);
    this.#unsubscribe = store.subscribe(LIST, () => this.#show());
  }

  disconnectedCallback() {
    for (const type of EVENTS) this.#box?.removeEventListener(type, this);
    this.#unsubscribe?.();
    clearTimeout(this.#timer);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "keydown") this.#key(/** @type {KeyboardEvent} */ (event));
    else if (event.type === "blur") this.#close();
    else if (event.type !== "pointerdown") this.#follow();
    else {
      // The box keeps the focus.
      event.preventDefault();
      const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role=option]"));
      if (option) this.#take(Number(option.dataset.at));
    }
  }

  /** The people who fit the word: none once it was sent, or while the server's answer is that to another one. */
  get #people() {
    const { rows, about } = store.read(LIST);
    const box = this.#box;
    const written = box ? atWord(box.value, box.selectionEnd) : undefined;
    if (written?.start !== this.#word?.start || written?.query !== this.#word?.query) return [];
    const isAnswer = this.#word && about.query === this.#word.query && about.conversation_id === this.#conversation;
    return /** @type {readonly Candidate[]} */ (isAnswer ? rows : []);
  }

  get #conversation() {
    return this.closest("chat-composer")?.getAttribute("conversation-id") ?? "";
  }

  #follow() {
    const box = /** @type {HTMLTextAreaElement} */ (this.#box);
    const word = box.selectionStart === box.selectionEnd ? atWord(box.value, box.selectionEnd) : undefined;
    if (!word) this.#closed = -1;
    const before = this.#word;
    this.#word = word?.start === this.#closed ? undefined : word;
    clearTimeout(this.#timer);
    if (this.#word?.query !== before?.query) this.#chosen = 0;
    if (this.#word) this.#timer = setTimeout(() => this.#ask(), PAUSE);
    this.#show();
  }

  /** Ask for the people who fit the word, and again while no answer comes: the link may be down. */
  #ask() {
    const { about } = store.read(LIST);
    if (!this.#word || (about.query === this.#word.query && about.conversation_id === this.#conversation)) return;
    this.#timer = setTimeout(() => this.#ask(), AGAIN);
    send(this.getAttribute("event") ?? "", { conversation_id: this.#conversation, text: this.#word.query });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const people = this.#people;
    if (!people.length || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) this.#choose((this.#chosen + STEPS[event.key] + people.length) % people.length);
    else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) this.#take(this.#chosen);
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} at */
  #choose(at) {
    this.#chosen = at;
    this.#show();
  }

  /** @param {number} at */
  #take(at) {
    const box = /** @type {HTMLTextAreaElement} */ (this.#box);
    const person = this.#people[at];
    if (!person || !this.#word) return;
    const { start } = this.#word;
    this.#word = undefined;
    box.setRangeText(`@${person.username} `, start, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
    this.#show();
  }

  #close() {
    this.#closed = this.#word?.start ?? -1;
    this.#word = undefined;
    clearTimeout(this.#timer);
    this.#show();
  }

  #show() {
    const people = this.#people;
    const box = this.#box;
    if (!people.length) {
      this.replaceChildren();
      for (const name of ["aria-controls", "aria-activedescendant", "aria-autocomplete"]) box?.removeAttribute(name);
      return;
    }
    this.#chosen = Math.min(this.#chosen, people.length - 1);
    const list = document.createElement("ul");
    Object.assign(list, { id: "mention-list", className: "menu mentions", role: "listbox", ariaLabel: "People to mention" });
    list.append(...people.map((person, at) => optionOf(person, at, at === this.#chosen)));
    this.replaceChildren(list);
    list.children[this.#chosen].scrollIntoView({ block: "nearest" });
    box?.setAttribute("aria-autocomplete", "list");
    box?.setAttribute("aria-controls", "mention-list");
    box?.setAttribute("aria-activedescendant", `mention-${this.#chosen}`);
  }
}

/**
 * @param {Candidate} person
 * @param {number} at
 * @param {boolean} isChosen
 */
function optionOf({ name, username, letters, tone }, at, isChosen) {
  const row = document.createElement("li");
  row.id = `mention-${at}`;
  row.className = "mention";
  row.dataset.at = String(at);
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", String(isChosen));
  const face = text("span", letters, `avatar ${tone}`);
  face.setAttribute("aria-hidden", "true");
  row.append(face, text("bdi", name, "row-name one-line"), text("span", `@${username}`, "row-preview one-line"));
  return row;
}

/**
 * @param {string} tag
 * @param {string} words
 * @param {string} className
 */
function text(tag, words, className) {
  const element = document.createElement(tag);
  element.textContent = words;
  element.className = className;
  return element;
}

globalThis.customElements?.define("chat-mentions", ChatMentions);
