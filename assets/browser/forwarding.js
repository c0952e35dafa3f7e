// The dialog in which a message is forwarded: to a conversation of the page's list, or to a person that the
// server finds. The server copies the text, so this needs a connection.

/** @import { Row } from "./store.js" */

import { faceOf } from "./avatar.js";
import { newId } from "./outbox_entry.js";
import { store } from "./replica.js";
import { call, request, sentenceOf } from "./request.js";
import { say } from "./texts.js";

const PAUSE = 200; // ms without another letter until the server is asked
const PATIENCE = 15_000;
const MOST = 30;
const AWAY = say("Forwarding needs a connection to the chat. Please try again.");

/** @typedef {Row & { name: string, letters: string, tone: string, picture?: string, kind: string, archived?: boolean }} Conversation */
/** @typedef {{ id: string, username: string, display_name: string, avatar_url: string | null }} Card */
/** @typedef {{ name: string, about: string, letters: string, tone: string, picture?: string, address: Record<string, string> }} Target */

export class Forwarding {
  #dialog;
  #said;
  #id = "";
  #isSending = false;
  /** @type {number | undefined} */
  #timer;
  /** People that the server has found for the text in the field. @type {{ text: string, cards: Card[] }} */
  #found = { text: "", cards: [] };
  /** @type {Target[]} */
  #targets = [];

  /**
   * @param {HTMLDialogElement} dialog
   * @param {(words: string) => void} said called when the message was forwarded
   */
  constructor(dialog, said) {
    this.#dialog = dialog;
    this.#said = said;
    this.#field.addEventListener("input", () => this.#search());
    this.#list.addEventListener("click", (event) => {
      const button = /** @type {Element} */ (event.target).closest("button");
      const target = button && this.#targets[Number(button.dataset.at)];
      if (target) void this.#send(target);
    });
  }

  /** @param {string} id */
  open(id) {
    this.#id = id;
    this.#field.value = "";
    this.#fail(navigator.onLine ? "" : AWAY);
    this.#show();
    this.#dialog.showModal();
    this.#field.focus();
  }

  close() {
    clearTimeout(this.#timer);
    this.#dialog.close();
  }

  #search() {
    this.#show();
    clearTimeout(this.#timer);
    const text = this.#field.value.trim();
    if (text) this.#timer = setTimeout(() => void this.#find(text), PAUSE);
  }

  /** @param {string} text */
  async #find(text) {
    try {
      const path = `/api/users?limit=20&q=${encodeURIComponent(text)}`;
      const reply = await request(path, { signal: AbortSignal.timeout(PATIENCE) });
      if (!reply.ok) return;
      /** @type {unknown} */
      const page = await reply.json();
      this.#found = { text, cards: /** @type {{ items: Card[] }} */ (page).items };
    } catch {
      this.#fail(AWAY);
    }
    this.#show();
  }

  /** Show the conversations whose names contain the text, and the people that were found. */
  #show() {
    const text = this.#field.value.trim();
    const folded = text.toLocaleLowerCase();
    const rows = /** @type {readonly Conversation[]} */ (store.read("conversations").rows);
    const conversations = [...rows].reverse().filter((row) => !row.archived && row.name.toLocaleLowerCase().includes(folded));
    const names = new Set(conversations.filter((row) => row.kind === "direct").map((row) => row.name));
    const cards = this.#found.text === text && text ? this.#found.cards.filter((card) => !names.has(card.display_name)) : [];
    this.#targets = [...conversations.map(ofConversation), ...cards.map(ofPerson)].slice(0, MOST);
    this.#list.replaceChildren(...this.#targets.map(rowOf));
    // Enter takes the first of these (keys.js).
    this.#list.dataset.hits = text;
  }

  /** @param {Target} target */
  async #send({ name, address }) {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#fail("");
    const body = { ...address, forward_of: this.#id, client_id: newId() };
    const isAnswer = (/** @type {Record<string, unknown>} */ message) => message.client_id === body.client_id;
    let answer;
    try {
      answer = await call("POST", "/api/messages", { body, isAnswer });
    } finally {
      this.#isSending = false;
    }
    if (!answer) this.#fail(AWAY);
    else if (answer.problem) this.#fail(sentenceOf(answer.problem) || AWAY);
    else {
      this.close();
      this.#said(say("Forwarded to {name}.", { name }));
    }
  }

  /** @param {string} words */
  #fail(words) {
    const place = /** @type {HTMLElement} */ (this.#dialog.querySelector("[data-forward-error]"));
    place.textContent = words;
    place.hidden = !words;
  }

  get #field() {
    return /** @type {HTMLInputElement} */ (this.#dialog.querySelector("input"));
  }

  get #list() {
    return /** @type {HTMLElement} */ (this.#dialog.querySelector("ul"));
  }
}

/**
 * @param {Conversation} row
 * @returns {Target}
 */
const ofConversation = ({ id, name, letters, tone, picture, kind }) => ({
  name,
  about: kind === "group" ? say("Group") : "",
  letters,
  tone,
  picture,
  address: { conversation_id: id },
});

/**
 * @param {Card} card
 * @returns {Target}
 */
const ofPerson = ({ id, username, display_name: name, avatar_url: picture }) => ({
  name,
  about: `@${username}`,
  letters: [...name][0]?.toLocaleUpperCase() ?? "",
  tone: "tone-8",
  picture: picture ?? "",
  address: { receiver_id: id },
});

/**
 * @param {Target} target
 * @param {number} at
 */
function rowOf({ name, about, ...face }, at) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "row forward-target" });
  button.dataset.at = String(at);
  const place = textOf("span", "", "forward-name one-line");
  // The name alone has its direction: it stays beside the face.
  place.append(textOf("bdi", name, ""));
  button.append(faceOf(face), place, textOf("span", about, "row-time one-line"));
  const row = document.createElement("li");
  row.append(button);
  return row;
}

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
