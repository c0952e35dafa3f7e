// <chat-timeline>: around the log of messages. It keeps the reader's place, turns pages near the
// ends, shows what waits in the outbox below the stored messages, and says what was read.

import { timeOfDay } from "./clock.js";
import { outboxOf } from "./outbox.js";
import { request } from "./request.js";

const NEAR = 48; // px from the bottom that still count as being there
const AHEAD = 800; // px before an end where the next page is asked for
const READ_EVERY = 500;
const PAGE_PATIENCE = 5_000;

class ChatTimeline extends (globalThis.HTMLElement ?? class {}) {
  #outbox;
  #stuck = true;
  #wantsNewest = false;
  #size = "";
  #anchor; // the topmost visible article and where it stood
  #newest = 0;
  #read = 0;
  #readTimer;
  #marking; // the mark that is on its way
  #asked = new Map();
  #sent = new Map(); // stored, but not yet in the log: client_id -> entry
  #watch = [];

  connectedCallback() {
    this.#outbox = outboxOf(this.getAttribute("user-id"));
    this.#read = Number(this.getAttribute("read-seq"));
    this.#newest = this.#lastSeq();
    const changed = new MutationObserver(() => this.#changed());
    const resized = new ResizeObserver(() => this.#settle());
    changed.observe(this.#column, { childList: true, subtree: true });
    resized.observe(this.#log);
    resized.observe(this.#column);
    const stopListening = this.#outbox.subscribe((sent, removed) => this.#outboxChanged(sent, removed));
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

  handleEvent(event) {
    if (event.type === "scroll") this.#scrolled();
    else if (event.type === "visibilitychange") this.#markRead();
    else if (event.type === "chat:sent") this.#jump.click();
    else if (event.currentTarget === this.#jump) this.#toBottom();
    else this.#act(event.target.closest("[data-act]"));
  }

  get #log() {
    return this.querySelector("[role=log]");
  }

  get #column() {
    return this.querySelector(".column");
  }

  get #jump() {
    return this.querySelector("[data-jump]");
  }

  get #stored() {
    return this.#column.querySelectorAll("article[data-seq]");
  }

  // ---- The reader's place

  #openingPlace() {
    const log = this.#log;
    this.#settle();
    const line = this.querySelector(".new-line");
    if (line) log.scrollTop = Math.min(log.scrollTop, line.offsetTop - 72);
    this.#scrolled();
  }

  #scrolled() {
    const log = this.#log;
    // A scroll that comes of a change of size is no wish of the reader's.
    if (this.#stuck && this.#size !== sizeOf(log)) return this.#settle();
    this.#stuck = !this.#hasNewer && log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    if (this.#stuck) this.#newest = this.#lastSeq();
    this.#anchor = this.#topmost();
    this.#showJump();
    this.#turnPages();
    this.#markRead();
  }

  /** The log changed: put what was being read back where it was, before it is painted. */
  #changed() {
    this.#dropShown();
    if (this.#wantsNewest && !this.#hasNewer) {
      this.#wantsNewest = false;
      this.#stuck = true;
    }
    this.#settle();
    this.#log.ariaBusy = null;
    this.#showJump();
    this.#turnPages();
    this.#markRead();
    this.#notePlace();
  }

  /** Keep in the address where a window begins that has left the present: it outlives a broken link. */
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

  /** The click that leads here has also asked the server for the newest page, if it is not shown. */
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

  /** Near an end, press the button that brings its next page (it is there for the keyboard, too). */
  #turnPages() {
    const log = this.#log;
    if (log.scrollTop < AHEAD) this.#ask("[data-earlier]");
    if (log.scrollHeight - log.scrollTop - log.clientHeight < AHEAD) this.#ask("[data-later]");
  }

  #ask(which) {
    const button = this.querySelector(which);
    const first = this.#stored[0]?.dataset.seq;
    const edge = `${first}-${this.#lastSeq()}`;
    const asked = this.#asked.get(which);
    if (!button || (asked?.edge === edge && Date.now() - asked.at < PAGE_PATIENCE)) return;
    this.#asked.set(which, { edge, at: Date.now() });
    // What comes now is old: nothing of it is to be read aloud as news.
    this.#log.ariaBusy = "true";
    button.click();
  }

  #lastSeq() {
    const stored = this.#stored;
    return Number(stored[stored.length - 1]?.dataset.seq ?? 0);
  }

  // ---- What waits in the outbox

  #outboxChanged(sent, removed) {
    const conversation = this.getAttribute("conversation-id");
    const row = this.#pendingRow(sent);
    if (row) this.#sent.set(sent, row.entry);
    if (removed) this.#sent.delete(removed);
    // Another tab may have posted what waited here.
    const waiting = new Set(this.#outbox.of(conversation).map((entry) => entry.client_id));
    for (const article of this.#pending.children) {
      const { entry } = article;
      if (!waiting.has(entry.client_id) && entry.client_id !== removed && !entry.reason) {
        this.#sent.set(entry.client_id, entry);
      }
    }
    this.#drawPending();
    this.#dropShown();
    this.#settle();
  }

  get #pending() {
    return this.querySelector("[data-pending]");
  }

  #pendingRow(clientId) {
    return clientId && this.#pending.querySelector(`[data-client-id="${CSS.escape(clientId)}"]`);
  }

  #drawPending() {
    const waiting = this.#outbox.of(this.getAttribute("conversation-id"));
    const rows = [...[...this.#sent.values()].map((entry) => [entry, "Sent"]), ...waiting.map((entry) => [entry, entry.reason ? "Failed" : "Queued"])];
    this.#pending.replaceChildren(...rows.map(([entry, state], at) => drawRow(entry, state, at === 0)));
  }

  /** A message that the log now shows itself no longer waits here. */
  #dropShown() {
    for (const row of [...this.#pending.children]) {
      const id = row.dataset.clientId;
      if (!this.#column.querySelector(`article[data-seq][data-client-id="${CSS.escape(id)}"]`)) continue;
      this.#sent.delete(id);
      row.remove();
    }
  }

  #act(button) {
    if (!button) return;
    const id = button.closest("article").dataset.clientId;
    if (button.dataset.act === "retry") this.#outbox.retry(id);
    else {
      const words = this.#outbox.remove(id);
      if (button.dataset.act === "edit") dispatchEvent(new CustomEvent("chat:edit", { detail: words }));
    }
  }

  // ---- Reading

  /** What a visible page shows has been read; a hidden one marks nothing. */
  #markRead() {
    if (document.visibilityState !== "visible" || this.#readTimer) return;
    const seen = this.#lastSeen();
    if (seen <= this.#read) return;
    this.#read = seen;
    const conversation = this.getAttribute("conversation-id");
    this.#readTimer = setTimeout(() => {
      this.#readTimer = undefined;
      if (this.isConnected) this.#markRead();
    }, READ_EVERY);
    this.#marking = request(`/api/conversations/${conversation}/read`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ seq: seen }),
      keepalive: true,
    }).then(
      (reply) => reply.ok || this.#unread(seen),
      () => this.#unread(seen),
    );
  }

  /** Mark nothing more: the reader wants it unread. Done once no mark is on its way. */
  async stopReading() {
    this.#read = Infinity;
    await this.#marking;
  }

  readAgain() {
    this.#read = Number(this.getAttribute("read-seq"));
  }

  /** It was not noted: try again with the next change. */
  #unread(seen) {
    if (this.#read === seen) this.#read = seen - 1;
  }

  /** The newest message of others that is on the screen. */
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

const sizeOf = (log) => `${log.scrollHeight}/${log.clientHeight}`;

// ---- Rows: what people wrote goes into the page as text, and as nothing else.

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

function drawRow(entry, state, first) {
  const glyph = make("span", `glyph ${state.toLowerCase()}`);
  glyph.setAttribute("role", "img");
  glyph.setAttribute("aria-label", state);
  const bubble = make("div", "bubble", entry.content);
  bubble.dir = "auto";
  const meta = make("div", "meta", make("time", "", timeOfDay(entry.at)), glyph);
  const row = make("article", `message mine last ${first ? "first" : ""} ${entry.reason ? "failed" : "pending"}`);
  row.append(make("span", "only-heard", "You"), make("div", "said", bubble, meta));
  row.dataset.clientId = entry.client_id;
  row.entry = entry;
  if (entry.reason) row.append(drawRefusal(entry.reason));
  return row;
}

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
