// A search for where something goes: to a conversation of the page's list, or to a person that the server
// finds. A message is forwarded there (forwarding.js), and a text that another app shares (share.js).

/** @import { Row } from "./store.js" */

import { faceOf } from "./avatar.js";
import { store } from "./replica.js";
import { request } from "./request.js";
import { textOf } from "./sheet.js";
import { say } from "./texts.js";

const PAUSE = 200; // ms without another letter until the server is asked
const PATIENCE = 15_000;
const MOST = 30;

/** @typedef {Row & { name: string, letters: string, tone: string, picture?: string, kind: string, archived?: boolean }} Conversation */
/** @typedef {{ id: string, username: string, display_name: string, avatar_url: string | null }} Card */
/** @typedef {{ conversation_id: string } | { receiver_id: string }} Address */
/** @typedef {{ name: string, about: string, letters: string, tone: string, picture?: string, address: Address }} Target */

export class Targets {
  #field;
  #list;
  #onAway;
  /** @type {number | undefined} */
  #timer;
  /** People that the server has found for the text in the field. @type {{ text: string, cards: Card[] }} */
  #found = { text: "", cards: [] };
  /** @type {Target[]} */
  #targets = [];

  /**
   * @param {HTMLInputElement} field
   * @param {HTMLElement} list
   * @param {(target: Target) => void} onChosen
   * @param {() => void} onAway called when the server cannot be asked for people
   */
  constructor(field, list, onChosen, onAway) {
    this.#field = field;
    this.#list = list;
    this.#onAway = onAway;
    field.addEventListener("input", () => this.#search());
    list.addEventListener("click", (event) => {
      const button = /** @type {Element} */ (event.target).closest("button");
      const target = button && this.#targets[Number(button.dataset.at)];
      if (target) onChosen(target);
    });
  }

  /** End a search that has not begun. */
  stop() {
    clearTimeout(this.#timer);
  }

  #search() {
    this.show();
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
      this.#onAway();
    }
    this.show();
  }

  /** Show the conversations whose names contain the text, and the people that were found. */
  show() {
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
    return this.#targets.length;
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
  place.append(textOf("bdi", name));
  button.append(faceOf(face), place, textOf("span", about, "row-time one-line"));
  const row = document.createElement("li");
  row.append(button);
  return row;
}
