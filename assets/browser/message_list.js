// The dialog of a list about a message: who has read it, who has reacted, and its earlier texts. It is
// loaded from the server when it is opened.

import { fullTime } from "./clock.js";
import { request } from "./request.js";
import { say } from "./texts.js";

/** How long a list may take, in ms. */
const PATIENCE = 15_000;
const FAILED = say("This could not be loaded. Please try again.");

/** @typedef {{ display_name: string }} Person */
/** @typedef {{ read: { user: Person }[], read_count: number, delivered_count: number }} Readers See `GET /api/messages/{id}/receipts`. */
/** @typedef {{ items: { user: Person, emoji: string }[], next_after: string | null }} Reactors See `GET /api/messages/{id}/reactions`. */
/** @typedef {{ items: { content: string, at: string }[] }} Texts See `GET /api/messages/{id}/edits`. */

export class MessageList {
  #dialog;
  /** The message that the dialog is about. */
  #id = "";
  /** Loads the next page. @type {(() => void) | undefined} */
  #next;

  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.#dialog = dialog;
    this.#more.addEventListener("click", () => this.#next?.());
  }

  close() {
    this.#dialog.close();
  }

  /** @param {string} id */
  async showReaders(id) {
    const page = await this.#open(say("Read by"), id, () => load(`/api/messages/${id}/receipts?limit=100`));
    if (!page) return;
    const { read, read_count: readers, delivered_count: delivered } = /** @type {Readers} */ (page);
    const hasRead = readers ? say("{n} of the others has read it.|{n} of the others have read it.", { n: readers }) : say("Nobody yet.");
    const reached = delivered > readers ? say("It has reached {n} more.|It has reached {n} more.", { n: delivered - readers }) : "";
    this.#count(`${hasRead} ${reached}`.trim());
    this.#list.append(...read.map(({ user }) => row(nameOf(user))));
  }

  /** @param {string} id */
  async showReactors(id) {
    const path = `/api/messages/${id}/reactions?limit=100`;
    const page = await this.#open(say("Reactions"), id, () => load(path));
    if (!page) return;
    this.#addReactors(path, id, /** @type {Reactors} */ (page));
    this.#count(this.#list.childElementCount ? "" : say("Nobody has reacted."));
  }

  /**
   * @param {string} path
   * @param {string} id
   * @param {Reactors} page
   */
  #addReactors(path, id, { items, next_after: after }) {
    this.#list.append(...items.map(({ user, emoji }) => row(textOf("span", emoji, "reaction-emoji"), nameOf(user))));
    this.#more.hidden = !after;
    this.#next = () => void this.#addPage(path, id, after ?? "");
  }

  /**
   * @param {string} path
   * @param {string} id
   * @param {string} after
   */
  async #addPage(path, id, after) {
    const page = await load(`${path}&after=${after}`);
    if (this.#id !== id) return;
    if (page) this.#addReactors(path, id, /** @type {Reactors} */ (page));
    else this.#count(FAILED);
  }

  /** @param {string} id */
  async showTexts(id) {
    const page = await this.#open(say("Earlier texts"), id, () => load(`/api/messages/${id}/edits`));
    if (!page) return;
    const { items } = /** @type {Texts} */ (page);
    this.#count(items.length ? "" : say("The message was deleted, and its texts with it."));
    const rows = items.map(({ content, at }, place) => {
      const time = textOf("time", place === items.length - 1 ? say("{time} · shown now", { time: fullTime(at) }) : fullTime(at), "row-time");
      time.setAttribute("datetime", at);
      const text = textOf("p", content, "earlier-text");
      text.dir = "auto";
      return row(time, text);
    });
    this.#list.append(...rows.reverse());
  }

  /**
   * Open the dialog, and return what is loaded, if it is still about the same message.
   * @param {string} title
   * @param {string} id
   * @param {() => Promise<unknown>} loading
   */
  async #open(title, id, loading) {
    this.#id = id;
    this.#next = undefined;
    this.#more.hidden = true;
    this.#list.replaceChildren();
    /** @type {HTMLElement} */ (this.#dialog.querySelector("[data-list-title]")).textContent = title;
    this.#count(say("Loading…"));
    this.#dialog.showModal();
    const page = await loading();
    if (this.#id !== id) return undefined;
    if (!page) this.#count(FAILED);
    return page;
  }

  /** @param {string} words */
  #count(words) {
    const place = /** @type {HTMLElement} */ (this.#dialog.querySelector("[data-list-count]"));
    place.textContent = words;
    place.hidden = !words;
  }

  get #list() {
    return /** @type {HTMLElement} */ (this.#dialog.querySelector("[data-list]"));
  }

  get #more() {
    return /** @type {HTMLElement} */ (this.#dialog.querySelector("[data-list-more]"));
  }
}

/**
 * Return the body of an answer; undefined where it cannot be loaded.
 * @param {string} path
 * @returns {Promise<unknown>}
 */
async function load(path) {
  try {
    const reply = await request(path, { signal: AbortSignal.timeout(PATIENCE) });
    return reply.ok ? /** @type {unknown} */ (await reply.json()) : undefined;
  } catch {
    return undefined;
  }
}

/** @param {...HTMLElement} content */
function row(...content) {
  const element = document.createElement("li");
  element.append(...content);
  return element;
}

/** @param {Person} person */
const nameOf = (person) => textOf("bdi", person.display_name, "");

/**
 * @param {string} tag
 * @param {string} words
 * @param {string} className
 */
function textOf(tag, words, className) {
  const element = document.createElement(tag);
  element.textContent = words;
  element.className = className;
  return element;
}
