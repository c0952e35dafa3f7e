// <chat-search event more-event>: the page that searches messages. It asks while somebody types, and again
// when the link returns; it inserts the words that narrow a search, loads more when the end comes into sight,
// and returns to the hit that was opened. What is asked is in facts about the list that the page sets (see
// Facts in chat_app/ui/search/page.py), and in the address, without a request: a reload and a link that is shared
// show the same. No log of the chat has the query of an address.

import { placeOf } from "./place.js";
import { send, store } from "./replica.js";
import { isoDay } from "./times.js";
import { say } from "./texts.js";

const LIST = "hits";
const PAUSE = 250; // ms without another letter until the server is asked
const PATIENCE = 15_000;
const NEAR_THE_END = 600; // px
const AWAY = say("The chat does not answer.");
/** An operator whose value is still to come, or a minus without a word. */
const UNFINISHED = /(^|\s)-?(?:(?:from|in|has|before|after):)?$/iu;
const NOTHING = /^[\s"“”„«»-]*$/u;
const TODAY = "{today}";

/** @typedef {{ asked: string, within: string, question: number, answered: number, problem: string, has_more: boolean }} Facts */
/** @type {Facts} */
const NO_FACTS = { asked: "", within: "", question: 0, answered: 0, problem: "", has_more: false };

/** Whether the link has returned since the last question: the server follows nothing of its answer any more. */
let isForgotten = false;
let isListening = false;
/** Whether the page had a link; before that it is loading. */
let wasLinked = false;

/** Where the results were left: the place in the browser's history, the hit, and how far it was scrolled. */
const left = { key: "", hit: "", top: 0 };

class ChatSearch extends (globalThis.HTMLElement ?? class {}) {
  /** Ends the pause after a letter. @type {number | undefined} */
  #timer;
  /** Ends the wait for an answer. @type {number | undefined} */
  #waiting;
  /** The conversation that was searched last. */
  #within = "";
  /** Whether the first hit gets the focus with the next answer: the button that asked for it is gone. */
  #showsNew = false;
  /** @type {(() => void) | undefined} */
  #unsubscribe;

  connectedCallback() {
    for (const type of ["input", "click", "keydown"]) this.addEventListener(type, this);
    // It does not bubble.
    this.addEventListener("scroll", this, true);
    const wanted = inAddress();
    const { asked, within } = this.#facts;
    const isOther = wanted.asked !== "" && (wanted.asked !== asked || wanted.within !== within);
    if (isOther) store.apply([{ list: LIST, reset: true, about: wanted }]);
    this.#field.value = this.#facts.asked;
    this.#within = this.#facts.within;
    this.#unsubscribe = store.subscribe(LIST, () => this.#changed());
    if (isOther) this.#send(wanted.asked, 0);
    else if (!this.#isAnswered || isForgotten) this.askAgain();
    noteInAddress(this.#facts);
    const isBack = left.key !== "" && keyOfPlace() === left.key;
    // After React, which gives the focus back to the link that was followed.
    requestAnimationFrame(() => this.#arrive(isBack));
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    clearTimeout(this.#waiting);
    this.#unsubscribe?.();
  }

  /** @param {Event} event */
  handleEvent(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.type === "scroll") this.#scrolled();
    else if (event.type === "click") this.#click(target);
    else if (target === this.#field && event.type === "input") this.#ask(PAUSE);
    else if (target === this.#field) {
      const { key, isComposing } = /** @type {KeyboardEvent} */ (event);
      if (key === "Enter" && !isComposing) this.#ask();
    }
  }

  /** @returns {Facts} */
  get #facts() {
    return { ...NO_FACTS, ...store.read(LIST).about };
  }

  get #isAnswered() {
    return this.#facts.question === this.#facts.answered;
  }

  get #field() {
    return /** @type {HTMLInputElement} */ (this.querySelector("[data-search]"));
  }

  get #scroller() {
    return /** @type {HTMLElement} */ (this.querySelector(".people-scroll"));
  }

  /** @param {boolean} isBack */
  #arrive(isBack) {
    if (!this.isConnected) return;
    const hit = isBack && /** @type {HTMLElement | null} */ (this.querySelector(`[data-hit="${CSS.escape(left.hit)}"]`));
    if (isBack) this.#scroller.scrollTop = left.top;
    if (hit) hit.focus({ preventScroll: true });
    else focusField(this.#field);
  }

  /** @param {HTMLElement} target */
  #click(target) {
    const pressed = /** @type {HTMLElement | null} */ (target.closest("button, [data-hit]"));
    if (!pressed) return;
    const { insert, hit } = pressed.dataset;
    if (insert) this.#insert(insert);
    else if (hit) Object.assign(left, { key: keyOfPlace(), hit, top: this.#scroller.scrollTop });
    else if ("everywhere" in pressed.dataset) {
      this.#field.focus();
      searchWithin("");
    } else if ("searchMore" in pressed.dataset) this.#more();
    else if ("searchAgain" in pressed.dataset) this.askAgain();
    else if ("searchNew" in pressed.dataset) {
      this.#showsNew = true;
      this.#scroller.scrollTop = 0;
      this.askAgain();
    }
  }

  /**
   * Insert a word that narrows the search; the caret is where its value belongs, and a day is selected.
   * @param {string} word
   */
  #insert(word) {
    const field = this.#field;
    const before = field.value.trimEnd();
    const [start, end] = word.replace(TODAY, isoDay(new Date())).split("|");
    const text = `${before}${before ? " " : ""}${start}`;
    if (text.length + end.length > field.maxLength) return;
    field.value = text + end;
    field.focus();
    field.setSelectionRange(word.includes(TODAY) ? text.lastIndexOf(":") + 1 : text.length, text.length);
    this.#ask(PAUSE);
  }

  /**
   * Ask for what is in the field, after a pause.
   * @param {number} [pause]
   */
  #ask(pause = 0) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#search(complete(this.#field.value));
    }, pause);
  }

  /** Ask for the same again, for as many as are shown. */
  askAgain() {
    if (this.#facts.asked || !this.#isAnswered) this.#send(this.#facts.asked, store.read(LIST).rows.length);
  }

  /** @param {string} text */
  #search(text) {
    const { asked, within } = this.#facts;
    if (text === asked && within === this.#within && this.#isAnswered) return;
    this.#within = within;
    this.#scroller.scrollTop = 0;
    this.#send(text, 0);
  }

  /**
   * @param {string} text
   * @param {number} least
   */
  #send(text, least) {
    const question = this.#nextQuestion({ asked: text });
    noteInAddress(this.#facts);
    const scope = this.#facts.within;
    const isSent = send(this.getAttribute("event") ?? "", { text, scope, question, least });
    if (isSent) isForgotten = false;
    this.#expect(isSent);
  }

  #more() {
    if (!this.#facts.has_more || !this.#isAnswered) return;
    const question = this.#nextQuestion({});
    this.#expect(send(this.getAttribute("more-event") ?? "", { question }));
  }

  /**
   * Note that something is asked, and return its number.
   * @param {Partial<Facts>} facts
   */
  #nextQuestion(facts) {
    const question = this.#facts.question + 1;
    store.apply([{ list: LIST, about: { ...facts, question, problem: "" } }]);
    listen();
    return question;
  }

  /**
   * Wait for an answer; show that there is none.
   * @param {boolean} isSent
   */
  #expect(isSent) {
    clearTimeout(this.#waiting);
    const fail = () => store.apply([{ list: LIST, about: { problem: AWAY } }]);
    if (isSent || !wasLinked) this.#waiting = setTimeout(fail, PATIENCE);
    else fail();
  }

  #changed() {
    if (this.#isAnswered) {
      clearTimeout(this.#waiting);
      // After React has drawn them.
      if (this.#showsNew) requestAnimationFrame(() => /** @type {HTMLElement | null} */ (this.querySelector("[data-hit]"))?.focus());
      this.#showsNew = false;
    }
    if (this.#facts.within !== this.#within) this.#ask();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (scrollHeight - scrollTop - clientHeight < NEAR_THE_END && !this.#facts.problem) this.#more();
  }
}

/**
 * Search in a conversation from now on, or in all of them for "".
 * @param {string} conversationId
 */
function searchWithin(conversationId) {
  store.apply([{ list: LIST, about: { within: conversationId } }]);
}

/** Ask again whenever the link has returned, and when it is there first. */
function listen() {
  if (isListening) return;
  if (!window.chatLink) {
    addEventListener("chat:link", listen, { once: true });
    return;
  }
  isListening = true;
  wasLinked = window.chatLink.connected;
  window.chatLink.on("connect", () => {
    wasLinked = isForgotten = true;
    /** @type {ChatSearch | null} */ (document.querySelector("chat-search"))?.askAgain();
  });
}

/**
 * Return what is asked for a text: without an operator whose value is still to come, "" without any word.
 * @param {string} typed
 */
function complete(typed) {
  const text = typed.replace(UNFINISHED, "").trim();
  return NOTHING.test(text) ? "" : text;
}

/** Return what is asked in the address: the words, and the conversation that is searched. */
function inAddress() {
  const wanted = new URLSearchParams(location.search);
  return { asked: complete(wanted.get("q") ?? ""), within: wanted.get("in") ?? "" };
}

/**
 * Write what is asked into the address, in the place of what was asked before.
 * @param {Pick<Facts, "asked" | "within">} facts
 */
function noteInAddress({ asked, within }) {
  const wanted = new URLSearchParams();
  if (asked) wanted.set("q", asked);
  if (within) wanted.set("in", within);
  const query = wanted.size ? `?${wanted.toString()}` : "";
  if (placeOf(location.pathname).name !== "search" || query === location.search) return;
  try {
    history.replaceState(history.state, "", location.pathname + query);
  } catch {
    // Browsers refuse very frequent changes; the next one has what is asked by then.
  }
}

/**
 * Put the focus into a field, with its text selected.
 * @param {HTMLInputElement} field
 */
function focusField(field) {
  field.focus();
  field.select();
}

/** Return the key of the shown place in the browser's history, "" without one. */
function keyOfPlace() {
  /** @type {unknown} */
  const state = history.state;
  const { key } = /** @type {{ key?: unknown }} */ (state ?? {});
  return typeof key === "string" ? key : "";
}

globalThis.customElements?.define("chat-search", ChatSearch);
