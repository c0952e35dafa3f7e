// <chat-news>: a soft sound and a notification for a message of somebody else's. Its attributes are
// what the server last told this tab; localStorage is how the tabs of a browser agree that one of
// them rings, and Web Locks, where the browser has them, that it is only one.

import { outboxOf } from "./outbox.js";

const QUIET = 2_000; // a burst of messages rings once
const DEFER = 400; // to a tab that is allowed to ring
const SPREAD = 400; // most of what a tab waits for its turn where there are no locks
const LATE = 5_000; // until all tabs read what one has written, on a busy machine too
const NOTES = [
  [660, 0],
  [880, 0.11],
];

const HEARD = "chat.heard"; // the newest message that some tab has dealt with
const RANG = "chat.rang";
const FRONT = "chat.front"; // "tab conversation" of the tab that the reader looks at
const SOUND = "chat.sound"; // "off" where this browser shall be silent

const tab = Math.random().toString(36).slice(2);
const shown = new Map(); // conversation -> its notification
const kept = new Map(); // stands in where storage is blocked
let speaker;
let touched = false;

class ChatNews extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["message-id", "unread", "open", "user-id"];
  #stop;

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    for (const type of ["focus", "blur", "pagehide", "pageshow"]) addEventListener(type, this, { signal });
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, this, { signal, capture: true });
    document.addEventListener("visibilitychange", this, { signal });
    this.#noteFront();
    holdVisible();
    this.#sendWaiting();
    this.#tell();
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  attributeChangedCallback(name) {
    if (!this.isConnected) return;
    // The rest of what came with it is in the page a moment later.
    if (name === "user-id") this.#sendWaiting();
    else if (name === "open") this.#noteFront();
    else if (name === "unread") setTimeout(closeRead);
    else setTimeout(() => this.#tell());
  }

  handleEvent(event) {
    if (event.type === "pointerdown" || event.type === "keydown") {
      touched = true;
      this.#hint("");
    } else this.#noteFront(event.type === "pagehide");
    if (event.type === "visibilitychange") holdVisible();
  }

  /** What waits in the outbox goes out, whatever page is open. */
  #sendWaiting() {
    const user = this.getAttribute("user-id");
    if (user) outboxOf(user);
  }

  /** Say which conversation the reader has before them, if this tab shows one and has the focus. */
  #noteFront(leaving = false) {
    const open = this.getAttribute("open");
    const inFront = !leaving && open && document.visibilityState === "visible" && document.hasFocus();
    if (inFront) write(FRONT, `${tab} ${open}`);
    else if (read(FRONT).startsWith(tab)) write(FRONT, "");
  }

  async #tell() {
    const news = { id: this.getAttribute("message-id"), conversation: this.getAttribute("conversation-id") };
    if (!news.id || news.id <= read(HEARD)) return;
    this.#noteFront();
    const isRead = () => read(FRONT).endsWith(` ${news.conversation}`);
    // Another tab may have been touched since it was loaded, and this one not.
    if (!isRead() && !mayRing()) await pause(DEFER);
    await turn();
    await alone(`chat.news ${news.id}`, LATE, async () => {
      if (news.id <= read(HEARD)) return;
      if (!isRead()) {
        await this.#ring();
        await this.#notify(news.conversation);
      }
      if (news.id > read(HEARD)) write(HEARD, news.id);
    });
  }

  async #ring() {
    const isOff = this.getAttribute("sound") === "false" || read(SOUND) === "off";
    if (isOff || Math.abs(Date.now() - Number(read(RANG))) < QUIET) return;
    if (!mayRing()) return this.#hint("Click anywhere to hear messages");
    await alone(RANG, QUIET, () => {
      write(RANG, String(Date.now()));
      play().catch(() => this.#hint("Click anywhere to hear messages"));
    });
  }

  #hint(words) {
    if (this.textContent !== words) this.textContent = words;
  }

  async #notify(conversation) {
    if (globalThis.Notification?.permission !== "granted" || !(await nobodyLooks())) return;
    try {
      const note = new Notification(this.getAttribute("from"), {
        body: this.getAttribute("text"),
        tag: conversation,
      });
      shown.set(conversation, note);
      note.onclick = () => {
        globalThis.focus();
        note.close();
        open(conversation);
      };
    } catch {
      // Phones let only service workers notify.
    }
  }
}

/** Browsers let a page make sounds only after it was touched. */
const mayRing = () => touched || Boolean(navigator.userActivation?.hasBeenActive);

async function play() {
  speaker ??= new AudioContext();
  if (speaker.state === "suspended") await speaker.resume();
  for (const [pitch, at] of NOTES) {
    const begin = speaker.currentTime + at;
    const tone = speaker.createOscillator();
    const loudness = speaker.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0, begin);
    loudness.gain.linearRampToValueAtTime(0.08, begin + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, begin + 0.25);
    tone.connect(loudness).connect(speaker.destination);
    tone.start(begin);
    tone.stop(begin + 0.26);
  }
}

function open(conversation) {
  const address = `/chat/${conversation}`;
  const link = document.querySelector(`a[href="${address}"]`);
  if (link) link.click();
  else location.assign(address);
}

/** What was read, here or elsewhere, needs no notification any more. */
function closeRead() {
  for (const [conversation, note] of shown) {
    const row = document.querySelector(`a.row[href="/chat/${conversation}"]`);
    // While people are searched for, the list is not there to tell.
    if (!row || row.classList.contains("unread")) continue;
    note.close();
    shown.delete(conversation);
  }
}

// ---- Between the tabs of a browser

/**
 * Do what one tab shall do, and keep the others from it for some time: what one tab writes another
 * reads a moment later, a lock it sees at once.
 */
async function alone(name, ms, work) {
  if (!navigator.locks) return work();
  await new Promise((done) => {
    navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock) await work();
      done();
      if (lock) await pause(ms);
    });
  });
}

/** Without locks the tabs come one after the other, if luck will have it. */
const turn = () => (navigator.locks ? undefined : pause(Math.random() * SPREAD));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let letGo;

/** Every visible tab holds a share of one lock, for as long as it is visible. */
function holdVisible() {
  if (document.visibilityState !== "visible") letGo = letGo?.();
  else if (navigator.locks && !letGo) {
    const hidden = new Promise((resolve) => (letGo = resolve));
    navigator.locks.request("chat.visible", { mode: "shared" }, () => hidden);
  }
}

/** Whether no tab of this chat is visible. Without locks there are no notifications either. */
function nobodyLooks() {
  if (!navigator.locks) return document.visibilityState !== "visible";
  return navigator.locks.request("chat.visible", { ifAvailable: true }, Boolean);
}

function read(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return kept.get(key) ?? "";
  }
}

function write(key, text) {
  kept.set(key, text);
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // Storage is blocked or full: each tab knows of itself only.
  }
}

globalThis.customElements?.define("chat-news", ChatNews);
