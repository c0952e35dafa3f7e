// <chat-notice>: confirms for a while, on every page, what was done and is shown nowhere else. Where it can be
// taken back, a button Undo does so. There is one notice at a time. It stays while it has the focus or the
// pointer. After a key it has the focus, as the button that was pressed is often gone; Escape returns it. The
// notices of reminders are below it (--notice-size): both have buttons.

import { say } from "./texts.js";

const SHOWN = 4_000;
const GAP = 8; // px
const UNDO_SHOWN = 10_000;
const WATCHED = ["pointerenter", "pointerleave", "focusin", "focusout", "keydown"];

/**
 * `undo` takes back what was done and returns an error message for the user, "" on success; `undone` says so,
 * where not everything is as before. `act` is something else to do about it. `back` are elements that may get the focus afterwards, the best first.
 * @typedef {{ undo?: () => Promise<string>, undone?: string, act?: { label: string, run: () => void }, back?: (Element | null | undefined)[], shown?: number }} Details
 */

/**
 * Show the notice of what was done, in place of an earlier one.
 * @param {string} words
 * @param {Details} [details]
 */
export function notify(words, details) {
  /** @type {ChatNotice | null} */ (document.querySelector("chat-notice"))?.show(words, details);
}

class ChatNotice extends (globalThis.HTMLElement ?? class {}) {
  /** @type {number | undefined} */
  #timer;
  #shown = SHOWN;
  #hasPointer = false;
  #wasKey = false;
  /** @type {Details["back"]} */
  #back = [];

  connectedCallback() {
    for (const type of WATCHED) this.addEventListener(type, this);
    for (const type of ["keydown", "pointerdown"]) addEventListener(type, this.#note, true);
  }

  disconnectedCallback() {
    for (const type of ["keydown", "pointerdown"]) removeEventListener(type, this.#note, true);
    clearTimeout(this.#timer);
    this.#fill();
  }

  /** Note whether a key or a pointer was used last. @param {Event} event */
  #note = ({ type }) => (this.#wasKey = type === "keydown");

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "keydown") this.#key(/** @type {KeyboardEvent} */ (event));
    else if (event.type.startsWith("pointer")) this.#hasPointer = event.type === "pointerenter";
    this.#restart();
  }

  /**
   * @param {string} words
   * @param {Details} [details]
   */
  show(words, { undo, undone = say("Undone."), act, back = [], shown = undo || act ? UNDO_SHOWN : SHOWN } = {}) {
    const hadFocus = this.contains(document.activeElement);
    const box = document.createElement("div");
    box.className = "passing-notice";
    box.append(words);
    const button = undo ? this.#undoButton(undo, undone) : act && this.#actButton(act);
    if (button) box.append(button);
    this.#shown = shown;
    this.#back = hadFocus ? this.#back : [...back, document.activeElement];
    this.#fill(box);
    if (button && (hadFocus || this.#takesFocus)) button.focus({ preventScroll: true });
    else if (hadFocus) this.#returnFocus();
    this.#restart();
  }

  /** Whether a key has led here, and the reader does not write or choose something else meanwhile. */
  get #takesFocus() {
    return this.#wasKey && !document.activeElement?.matches("input, textarea, select, dialog *");
  }

  /**
   * @param {() => Promise<string>} undo
   * @param {string} undone
   */
  #undoButton(undo, undone) {
    let isPressed = false;
    return pressable(say("Undo"), () => {
      if (isPressed) return;
      isPressed = true;
      void this.#takeBack(undo, undone);
    });
  }

  /** @param {{ label: string, run: () => void }} act */
  #actButton({ label, run }) {
    return pressable(label, () => {
      this.#close();
      run();
    });
  }

  /**
   * @param {() => Promise<string>} undo
   * @param {string} undone
   */
  async #takeBack(undo, undone) {
    const problem = await undo();
    // The button stays beside the reason: the chat may be reachable again in a moment.
    if (problem) this.show(problem, { undo, undone, back: this.#back });
    else this.show(undone);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // A key that is held after it has removed something would bring it back at once.
    if (event.repeat && event.key !== "Tab") event.preventDefault();
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.#close();
  }

  #restart() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#hasPointer && !this.contains(document.activeElement)) this.#close();
    }, this.#shown);
  }

  #close() {
    const hadFocus = this.contains(document.activeElement);
    this.#fill();
    this.#hasPointer = false;
    if (hadFocus) this.#returnFocus();
  }

  /** @param {HTMLElement} [box] */
  #fill(box) {
    this.replaceChildren(...(box ? [box] : []));
    document.documentElement.style.setProperty("--notice-size", box ? `${box.offsetHeight + GAP}px` : "0px");
  }

  #returnFocus() {
    const element = this.#back?.find((one) => one?.isConnected && one !== document.body) ?? document.getElementById("open");
    /** @type {HTMLElement | null} */ (element)?.focus({ preventScroll: true });
  }
}

/**
 * @param {string} label
 * @param {() => void} press
 */
function pressable(label, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", press);
  return button;
}

globalThis.customElements?.define("chat-notice", ChatNotice);
