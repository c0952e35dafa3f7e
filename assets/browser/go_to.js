// The dialog "Go to": conversations, groups and people by their names, from what the browser holds, then
// messages, which the server finds. It is loaded when it is first needed; keys.js moves in its list.

/** @import { Row } from "./store.js" */
/** @import { Named, Target } from "./named.js" */

import { faceOf } from "./avatar.js";
import { shortTime } from "./clock.js";
import { named } from "./named.js";
import { openPage } from "./place.js";
import { send, store } from "./replica.js";
import { getPageUser, request } from "./request.js";
import { newSheet, textOf } from "./sheet.js";
import { say } from "./texts.js";

const LIST = "goto";
/** The lists whose rows are found by their names. */
const NAMES = ["conversations", "people", "authors"];
const MOST = 8;
const PAUSE = 250; // ms without another letter until the server is asked
const PATIENCE = 15_000;
const NO_MESSAGES = say("Messages need a connection to the chat.");
const NO_CHAT = say("This chat could not be opened. Please try again.");

/** @typedef {{ text: string, hit: boolean }} Piece */
/** @typedef {Row & { href: string, author: string, letters: string, tone: string, picture?: string, at: string, about: string, pieces: Piece[] }} Hit */

/** @type {GoTo | undefined} */
let dialog;

/**
 * Open the dialog.
 * @param {string} event asks the server for messages
 */
export function goTo(event) {
  dialog ??= new GoTo();
  dialog.open(event);
}

class GoTo {
  #sheet = newSheet(say("Go to"), "go-to-title", "go-to");
  #field = document.createElement("input");
  #error = textOf("p", "", "error-text");
  #status = textOf("p", "", "visually-hidden");
  #list = document.createElement("ul");
  #event = "";
  #question = 0;
  /** The text of the question that the server is asked, and whether it does not answer. */
  #asked = { text: "", isAway: false };
  /** @type {Target[]} */
  #targets = [];
  /** @type {number | undefined} */
  #timer;
  /** @type {(() => void)[]} */
  #watch = [];

  constructor() {
    const field = this.#field;
    Object.assign(field, { type: "search", className: "input", maxLength: 256, dir: "auto", spellcheck: false });
    Object.assign(field, { placeholder: say("People, groups and messages"), ariaLabel: say("Go to"), autocomplete: "off" });
    field.enterKeyHint = "go";
    field.dataset.search = "true";
    const icon = textOf("span", "", "icon icon-search");
    icon.setAttribute("aria-hidden", "true");
    const search = textOf("div", "", "search");
    search.setAttribute("role", "search");
    search.append(icon, field);
    this.#error.setAttribute("role", "alert");
    this.#status.setAttribute("role", "status");
    this.#list.className = "go-to-list";
    this.#list.setAttribute("aria-label", say("Found"));
    this.#list.dataset.arrows = "true";
    this.#sheet.box.append(search, this.#error, this.#status, this.#list);
    field.addEventListener("input", () => this.#typed());
    this.#list.addEventListener("click", (event) => this.#choose(event));
    this.#sheet.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#sheet.dialog.addEventListener("close", () => this.#closed());
  }

  /** @param {string} event */
  open(event) {
    if (this.#sheet.dialog.open) return;
    this.#event = event;
    this.#field.value = "";
    this.#fail("");
    document.body.append(this.#sheet.dialog);
    // Lists that load meanwhile are shown, too: the key may be pressed before the conversations are there.
    this.#watch = [LIST, ...NAMES].map((list) => store.subscribe(list, () => this.#show()));
    this.#show();
    this.#sheet.dialog.showModal();
    this.#field.focus();
  }

  #closed() {
    for (const stop of this.#watch) stop();
    clearTimeout(this.#timer);
    // Nothing of what was found is followed any more.
    if (this.#asked.text) this.#ask("");
  }

  /**
   * Close at Escape, wherever the focus is: the field is not emptied first.
   * @param {KeyboardEvent} event
   */
  #key(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    this.#sheet.dialog.close();
  }

  #typed() {
    this.#fail("");
    this.#show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(this.#text), PAUSE);
  }

  get #text() {
    return this.#field.value.trim();
  }

  /** @param {string} text */
  #ask(text) {
    this.#question += 1;
    const question = this.#question;
    const isSent = send(this.#event, { text, question });
    this.#asked = { text, isAway: !isSent };
    clearTimeout(this.#timer);
    if (isSent && text) this.#timer = setTimeout(() => this.#isLate(question), PATIENCE);
    this.#show();
  }

  /** @param {number} question */
  #isLate(question) {
    if (question !== this.#question || this.#isAnswered) return;
    this.#asked.isAway = true;
    this.#show();
  }

  get #isAnswered() {
    return store.read(LIST).about.answered === this.#question && this.#asked.text === this.#text;
  }

  /** Show the places of the text's name, and the messages, once they are there. */
  #show() {
    const text = this.#text;
    const held = { conversations: rowsOf("conversations"), people: [...rowsOf("people"), ...rowsOf("authors")] };
    this.#targets = named(held, text, getPageUser()).slice(0, MOST);
    const { rows, about } = store.read(LIST);
    const hits = text && this.#isAnswered ? /** @type {readonly Hit[]} */ (rows) : [];
    const refusal = this.#isAnswered && typeof about.problem === "string" ? about.problem : "";
    const problem = this.#asked.isAway ? NO_MESSAGES : refusal;
    const rest = text && problem ? [retryRow(problem)] : hits.length ? [headingOf(say("Messages")), ...hits.map(rowOfHit)] : [];
    const heading = text || !this.#targets.length ? [] : [headingOf(say("Latest"))];
    keepFocus(this.#list, () => this.#list.replaceChildren(...heading, ...this.#targets.map(rowOfTarget), ...rest));
    const isDone = !text || this.#isAnswered || this.#asked.isAway;
    if (isDone && !this.#targets.length && !rest.length) {
      this.#list.replaceChildren(textOf("li", text ? say("Nothing found.") : say("No conversations yet. Find someone to talk to."), "go-to-none"));
    }
    // Enter takes the first one, as soon as one is there (keys.js).
    if (isDone || this.#targets.length) this.#list.dataset.hits = text;
    this.#status.textContent = isDone && text ? countOf(this.#targets.length + hits.length) : "";
  }

  /** @param {MouseEvent} event */
  #choose(event) {
    const pressed = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("a, button"));
    if (!pressed || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (pressed.dataset.retry) {
      this.#field.focus();
      this.#ask(this.#text);
      return;
    }
    const href = pressed.getAttribute("href");
    if (href) this.#leave(href, pressed);
    else void this.#open(this.#targets[Number(pressed.dataset.at)]);
  }

  /**
   * @param {string} href
   * @param {HTMLElement} [pressed]
   */
  #leave(href, pressed) {
    const { pathname, searchParams } = new URL(href, location.href);
    this.#sheet.dialog.close();
    const seq = searchParams.get("at");
    // The open conversation goes to the place itself (timeline.js).
    if (pressed && seq && pathname === location.pathname) pressed.dataset.goTo = seq;
    else if (pathname !== location.pathname || seq) openPage(href);
  }

  /**
   * Open the conversation with a person, which may not be there yet.
   * @param {Target | undefined} person
   */
  async #open(person) {
    if (!person) return;
    try {
      const reply = await request("/api/conversations", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user_id: person.id }),
        signal: AbortSignal.timeout(PATIENCE),
      });
      /** @type {unknown} */
      const answer = await reply.json();
      const { id, detail } = /** @type {{ id?: unknown, detail?: unknown }} */ (answer);
      if (!this.#sheet.dialog.open) return;
      if (reply.ok && typeof id === "string") this.#leave(`/chat/${encodeURIComponent(id)}`);
      else this.#fail(typeof detail === "string" ? detail : NO_CHAT);
    } catch {
      this.#fail(NO_CHAT);
    }
  }

  /** @param {string} words */
  #fail(words) {
    this.#error.textContent = words;
    this.#error.hidden = !words;
  }
}

/** @param {string} list */
const rowsOf = (list) => /** @type {readonly Named[]} */ (store.read(list).rows);

/** @param {number} count */
const countOf = (count) => say("{n} found|{n} found", { n: count });

/**
 * Change a list, and leave the focus at the same place in it.
 * @param {HTMLElement} list
 * @param {() => void} change
 */
function keepFocus(list, change) {
  const focused = /** @type {HTMLElement | null} */ (list.querySelector(":focus"));
  const key = focused?.dataset.key;
  change();
  if (key) /** @type {HTMLElement | null} */ (list.querySelector(`[data-key="${CSS.escape(key)}"]`))?.focus();
}

/** @param {string} words */
const headingOf = (words) => textOf("li", words, "go-to-heading");

/** @param {string} problem */
function retryRow(problem) {
  const again = textOf("button", say("Try again"), "button plain");
  again.type = "button";
  again.dataset.retry = again.dataset.key = "retry";
  const row = textOf("li", "", "go-to-problem");
  row.append(textOf("span", problem, ""), again);
  return row;
}

/**
 * @param {Target} target
 * @param {number} at
 */
function rowOfTarget({ id, name, about, href, ...face }, at) {
  const link = href ? linkTo(href) : textOf("button", "", "row go-to-row");
  if (link instanceof HTMLButtonElement) link.type = "button";
  link.dataset.at = String(at);
  link.dataset.key = id;
  const place = textOf("span", "", "row-name one-line");
  // The name alone has its direction: it stays beside the face.
  place.append(textOf("bdi", name, ""));
  link.append(faceOf(face), place, textOf("span", about, "row-time"));
  return rowWith(link);
}

/** @param {Hit} hit */
function rowOfHit({ id, href, author, at, about, pieces, ...face }) {
  const link = linkTo(href);
  link.dataset.key = id;
  const line = textOf("span", "", "row-line");
  const who = textOf("span", "", "row-name one-line");
  who.append(textOf("bdi", author, ""));
  line.append(who, textOf("span", shortTime(at), "row-time"));
  const text = textOf("span", "", "found-text");
  text.dir = "auto";
  text.append(...pieces.map((piece) => (piece.hit ? textOf("mark", piece.text, "") : piece.text)));
  const words = textOf("span", "", "row-text");
  words.append(line);
  if (about !== author) {
    const where = textOf("span", "", "row-time one-line");
    where.append(textOf("bdi", about, ""));
    words.append(where);
  }
  words.append(text);
  link.append(faceOf(face), words);
  return rowWith(link);
}

/** @param {string} href */
function linkTo(href) {
  const link = textOf("a", "", "row go-to-row");
  link.href = href;
  return link;
}

/** @param {HTMLElement} content */
function rowWith(content) {
  const row = document.createElement("li");
  row.append(content);
  return row;
}
