// <chat-timeline>: the element around the log of messages. It keeps the reader's place, loads pages
// near the ends, shows the messages of the outbox below the stored ones, and sends read marks.

/** @import { Entry, Outbox } from "./outbox.js" */

import { timeOfDay } from "./clock.js";
import { outboxOf } from "./outbox.js";
import { request } from "./request.js";

const NEAR = 48; // px from the bottom that still count as the bottom
const AHEAD = 800; // px before an end where the next page is requested
const READ_EVERY = 500;
const READ_AGAIN = 3000;
const PAGE_PATIENCE = 5_000;

/** @typedef {ChatTimeline} TimelineElement */
/** @typedef {HTMLElement & { entry: Entry }} PendingRow */

class ChatTimeline extends (globalThis.HTMLElement ?? class {}) {
  /** @type {Outbox | undefined} */
  #outbox;
  #stuck = true;
  #wantsNewest = false;
  #size = "";
  /** The topmost visible article and where it was. @type {{ article: Element, top: number } | undefined} */
  #anchor;
  #newest = 0;
  #read = 0;
  /** @type {number | undefined} */
  #readTimer;
  /** The request of the last read mark. @type {Promise<unknown> | undefined} */
  #marking;
  /** The last request for a page, by its button. @type {Map<string, { edge: string, at: number }>} */
  #asked = new Map();
  /** Messages that are stored, but not yet in the log, by client_id. @type {Map<string, Entry>} */
  #sent = new Map();
  /** @type {(() => void)[]} */
  #watch = [];

  connectedCallback() {
    const outbox = outboxOf(this.getAttribute("user-id") ?? "");
    this.#outbox = outbox;
    this.#read = Number(this.getAttribute("read-seq"));
    this.#newest = this.#lastSeq();
    const changed = new MutationObserver(() => this.#changed());
    const resized = new ResizeObserver(() => this.#settle());
    changed.observe(this.#column, { childList: true, subtree: true });
    resized.observe(this.#log);
    resized.observe(this.#column);
    const stopListening = outbox.subscribe((sent, removed) => this.#outboxChanged(sent, removed));
    this.#watch = [() => changed.disconnect(), () => resized.disconnect(), stopListening];
    this.#log.addEventListener("scroll", this, { passive: true });
    this.#jump.addEventListener("click", this);
    this.addEventListener("click", this);
    addEventListener("chat:sent", this);
    document.addEventListener("visibilitychange", this);
    this.#drawPending();
    this.#openingPlace();
  }

  disconnectedCallback() {
    for (const stop of this.#watch) stop();
    clearTimeout(this.#readTimer);
    removeEventListener("chat:sent", this);
    document.removeEventListener("visibilitychange", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "scroll") this.#scrolled();
    else if (event.type === "visibilitychange") this.#markRead();
    else if (event.type === "chat:sent") this.#jump.click();
    else if (event.currentTarget === this.#jump) this.#toBottom();
    else this.#act(/** @type {Element} */ (event.target).closest("[data-act]"));
  }

  get #log() {
    return /** @type {HTMLElement} */ (this.querySelector("[role=log]"));
  }

  get #column() {
    return /** @type {HTMLElement} */ (this.querySelector(".column"));
  }

  get #jump() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-jump]"));
  }

  get #stored() {
    return /** @type {NodeListOf<HTMLElement>} */ (this.#column.querySelectorAll("article[data-seq]"));
  }

  // ---- The reader's place

  #openingPlace() {
    const log = this.#log;
    this.#settle();
    const line = /** @type {HTMLElement | null} */ (this.querySelector(".new-line"));
    if (line) log.scrollTop = Math.min(log.scrollTop, line.offsetTop - 72);
    this.#scrolled();
  }

  #scrolled() {
    const log = this.#log;
    // A scroll caused by a change of size is not the reader's.
    if (this.#stuck && this.#size !== sizeOf(log)) {
      this.#settle();
      return;
    }
    this.#stuck = !this.#hasNewer && log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    if (this.#stuck) this.#newest = this.#lastSeq();
    this.#anchor = this.#topmost();
    this.#showJump();
    this.#loadPages();
    this.#markRead();
  }

  /** Handle a change of the log: restore the reader's place before the browser paints. */
  #changed() {
    this.#dropShown();
    if (this.#wantsNewest && !this.#hasNewer) {
      this.#wantsNewest = false;
      this.#stuck = true;
    }
    this.#settle();
    this.#log.ariaBusy = null;
    this.#showJump();
    this.#loadPages();
    this.#markRead();
    this.#notePlace();
  }

  /** Store in the address which past page is shown: it survives a broken link. */
  #notePlace() {
    const place = this.#hasNewer ? `#from-${this.#stored[0].dataset.seq}` : "";
    if (location.hash !== place) history.replaceState(history.state, "", location.pathname + place);
  }

  #settle() {
    const log = this.#log;
    if (!log) return;
    if (this.#stuck) {
      log.scrollTop = log.scrollHeight;
      this.#newest = this.#lastSeq();
    } else if (this.#anchor?.article.isConnected) {
      const moved = this.#anchor.article.getBoundingClientRect().top - log.getBoundingClientRect().top - this.#anchor.top;
      if (moved) log.scrollTop += moved;
    }
    this.#anchor = this.#topmost();
    this.#size = sizeOf(log);
  }

  #topmost() {
    const top = this.#log.getBoundingClientRect().top;
    for (const article of this.#stored) {
      const box = article.getBoundingClientRect();
      if (box.bottom > top) return { article, top: box.top - top };
    }
    return undefined;
  }

  /** Scroll to the bottom. The same click has requested the newest page, if it is not shown. */
  #toBottom() {
    this.#wantsNewest = this.#hasNewer;
    this.#stuck = true;
    this.#settle();
    this.#scrolled();
  }

  #showJump() {
    const fresh = this.#lastSeq() > this.#newest;
    this.#jump.hidden = this.#stuck || !(fresh || this.#hasNewer || this.#farUp());
    this.#jump.classList.toggle("fresh", fresh);
  }

  #farUp() {
    const log = this.#log;
    return log.scrollHeight - log.scrollTop - log.clientHeight > log.clientHeight;
  }

  // ---- Pages

  get #hasNewer() {
    return Boolean(this.querySelector("[data-later]"));
  }

  /** Press the button that loads the next page near an end (the keyboard uses the button, too). */
  #loadPages() {
    const log = this.#log;
    if (log.scrollTop < AHEAD) this.#press("[data-earlier]");
    if (log.scrollHeight - log.scrollTop - log.clientHeight < AHEAD) this.#press("[data-later]");
  }

  /** @param {string} which */
  #press(which) {
    const button = /** @type {HTMLElement | null} */ (this.querySelector(which));
    const first = this.#stored[0]?.dataset.seq;
    const edge = `${first}-${this.#lastSeq()}`;
    const asked = this.#asked.get(which);
    if (!button || (asked?.edge === edge && Date.now() - asked.at < PAGE_PATIENCE)) return;
    this.#asked.set(which, { edge, at: Date.now() });
    // A screen reader must not announce old messages as new ones.
    this.#log.ariaBusy = "true";
    button.click();
  }

  #lastSeq() {
    const stored = this.#stored;
    return Number(stored[stored.length - 1]?.dataset.seq ?? 0);
  }

  // ---- Messages in the outbox

  /**
   * @param {string} sent
   * @param {string} removed
   */
  #outboxChanged(sent, removed) {
    const row = this.#pendingRow(sent);
    if (row) this.#sent.set(sent, row.entry);
    if (removed) this.#sent.delete(removed);
    // Another tab may have posted a message that waited here.
    const waiting = new Set(this.#waiting.map((entry) => entry.client_id));
    for (const { entry } of this.#pendingRows) {
      if (!waiting.has(entry.client_id) && entry.client_id !== removed && !entry.reason) {
        this.#sent.set(entry.client_id, entry);
      }
    }
    this.#drawPending();
    this.#dropShown();
    this.#settle();
  }

  get #conversation() {
    return this.getAttribute("conversation-id") ?? "";
  }

  get #waiting() {
    return this.#outbox?.of(this.#conversation) ?? [];
  }

  get #pending() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-pending]"));
  }

  get #pendingRows() {
    return /** @type {PendingRow[]} */ ([...this.#pending.children]);
  }

  /** @param {string} clientId */
  #pendingRow(clientId) {
    return this.#pendingRows.find((row) => clientId && row.entry.client_id === clientId);
  }

  #drawPending() {
    const sent = [...this.#sent.values()].map((entry) => ({ entry, state: "Sent" }));
    const unsent = this.#waiting.map((entry) => ({ entry, state: entry.reason ? "Failed" : "Queued" }));
    this.#pending.replaceChildren(...[...sent, ...unsent].map(({ entry, state }, at) => drawRow(entry, state, at === 0)));
  }

  /** Remove the rows of messages that the log shows by now. */
  #dropShown() {
    for (const row of this.#pendingRows) {
      const id = row.entry.client_id;
      if (!this.#column.querySelector(`article[data-seq][data-client-id="${CSS.escape(id)}"]`)) continue;
      this.#sent.delete(id);
      row.remove();
    }
  }

  /** @param {Element | null} button */
  #act(button) {
    if (!button) return;
    const id = /** @type {PendingRow} */ (button.closest("article")).entry.client_id;
    const action = button.getAttribute("data-act");
    if (action === "retry") this.#outbox?.retry(id);
    else {
      const words = this.#outbox?.remove(id);
      if (action === "edit") dispatchEvent(new CustomEvent("chat:edit", { detail: words }));
    }
  }

  // ---- Reading

  /** Mark the messages on the screen read, unless the page is hidden. */
  #markRead() {
    if (document.visibilityState !== "visible" || this.#readTimer) return;
    const seen = this.#lastSeen();
    if (seen <= this.#read) return;
    this.#read = seen;
    this.#markReadIn(READ_EVERY);
    this.#marking = request(`/api/conversations/${this.#conversation}/read`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ seq: seen }),
      keepalive: true,
    }).then(
      // Too many marks, or the chat is away: every other refusal is final.
      (reply) => (reply.status !== 429 && reply.status < 500) || this.#unread(seen),
      () => this.#unread(seen),
    );
  }

  /** @param {number} milliseconds */
  #markReadIn(milliseconds) {
    clearTimeout(this.#readTimer);
    this.#readTimer = setTimeout(() => {
      this.#readTimer = undefined;
      if (this.isConnected) this.#markRead();
    }, milliseconds);
  }

  /** Stop sending read marks, because the reader marks the chat unread, and wait for the last one. */
  async stopReading() {
    this.#read = Infinity;
    await this.#marking;
  }

  /** Send read marks again after `stopReading`. */
  readAgain() {
    this.#read = Number(this.getAttribute("read-seq"));
  }

  /**
   * Send a failed read mark again after a while.
   * @param {number} seen
   */
  #unread(seen) {
    if (this.#read !== seen) return;
    this.#read = seen - 1;
    this.#markReadIn(READ_AGAIN);
  }

  /** Return the number of the newest message from somebody else that is on the screen. */
  #lastSeen() {
    const stored = this.#stored;
    const edge = this.#log.getBoundingClientRect().bottom - 16;
    for (let at = stored.length - 1; at >= 0; at--) {
      const mine = stored[at].classList.contains("mine");
      if (!mine && stored[at].getBoundingClientRect().top < edge) return Number(stored[at].dataset.seq);
    }
    return 0;
  }
}

/** @param {Element} log */
const sizeOf = (log) => `${log.scrollHeight}/${log.clientHeight}`;

// ---- Rows. The texts of users go into the page as text only, never as HTML.

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} className
 * @param {(Node | string)[]} children
 */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

/**
 * @param {Entry} entry
 * @param {string} state
 * @param {boolean} first
 */
function drawRow(entry, state, first) {
  const glyph = make("span", `glyph ${state.toLowerCase()}`);
  glyph.setAttribute("role", "img");
  glyph.setAttribute("aria-label", state);
  const bubble = make("div", "bubble", entry.content);
  bubble.dir = "auto";
  const meta = make("div", "meta", make("time", "", timeOfDay(entry.at)), glyph);
  const kind = entry.reason ? "failed" : "pending";
  const row = Object.assign(make("article", `message mine last ${first ? "first" : ""} ${kind}`), { entry });
  row.append(make("span", "visually-hidden", "You"), make("div", "said", bubble, meta));
  row.dataset.clientId = entry.client_id;
  if (entry.reason) row.append(drawRefusal(entry.reason));
  return row;
}

/** @param {string} reason */
function drawRefusal(reason) {
  const words = make("span", "error-text", reason);
  words.setAttribute("role", "alert");
  const buttons = ["Edit", "Retry", "Delete"].map((name) => {
    const button = make("button", "button quiet", name);
    button.type = "button";
    button.dataset.act = name.toLowerCase();
    return button;
  });
  return make("div", "refusal", words, ...buttons);
}

globalThis.customElements?.define("chat-timeline", ChatTimeline);
