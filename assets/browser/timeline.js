// <chat-timeline>: the element around the log of messages. It keeps the reader's place, asks for the
// pages that are missing and those near the ends, and sends read marks. It shows a message in its place:
// one that is quoted, pinned, or named in the address (?at=seq); a button leads back.

/** @import { Facts } from "./messages.js" */

import { writeAgain } from "./attached_files.js";
import { SETTLED, hush } from "./hush.js";
import { missingPage } from "./messages.js";
import { outboxOf } from "./outbox.js";
import { NOT_LIVE, send, store } from "./replica.js";
import { call } from "./request.js";
import { say } from "./texts.js";

const NEAR = 48; // px from the bottom that still count as the bottom
const AHEAD = 800; // px before an end where the next page is requested
const READ_EVERY = 500;
const READ_AGAIN = 3000;
const PAGE_PATIENCE = 5_000;
const FLASH = 1_600;
const FAR_PATIENCE = 10_000; // until a message that is far away must be there
const AWAY = say("This message is not kept in this browser, and the chat cannot be reached right now.");
const GONE = say("This message cannot be shown.");

/** @typedef {ChatTimeline} TimelineElement */

class ChatTimeline extends (globalThis.HTMLElement ?? class {}) {
  #stuck = true;
  /** Whether the newest page was asked for, and is not shown yet. */
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
  /** When each kind of page was asked for last, and beyond which rows. @type {Map<string, { edge: string, at: number }>} */
  #asked = new Map();
  /** @type {number | undefined} */
  #askTimer;
  /** Whether what is shown was kept here, and the server has not answered yet. */
  #isKept = false;
  /** The message to show once its page is there. @type {{ seq: number, flash: boolean, by: number } | undefined} */
  #goal;
  /** The places that the reader has jumped from, by the `seq` of the topmost message. @type {number[]} */
  #left = [];
  /** @type {(() => void)[]} */
  #watch = [];

  connectedCallback() {
    this.#read = Number(this.getAttribute("read-seq"));
    this.#newest = this.#lastSeq();
    const changed = new MutationObserver(() => this.#changed());
    const resized = new ResizeObserver(() => this.#settle());
    changed.observe(this.#column, { childList: true, subtree: true });
    resized.observe(this.#log);
    resized.observe(this.#column);
    const unsubscribe = store.subscribe(this.#list, () => this.#askForMissing());
    this.#watch = [() => changed.disconnect(), () => resized.disconnect(), unsubscribe];
    this.#log.addEventListener("scroll", this, { passive: true });
    // The reader turns back before the newest page is there.
    for (const type of ["wheel", "touchmove", "keydown"]) this.#log.addEventListener(type, this, { passive: true });
    this.#jump.addEventListener("click", this);
    this.addEventListener("click", this);
    this.#wayBack.addEventListener("click", this);
    document.addEventListener("click", this);
    addEventListener("chat:sent", this);
    document.addEventListener("visibilitychange", this);
    addEventListener("focus", this);
    this.#isKept = Boolean(this.#facts.kept);
    hush(this.#log, SETTLED);
    this.#openingPlace();
    this.#goToAddress();
    // The page's own events ask first.
    if (this.#isKept) this.#askTimer = setTimeout(() => this.#askForMissing(), PAGE_PATIENCE);
    else this.#askForMissing();
  }

  disconnectedCallback() {
    for (const stop of this.#watch) stop();
    // From now on nothing of it is live.
    store.apply([{ list: this.#list, about: { ...NOT_LIVE, unread_from: 0 } }]);
    clearTimeout(this.#readTimer);
    clearTimeout(this.#askTimer);
    removeEventListener("chat:sent", this);
    document.removeEventListener("click", this);
    document.removeEventListener("visibilitychange", this);
    removeEventListener("focus", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "scroll") this.#scrolled();
    else if (["wheel", "touchmove", "keydown"].includes(event.type)) this.#wantsNewest = false;
    else if (event.type === "visibilitychange" || event.type === "focus") this.#markRead();
    else if (event.type === "chat:sent" || event.currentTarget === this.#jump) this.#toBottom();
    else if (event.currentTarget === this.#wayBack) this.#goBack();
    else if (event.currentTarget === document) this.#pressAnywhere(/** @type {Element} */ (event.target));
    else this.#press(/** @type {Element} */ (event.target));
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

  get #wayBack() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-way-back]"));
  }

  get #stored() {
    return /** @type {NodeListOf<HTMLElement>} */ (this.#column.querySelectorAll("[data-seq]"));
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
    if (this.#wantsNewest || this.#goal) return;
    this.#follow(!this.#facts.newer && log.scrollHeight - log.scrollTop - log.clientHeight < NEAR);
    if (this.#stuck) this.#newest = this.#lastSeq();
    this.#anchor = this.#topmost();
    this.#showJump();
    this.#loadPages();
    this.#markRead();
  }

  /** Handle a change of the log: restore the reader's place before the browser paints. */
  #changed() {
    this.#wantsNewest &&= Boolean(this.#facts.newer);
    if (this.#isKept && !this.#facts.kept) {
      this.#isKept = false;
      this.#openingPlace();
    } else this.#settle();
    this.#reachGoal();
    if (this.#log.ariaBusy) hush(this.#log, SETTLED);
    this.#showJump();
    this.#loadPages();
    this.#markRead();
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
    const stored = this.#stored;
    const at = firstWhere(stored, (article) => article.getBoundingClientRect().bottom > top);
    return at < stored.length ? { article: stored[at], top: stored[at].getBoundingClientRect().top - top } : undefined;
  }

  /** Scroll to the bottom; ask for the newest page, if it is not shown. */
  #toBottom() {
    this.#goal = undefined;
    this.#left = [];
    this.#wayBack.hidden = true;
    this.#wantsNewest = Boolean(this.#facts.newer);
    this.#follow(true);
    this.#settle();
    this.#askForMissing();
    this.#showJump();
  }

  /**
   * Note whether the reader is at the end: only then newer messages take the place of those shown.
   * @param {boolean} stuck
   */
  #follow(stuck) {
    this.#stuck = stuck;
    if ((this.#facts.follows ?? true) !== stuck) store.apply([{ list: this.#list, about: { follows: stuck } }]);
  }

  // ---- Messages elsewhere

  /** Show the message that the address names. */
  #goToAddress() {
    const at = Number(new URLSearchParams(location.search).get("at"));
    if (Number.isSafeInteger(at) && at > 0) this.#goTo(at);
  }

  /**
   * Show the message that a quote or a pinned message leads to, or let the user choose a day.
   * @param {Element} target
   */
  #pressAnywhere(target) {
    /** @type {HTMLElement | null} */
    const day = target.closest("[data-day]");
    if (day) void askForDate(this.#conversation, day.dataset.day ?? "", (seq) => this.#leaveFor(seq));
    const pressed = /** @type {HTMLElement | null} */ (target.closest("[data-go-to]"));
    if (!pressed) return;
    const panel = pressed.closest("chat-panel");
    const isCovered = panel && matchMedia("(max-width: 1099px)").matches;
    if (isCovered) /** @type {HTMLElement | null} */ (panel.querySelector("[data-dismiss]"))?.click();
    this.#leaveFor(Number(pressed.dataset.goTo));
  }

  /**
   * Show a message in its place; a button leads back to where the reader is now.
   * @param {number} seq
   */
  #leaveFor(seq) {
    const place = this.#anchor?.article;
    if (place instanceof HTMLElement) this.#left.push(Number(place.dataset.seq));
    this.#goTo(seq);
  }

  #goBack() {
    const seq = this.#left.pop();
    this.#wayBack.hidden = !this.#left.length;
    if (seq) this.#goTo(seq, false);
    this.#log.focus({ preventScroll: true });
  }

  /**
   * Show a message in its place; ask for the page around it, if it is not there.
   * @param {number} seq
   * @param {boolean} [flash]
   */
  #goTo(seq, flash = true) {
    this.#lose("");
    this.#goal = { seq, flash, by: Date.now() + FAR_PATIENCE };
    this.#wantsNewest = false;
    this.#follow(false);
    if (this.#reachGoal()) return;
    this.#askForGoal();
  }

  #askForGoal() {
    if (!this.#goal || !this.isConnected) return;
    const { loaded, kept, last = 0, first = 1 } = this.#facts;
    const isLive = loaded && !kept;
    const isNowhere = isLive && (this.#goal.seq > last || this.#goal.seq < first);
    if (isNowhere || Date.now() > this.#goal.by) {
      this.#lose(isNowhere || window.chatLink?.connected ? GONE : AWAY);
      this.#goal = undefined;
      this.#scrolled();
      return;
    }
    // Before the first page of all no other is taken.
    if (isLive) this.#ask("around", this.#goal.seq);
    setTimeout(() => this.#askForGoal(), 500);
  }

  /** Scroll to the message that is to be shown; return whether it is there. */
  #reachGoal() {
    const goal = this.#goal;
    if (!goal) return false;
    const place = /** @type {HTMLElement | null} */ (this.#column.querySelector(`[data-seq="${goal.seq}"]`));
    if (!place) return false;
    const log = this.#log;
    const [box, around] = [place.getBoundingClientRect(), log.getBoundingClientRect()];
    // A place that was left is at the top again, another message in the middle.
    const from = goal.flash ? around.top + Math.max(0, (around.height - box.height) / 2) : around.top;
    log.scrollTop += box.top - from;
    this.#goal = undefined;
    this.#wayBack.hidden = !this.#left.length;
    this.#scrolled();
    if (goal.flash) this.#flash(place);
    return true;
  }

  /** @param {HTMLElement} place */
  #flash(place) {
    place.setAttribute("data-flash", "");
    setTimeout(() => place.removeAttribute("data-flash"), FLASH);
    place.tabIndex = -1;
    place.focus({ preventScroll: true });
  }

  /** @param {string} words */
  #lose(words) {
    const place = /** @type {HTMLElement} */ (this.querySelector("[data-lost]"));
    place.textContent = words;
    place.hidden = !words;
  }

  #showJump() {
    const fresh = this.#lastSeq() > this.#newest;
    this.#jump.hidden = this.#stuck || !(fresh || this.#facts.newer || this.#farUp());
    this.#jump.classList.toggle("fresh", fresh);
  }

  #farUp() {
    const log = this.#log;
    return log.scrollHeight - log.scrollTop - log.clientHeight > log.clientHeight;
  }

  // ---- Pages

  get #list() {
    return `messages:${this.#conversation}`;
  }

  get #facts() {
    return /** @type {Facts} */ (store.read(this.#list).about);
  }

  /** Ask for the next page near an end. */
  #loadPages() {
    const log = this.#log;
    // The first rows are drawn after the last.
    const isDrawn = this.#firstSeq() <= Number(store.read(this.#list).rows[0]?.order ?? 0);
    if (log.scrollTop < AHEAD && isDrawn) this.#ask("older", this.#firstSeq());
    if (log.scrollHeight - log.scrollTop - log.clientHeight < AHEAD) this.#ask("newer", this.#lastSeq());
  }

  /** Ask for the page without which what is shown is not true, until it is there. */
  #askForMissing() {
    clearTimeout(this.#askTimer);
    const missing = missingPage(store.read(this.#list));
    if (!missing) return;
    this.#ask(missing.kind, missing.seq);
    this.#askTimer = setTimeout(() => this.#askForMissing(), PAGE_PATIENCE);
  }

  /**
   * Ask for a page, unless it was asked for a moment ago.
   * @param {"newest" | "older" | "newer" | "again" | "around"} kind
   * @param {number} seq
   */
  #ask(kind, seq) {
    if ((kind === "older" && !this.#facts.older) || (kind === "newer" && !this.#facts.newer)) return;
    const edge = `${this.#firstSeq()}-${this.#lastSeq()} ${kind === "around" ? seq : ""}`;
    const asked = this.#asked.get(kind);
    if (asked?.edge === edge && Date.now() - asked.at < PAGE_PATIENCE) return;
    const payload = { conversation_id: this.#conversation, kind, seq };
    if (!send(this.getAttribute("page-event") ?? "", payload)) return;
    this.#asked.set(kind, { edge, at: Date.now() });
    hush(this.#log, PAGE_PATIENCE);
  }

  #firstSeq() {
    return Number(this.#stored[0]?.dataset.seq ?? 0);
  }

  #lastSeq() {
    const stored = this.#stored;
    return Number(stored[stored.length - 1]?.dataset.seq ?? 0);
  }

  // ---- Messages in the outbox

  get #conversation() {
    return this.getAttribute("conversation-id") ?? "";
  }

  /** @param {Element} target */
  #press(target) {
    const turn = /** @type {HTMLElement | null} */ (target.closest("[data-page]"));
    if (turn) this.#asked.clear();
    if (turn?.dataset.page === "older") this.#ask("older", this.#firstSeq());
    else if (turn?.dataset.page === "newer") this.#ask("newer", this.#lastSeq());
    else if (turn) this.#askForMissing();
    this.#act(target.closest("[data-act]"));
  }

  /** @param {Element | null} button */
  #act(button) {
    if (!button) return;
    const id = button.closest("article")?.dataset.clientId ?? "";
    const action = button.getAttribute("data-act");
    const outbox = outboxOf(this.getAttribute("user-id") ?? "");
    if (action === "retry") outbox.retry(id);
    else {
      const entry = outbox.find(id);
      outbox.remove(id);
      if (action === "edit" && entry) writeAgain(entry);
    }
  }

  // ---- Reading

  /** Mark the messages on the screen read, unless the page is hidden or another window in front. */
  #markRead() {
    if (document.visibilityState !== "visible" || !document.hasFocus() || this.#readTimer) return;
    // The server decides first where the new messages begin.
    if (this.#facts.kept) return;
    const seen = this.#lastSeen();
    if (seen <= this.#read) return;
    this.#read = seen;
    this.#markReadIn(READ_EVERY);
    this.#marking = call("POST", `/api/conversations/${this.#conversation}/read`, { body: { seq: seen }, outlivesPage: true }).then(
      (answer) => {
        // Too many marks, or the chat is away: every other refusal is final.
        if (!answer || answer.status === 429 || answer.status >= 500) this.#unread(seen);
      },
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
    let at = firstWhere(stored, (article) => article.getBoundingClientRect().top >= edge) - 1;
    while (at >= 0 && stored[at].classList.contains("mine")) at -= 1;
    return at < 0 ? 0 : Number(stored[at].dataset.seq);
  }
}

/**
 * Return the place of the first element from which on a condition is true, or how many elements there are.
 * The elements are halved: a scroll must not look at all of them.
 * @param {NodeListOf<HTMLElement>} elements
 * @param {(element: HTMLElement) => boolean} condition
 */
function firstWhere(elements, condition) {
  let low = 0;
  let high = elements.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (condition(elements[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** @param {Element} log */
const sizeOf = (log) => `${log.scrollHeight}/${log.clientHeight}`;

/**
 * @param {string} conversationId
 * @param {string} shown
 * @param {(seq: number) => void} go
 */
async function askForDate(conversationId, shown, go) {
  try {
    const dialog = await import("./go_to_date.js");
    dialog.askForDate(conversationId, shown, go);
  } catch {
    // Never loaded, and no connection: the server could not be asked either.
  }
}

globalThis.customElements?.define("chat-timeline", ChatTimeline);
