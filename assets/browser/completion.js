// Completion of words in the composer: a listbox above the box. The arrow keys choose, Enter and Tab take,
// Escape closes; the focus stays in the box. mentions.js and emoji_names.js are its two kinds.

/** @typedef {{ start: number, query: string }} Word the beginning of a word that ends at the caret, and what stands after its sign */

const STEPS = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 });
// Of the box; the last one is the composer's, which has cleared or filled it.
const EVENTS = ["keydown", "input", "click", "blur", "chat:written"];

/**
 * A kind of words, and the candidates T for them. `wordChanged` is called with each word that is being
 * written, and without one when there is none: a kind that loads its candidates calls `show` once they
 * are there.
 * @template T
 * @typedef {object} Kind
 * @property {string} label the accessible name of the list
 * @property {(text: string, caret: number) => Word | undefined} wordAt
 * @property {(word: Word) => readonly T[]} candidates those that are there
 * @property {(word: Word | undefined) => void} wordChanged
 * @property {(candidate: T) => string} textOf what takes the place of the word
 * @property {(candidate: T) => HTMLElement[]} contentOf what stands in an option
 */

/**
 * The list of one kind, in an element of the composer.
 * @template T
 */
export class Completion {
  #element;
  #kind;
  /** @type {HTMLTextAreaElement | null} */
  #box = null;
  /** The word that the list is for. @type {Word | undefined} */
  #word;
  /** The beginning of a word whose list was closed. */
  #closed = -1;
  #chosen = 0;

  /**
   * @param {HTMLElement} element
   * @param {Kind<T>} kind
   */
  constructor(element, kind) {
    this.#element = element;
    this.#kind = kind;
  }

  connect() {
    this.#box = this.#element.closest("chat-composer")?.querySelector("textarea") ?? null;
    // At the box itself: what is handled here does not reach the composer.
    for (const type of EVENTS) this.#box?.addEventListener(type, this);
    this.#element.addEventListener("pointerdown", this);
  }

  disconnect() {
    for (const type of EVENTS) this.#box?.removeEventListener(type, this);
    this.#kind.wordChanged(undefined);
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

  /** The candidates for the word; none for one that is not at the caret any more. */
  get #found() {
    const box = this.#box;
    const written = box ? this.#kind.wordAt(box.value, box.selectionEnd) : undefined;
    const isSame = written?.start === this.#word?.start && written?.query === this.#word?.query;
    return this.#word && isSame ? this.#kind.candidates(this.#word) : [];
  }

  #follow() {
    const box = /** @type {HTMLTextAreaElement} */ (this.#box);
    const word = box.selectionStart === box.selectionEnd ? this.#kind.wordAt(box.value, box.selectionEnd) : undefined;
    if (!word) this.#closed = -1;
    const before = this.#word;
    this.#word = word?.start === this.#closed ? undefined : word;
    if (this.#word?.query !== before?.query) this.#chosen = 0;
    this.#kind.wordChanged(this.#word);
    this.show();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { length } = this.#found;
    if (!length || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) this.#choose((this.#chosen + STEPS[event.key] + length) % length);
    else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) this.#take(this.#chosen);
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {number} at */
  #choose(at) {
    this.#chosen = at;
    this.show();
  }

  /** @param {number} at */
  #take(at) {
    const box = /** @type {HTMLTextAreaElement} */ (this.#box);
    const candidate = this.#found[at];
    if (!candidate || !this.#word) return;
    const { start } = this.#word;
    this.#word = undefined;
    box.setRangeText(this.#kind.textOf(candidate), start, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
    this.show();
  }

  #close() {
    this.#closed = this.#word?.start ?? -1;
    this.#word = undefined;
    this.#kind.wordChanged(undefined);
    this.show();
  }

  /** Show the candidates that are there now. */
  show() {
    const found = this.#found;
    const box = this.#box;
    const id = `${this.#element.localName}-list`;
    if (!found.length) {
      this.#element.replaceChildren();
      if (box?.getAttribute("aria-controls") !== id) return;
      for (const name of ["aria-controls", "aria-activedescendant", "aria-autocomplete"]) box.removeAttribute(name);
      return;
    }
    this.#chosen = Math.min(this.#chosen, found.length - 1);
    const list = document.createElement("ul");
    // A long list scrolls, so keys must reach it; Tab takes the chosen word, and does not.
    Object.assign(list, { id, className: "menu completion", role: "listbox", ariaLabel: this.#kind.label, tabIndex: 0 });
    list.append(...found.map((candidate, at) => this.#option(candidate, at)));
    this.#element.replaceChildren(list);
    list.children[this.#chosen].scrollIntoView({ block: "nearest" });
    box?.setAttribute("aria-autocomplete", "list");
    box?.setAttribute("aria-controls", id);
    box?.setAttribute("aria-activedescendant", `${this.#element.localName}-${this.#chosen}`);
  }

  /**
   * @param {T} candidate
   * @param {number} at
   */
  #option(candidate, at) {
    const row = document.createElement("li");
    row.id = `${this.#element.localName}-${at}`;
    row.className = "completion-row";
    row.dataset.at = String(at);
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(at === this.#chosen));
    row.append(...this.#kind.contentOf(candidate));
    return row;
  }
}

/**
 * Return an element with words.
 * @param {string} tag
 * @param {string} words
 * @param {string} className
 */
export function wordsIn(tag, words, className) {
  const element = document.createElement(tag);
  element.textContent = words;
  element.className = className;
  return element;
}
