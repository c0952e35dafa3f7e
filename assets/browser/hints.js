// <chat-hints user-id new-group-event>: what somebody can do first. Each hint is shown to a new account with few
// conversations, until its button or its cross was pressed in this browser, which remembers that for each account.

import { openPage } from "./place.js";
import { isOn, isPossible } from "./push.js";
import { send, store } from "./replica.js";
import { pressable, textOf } from "./sheet.js";
import { say } from "./texts.js";

const NEW_FOR = 7 * 24 * 3_600_000; // ms
const FEW = 3;
const CONVERSATIONS = "conversations";
const HINTS = "hints";
const DONE = "chat.hints"; // for each account, the hints that it is done with in this browser

/** @typedef {"invite" | "picture" | "push"} Name */

/** @type {Record<Name, { text: string, label: string }>} */
const WORDS = {
  invite: { text: say("Bring others in: a group has a link and a QR code for people without an account."), label: say("Start a group") },
  picture: { text: say("With a picture of you, others find you faster."), label: say("Add a picture") },
  push: { text: say("This browser can announce messages while the chat is closed."), label: say("Set up notifications") },
};

class ChatHints extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["user-id"];
  #stop = new AbortController();
  #shown = "";

  connectedCallback() {
    this.#stop = new AbortController();
    for (const list of [CONVERSATIONS, HINTS]) {
      this.#stop.signal.addEventListener("abort", store.subscribe(list, () => this.#show()));
    }
    this.#show();
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#show();
  }

  get #user() {
    return this.getAttribute("user-id") ?? "";
  }

  /** Return the hints that this account has not done with. @returns {Name[]} */
  get #names() {
    const { rows, about } = store.read(CONVERSATIONS);
    if (!about.loaded || rows.length > FEW || Date.now() - bornAt(this.#user) > NEW_FOR) return [];
    const done = doneBy(this.#user);
    const names = /** @type {Name[]} */ (Object.keys(WORDS));
    return names.filter((name) => !done.has(name) && (name !== "push" || (isPossible() && !isOn(this.#user))));
  }

  #show() {
    const names = this.#names;
    if (names.join() === this.#shown) return;
    this.#shown = names.join();
    if (!names.length) {
      this.replaceChildren();
      return;
    }
    const list = document.createElement("ul");
    list.append(...names.map((name) => this.#item(name)));
    const head = textOf("h2", say("First steps"));
    head.id = `hints-${this.getAttribute("place")}`;
    list.setAttribute("aria-labelledby", head.id);
    this.replaceChildren(head, list);
  }

  /** @param {Name} name */
  #item(name) {
    const { text, label } = WORDS[name];
    const item = document.createElement("li");
    const words = textOf("p", text);
    words.id = `hint-${this.getAttribute("place")}-${name}`;
    const cross = textOf("button", "", "icon-button");
    Object.assign(cross, { type: "button", ariaLabel: say("Hide this hint"), title: say("Hide this hint") });
    cross.setAttribute("aria-describedby", words.id);
    const drawing = textOf("span", "", "icon icon-cross");
    drawing.ariaHidden = "true";
    cross.append(drawing);
    cross.addEventListener("click", () => {
      this.#finish(name);
      // Where the reader was, or at the first thing there is to do without hints.
      (this.querySelector("button") ?? document.getElementById("search-people"))?.focus();
    });
    const act = pressable(label, "plain", () => {
      this.#do(name);
      this.#finish(name);
    });
    act.setAttribute("aria-describedby", words.id);
    item.append(words, cross, act);
    return item;
  }

  /** @param {Name} name */
  #do(name) {
    if (name === "invite") send(this.getAttribute("new-group-event") ?? "", {});
    else openPage("/settings");
  }

  /** @param {Name} name */
  #finish(name) {
    const done = [...doneBy(this.#user).add(name)];
    try {
      localStorage.setItem(`${DONE}.${this.#user}`, JSON.stringify(done));
    } catch {
      // Storage is blocked: until the page is loaded again.
    }
    store.apply([{ list: HINTS, about: { done } }]);
  }
}

/**
 * Return the hints that an account is done with, in this browser.
 * @param {string} user
 * @returns {Set<unknown>}
 */
function doneBy(user) {
  const here = store.read(HINTS).about.done;
  try {
    const kept = /** @type {unknown} */ (JSON.parse(localStorage.getItem(`${DONE}.${user}`) ?? "[]"));
    return new Set([kept, here].filter((names) => Array.isArray(names)).flat());
  } catch {
    return new Set(Array.isArray(here) ? here : []);
  }
}

/**
 * Return when an account was made: its id begins with the milliseconds (UUID version 7, RFC 9562).
 * @param {string} id
 */
const bornAt = (id) => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16) || 0;

globalThis.customElements?.define("chat-hints", ChatHints);
