// <chat-news>: plays a soft sound and shows a notification for a new message from somebody else. The
// server sets its attributes. The tabs of a browser agree through localStorage that one of them
// rings, and through Web Locks, where the browser has them, that only one does.

import { outboxOf } from "./outbox.js";
import { setPageUser } from "./request.js";

const QUIET = 2_000; // a burst of messages rings once
const DEFER = 400; // ms that a tab which may not play sounds leaves to the others
const SPREAD = 400; // the longest wait of a tab for its turn where there are no locks
const LATE = 5_000; // until all tabs can read what one has written, on a busy machine too
const NOTES = [
  [660, 0],
  [880, 0.11],
];

const HEARD = "chat.heard"; // the newest message that some tab has announced
const RANG = "chat.rang";
const FRONT = "chat.front"; // "tab conversation" of the tab that has the focus
const SOUND = "chat.sound"; // "off" where an account has switched sounds off in this browser

const tab = Math.random().toString(36).slice(2);
/** The notification of each conversation. @type {Map<string, Notification>} */
const shown = new Map();
/** Replaces localStorage where it is blocked. @type {Map<string, string>} */
const kept = new Map();
/** @type {AudioContext | undefined} */
let speaker;
let touched = false;

class ChatNews extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["message-id", "unread", "open", "user-id"];
  #stop = new AbortController();

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    for (const type of ["focus", "blur", "pagehide", "pageshow"]) addEventListener(type, this, { signal });
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, this, { signal, capture: true });
    document.addEventListener("visibilitychange", this, { signal });
    this.#noteFront();
    holdVisible();
    this.#sendWaiting();
    void this.#announce();
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} value
   */
  attributeChangedCallback(name, before, value) {
    // The live link has returned with the cookie of somebody else.
    if (name === "user-id" && before && value && before !== value) dispatchEvent(new CustomEvent("chat:other-account"));
    if (!this.isConnected) return;
    // The other attributes and elements of the same update follow a moment later.
    if (name === "user-id") this.#sendWaiting();
    else if (name === "open") this.#noteFront();
    else if (name === "unread") setTimeout(closeRead);
    else setTimeout(() => void this.#announce());
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "pointerdown" || event.type === "keydown") {
      touched = true;
      this.#hint("");
    } else this.#noteFront(event.type === "pagehide");
    if (event.type === "visibilitychange") holdVisible();
  }

  /** Open the user's outbox, which sends its messages, on every page. */
  #sendWaiting() {
    const user = this.getAttribute("user-id") ?? "";
    setPageUser(user);
    if (user) outboxOf(user);
  }

  /** Store which conversation is in front, if this tab shows one and has the focus. */
  #noteFront(leaving = false) {
    const open = this.getAttribute("open");
    const inFront = !leaving && open && document.visibilityState === "visible" && document.hasFocus();
    if (inFront) write(FRONT, `${tab} ${open}`);
    else if (read(FRONT).startsWith(tab)) write(FRONT, "");
  }

  /** Ring and notify for the newest message, unless another tab does or it is being read. */
  async #announce() {
    const id = this.getAttribute("message-id");
    const conversation = this.getAttribute("conversation-id") ?? "";
    if (!id || id <= read(HEARD)) return;
    this.#noteFront();
    const isRead = () => read(FRONT).endsWith(` ${conversation}`);
    // The user may have touched another tab since it was loaded, and not this one.
    if (!isRead() && !mayRing()) await pause(DEFER);
    await turn();
    await alone(`chat.news ${id}`, LATE, async () => {
      if (id <= read(HEARD)) return;
      if (!isRead()) {
        await this.#ring();
        await this.#notify(conversation);
      }
      if (id > read(HEARD)) write(HEARD, id);
    });
  }

  async #ring() {
    const isOff = this.getAttribute("sound") === "false" || read(`${SOUND}.${this.getAttribute("user-id")}`) === "off";
    if (isOff || Math.abs(Date.now() - Number(read(RANG))) < QUIET) return;
    if (!mayRing()) {
      this.#hint("Click anywhere to hear messages");
      return;
    }
    await alone(RANG, QUIET, () => {
      write(RANG, String(Date.now()));
      play().catch(() => this.#hint("Click anywhere to hear messages"));
    });
  }

  /** @param {string} words */
  #hint(words) {
    if (this.textContent !== words) this.textContent = words;
  }

  /** @param {string} conversation */
  async #notify(conversation) {
    if (globalThis.Notification?.permission !== "granted" || !(await nobodyLooks())) return;
    try {
      const note = new Notification(this.getAttribute("from") ?? "", {
        body: this.getAttribute("text") ?? "",
        tag: conversation,
      });
      shown.set(conversation, note);
      note.onclick = () => {
        globalThis.focus();
        note.close();
        openChat(conversation);
      };
    } catch {
      // On phones only service workers may notify.
    }
  }
}

/** Return whether this page may play sounds: browsers allow it only after the user touched the page. */
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

/** @param {string} conversation */
function openChat(conversation) {
  const address = `/chat/${conversation}`;
  /** @type {HTMLElement | null} */
  const link = document.querySelector(`a[href="${address}"]`);
  if (link) link.click();
  else location.assign(address);
}

/** Close the notifications of conversations that were read, here or elsewhere. */
function closeRead() {
  for (const [conversation, note] of shown) {
    const row = document.querySelector(`a.row[href="/chat/${conversation}"]`);
    // During a search for people the list of conversations is not on the page.
    if (!row || row.classList.contains("unread")) continue;
    note.close();
    shown.delete(conversation);
  }
}

// ---- Between the tabs of a browser

/**
 * Do work in one tab only, and keep the other tabs from it for some time: a tab can read the storage
 * of another only a moment later, but its locks at once.
 * @param {string} name
 * @param {number} ms
 * @param {() => void | Promise<void>} work
 */
async function alone(name, ms, work) {
  if (!navigator.locks) {
    await work();
    return;
  }
  /** @type {Promise<void>} */
  const worked = new Promise((done) => {
    void navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock) await work();
      done();
      if (lock) await pause(ms);
    });
  });
  await worked;
}

/** Wait a random time where there are no locks, so that the tabs probably follow one another. */
const turn = () => (navigator.locks ? undefined : pause(Math.random() * SPREAD));

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Releases the lock of a visible tab. @type {(() => void) | undefined} */
let release;

/** Hold a shared lock for as long as this tab is visible. */
function holdVisible() {
  if (document.visibilityState !== "visible") {
    release?.();
    release = undefined;
  } else if (navigator.locks && !release) {
    /** @type {Promise<void>} */
    const hidden = new Promise((resolve) => (release = resolve));
    void navigator.locks.request("chat.visible", { mode: "shared" }, () => hidden);
  }
}

/** Return whether no tab of this chat is visible. Without locks only this tab counts. */
function nobodyLooks() {
  if (!navigator.locks) return document.visibilityState !== "visible";
  return navigator.locks.request("chat.visible", { ifAvailable: true }, Boolean);
}

/** @param {string} key */
function read(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return kept.get(key) ?? "";
  }
}

/**
 * @param {string} key
 * @param {string} text
 */
function write(key, text) {
  kept.set(key, text);
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // Storage is blocked or full: the tabs do not see one another.
  }
}

globalThis.customElements?.define("chat-news", ChatNews);
