// <chat-news>: plays a soft sound and shows a notification for new messages from others, and the
// number of unread ones on the app's icon. News are what the list of conversations holds: a conversation
// whose newest `seq` rose, that has unread messages, and whose last message `rings`. The tabs of a browser agree that one of them
// announces each (agreement.js).

/** @import { Entry } from "./outbox.js" */
/** @import { Row } from "./store.js" */

import "./install.js";
import "./offline.js";

import { alone, elected, holdVisible, isAnyVisible } from "./agreement.js";
import { previewLine } from "./markdown.js";
import { sendDrafts } from "./drafts_everywhere.js";
import { notify as notice } from "./notice.js";
import { outboxOf } from "./outbox.js";
import { isSignInPage } from "./paths.js";
import { closeRead, forgetOthers, isOn, pauseAll, renew } from "./push.js";
import { send, store } from "./replica.js";
import { setPageUser } from "./request.js";
import { say } from "./texts.js";

const QUIET = 2_000; // a burst of messages rings once
const DEFER = 400; // ms after which a tab which may not play sounds tells that no other one has
const LATE = 5_000; // until all tabs can read what one has written, on a busy machine too
const MOST = 200; // conversations whose announced messages are kept
const NOTES = [
  [660, 0],
  [880, 0.11],
];
const HINT = say("Click anywhere to hear messages");
const LIST = "conversations";
const CLOCK = "clock";

const HEARD = "chat.heard"; // for each account, the `seq` that some tab has announced, by conversation
const RANG = "chat.rang";
const BELL = "chat.bell"; // where a tab that may not play sounds asks the others to
const FRONT = "chat.front"; // "tab conversation" of the tab that has the focus
const SOUND = "chat.sound"; // "off" where an account has switched sounds off in this browser

/** The words of tabs at the bell. @typedef {{ user: string, type: "ring" | "rung" }} Call */
/** @typedef {Row & { seq: number, unread: number, rings: boolean, name: string, preview: string, excerpt: string, href: string }} Conversation */

const tab = Math.random().toString(36).slice(2);
/** The notification of each conversation, and the number of messages that it tells of. @type {Map<string, { note: Notification, unread: number }>} */
const shown = new Map();
/** Replaces localStorage where it is blocked. @type {Map<string, string>} */
const kept = new Map();
/** @type {AudioContext | undefined} */
let speaker;
let touched = false;

class ChatNews extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["open", "user-id"];
  #stop = new AbortController();
  /** The `seq` of each conversation when the server first sent the list, or since. @type {Map<string, number> | undefined} */
  #seen;
  /** @type {BroadcastChannel | undefined} */
  #bell;
  #isAnswered = false;
  #leaveOutbox = () => undefined;

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#bell = globalThis.BroadcastChannel && new BroadcastChannel(BELL);
    this.#bell?.addEventListener("message", (/** @type {MessageEvent<Call>} */ { data }) => this.#answer(data), { signal });
    signal.addEventListener("abort", () => this.#bell?.close());
    for (const type of ["focus", "blur", "pagehide", "pageshow", "online"]) addEventListener(type, this, { signal });
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, this, { signal, capture: true });
    document.addEventListener("visibilitychange", this, { signal });
    addEventListener("chat:push", () => this.#tellVisible(), { signal });
    navigator.serviceWorker?.addEventListener("message", (/** @type {MessageEvent<{ open?: string }>} */ { data }) => data.open && openChat(data.open), { signal });
    const subscriptions = [
      store.subscribe(LIST, () => this.#changed()),
      // It comes whenever the server has made this tab anew, which forgets what the tab has said.
      store.subscribe(CLOCK, () => this.#tellVisible()),
    ];
    for (const stop of subscriptions) signal.addEventListener("abort", stop);
    this.#noteFront();
    holdVisible();
    this.#sendWaiting();
    this.#changed();
  }

  disconnectedCallback() {
    this.#leaveOutbox();
    this.#stop.abort();
    // The session has ended, without a word from this page.
    if (isSignInPage()) void pauseAll();
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
    if (name === "user-id") this.#sendWaiting();
    else this.#noteFront();
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "pointerdown" || event.type === "keydown") {
      touched = true;
      this.#hint("");
    } else this.#noteFront(event.type === "pagehide");
    if (event.type === "visibilitychange") {
      holdVisible();
      this.#tellVisible();
    }
    if (event.type === "online") this.#sendWaiting();
  }

  get #user() {
    return this.getAttribute("user-id") ?? "";
  }

  /** Open the user's outbox, which sends its messages, on every page; drafts that wait are sent, too. */
  #sendWaiting() {
    setPageUser(this.#user);
    if (!this.#user) return;
    this.#leaveOutbox();
    const leave = outboxOf(this.#user).subscribe((_sent, _removed, refused) => refused && this.#tellRefused(refused));
    this.#leaveOutbox = () => void leave();
    void sendDrafts(this.#user);
    const user = this.#user;
    void forgetOthers(user)
      .then(() => renew(user))
      .then(() => this.#tellVisible());
  }

  /**
   * Say that a message was not sent, where its conversation is not open: that shows it.
   * @param {Entry} entry
   */
  #tellRefused({ conversation_id, reason }) {
    if (this.getAttribute("open") === conversation_id) return;
    notice(say("A message was not sent. {reason}", { reason }), { act: { label: say("Show it"), run: () => openChat(`/chat/${conversation_id}`) } });
  }

  /** Tell the server whether somebody looks at this tab: then this browser needs no push. */
  #tellVisible() {
    if (isOn(this.#user)) send(this.getAttribute("visible-event") ?? "", { visible: document.visibilityState === "visible" });
  }

  /** Store which conversation is in front, if this tab shows one and has the focus. */
  #noteFront(leaving = false) {
    const open = this.getAttribute("open");
    const inFront = !leaving && open && document.visibilityState === "visible" && document.hasFocus();
    if (inFront) write(FRONT, `${tab} ${open}`);
    else if (read(FRONT).startsWith(tab)) write(FRONT, "");
  }

  /** Find the news in the list; what the browser had kept of it is none. */
  #changed() {
    const { rows, about } = store.read(LIST);
    if (!about.loaded || about.kept) return;
    const conversations = /** @type {readonly Conversation[]} */ (rows);
    const seen = this.#seen;
    this.#seen = new Map(conversations.map((row) => [row.id, row.seq]));
    withdraw(conversations);
    if (isOn(this.#user)) {
      const ids = new Set(conversations.filter((row) => !row.unread).map((row) => row.id));
      void closeRead((id) => ids.has(id));
    }
    showBadge(Number(about.unread_total));
    if (!seen) return;
    for (const row of conversations) {
      if (row.rings && row.unread > 0 && row.seq > (seen.get(row.id) ?? 0)) void this.#announce(row);
    }
  }

  /**
   * Ring and notify for a conversation, unless another tab does or it is being read.
   * @param {Conversation} row
   */
  async #announce(row) {
    if (row.seq <= this.#announced()[row.id]) return;
    this.#noteFront();
    const isRead = () => read(FRONT).endsWith(` ${row.id}`);
    const subject = `chat.news ${row.id} ${row.seq}`;
    if (!(await elected(subject))) return;
    await alone(subject, LATE, async () => {
      if (row.seq <= this.#announced()[row.id]) return;
      // Before anything that takes time: a tab may come to it later than the others.
      this.#noteAnnounced(row);
      if (isRead()) return;
      await this.#ring();
      // The service worker shows what is pushed, also while the page is asleep.
      if (!isOn(this.#user)) await notify(row);
    });
  }

  /** @returns {Record<string, number>} */
  #announced() {
    try {
      /** @type {unknown} */
      const parsed = JSON.parse(read(`${HEARD}.${this.#user}`) || "{}");
      return /** @type {Record<string, number>} */ (parsed);
    } catch {
      return {};
    }
  }

  /** @param {Conversation} row */
  #noteAnnounced({ id, seq }) {
    const { [id]: before = 0, ...others } = this.#announced();
    const latest = Object.entries(others).slice(-MOST);
    write(`${HEARD}.${this.#user}`, JSON.stringify({ ...Object.fromEntries(latest), [id]: Math.max(before, seq) }));
  }

  async #ring() {
    const isOff = this.getAttribute("sound") === "false" || read(`${SOUND}.${this.#user}`) === "off";
    if (isOff || Math.abs(Date.now() - Number(read(RANG))) < QUIET) return;
    if (mayRing()) {
      await this.#play();
      return;
    }
    // The user may have touched another tab since it was loaded, and not this one.
    const user = this.#user;
    this.#isAnswered = false;
    this.#bell?.postMessage({ user, type: "ring" });
    await pause(DEFER);
    if (!this.#isAnswered) this.#hint(HINT);
  }

  /**
   * Ring for a tab that may not, or hear that another one has, however late.
   * @param {Call} call
   */
  #answer({ user, type }) {
    if (user !== this.#user) return;
    if (type === "rung") {
      this.#isAnswered = true;
      this.#hint("");
    } else if (mayRing()) {
      this.#bell?.postMessage({ user, type: "rung" });
      void this.#play();
    }
  }

  /** Sound, unless another tab just has. */
  async #play() {
    await alone(RANG, QUIET, () => {
      write(RANG, String(Date.now()));
      play().catch(() => this.#hint(HINT));
    });
  }

  /** @param {string} words */
  #hint(words) {
    if (this.textContent !== words) this.textContent = words;
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

// ---- Notifications

/** @param {Conversation} row */
async function notify(row) {
  if (globalThis.Notification?.permission !== "granted" || (await isAnyVisible())) return;
  showNote(row);
}

/**
 * Show a notification in place of the last one of the same conversation.
 * @param {Conversation} row
 */
function showNote({ id, name, preview, excerpt, unread, href }, silent = false) {
  const line = previewLine(preview, excerpt);
  const body = unread > 1 ? `${line}\n${say("{n} unread message|{n} unread messages", { n: unread })}` : line;
  try {
    const note = new Notification(name, { body, tag: id, silent });
    shown.set(id, { note, unread });
    note.onclick = () => {
      globalThis.focus();
      note.close();
      openChat(href);
    };
  } catch {
    // On phones only service workers may notify.
  }
}

/**
 * Close the notifications of conversations that were read, here or elsewhere, or whose messages were
 * deleted; where some are left, tell of these.
 * @param {readonly Conversation[]} conversations
 */
function withdraw(conversations) {
  const rows = new Map(conversations.map((row) => [row.id, row]));
  for (const [id, { note, unread }] of shown) {
    const row = rows.get(id);
    if (row && row.unread >= unread) continue;
    note.close();
    shown.delete(id);
    if (row?.unread) showNote(row, true);
  }
}

/** @param {number} unread */
function showBadge(unread) {
  const done = unread ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.();
  // An app that is not installed has no badge.
  done?.catch(() => undefined);
}

/** @param {string} address */
function openChat(address) {
  /** @type {HTMLElement | null} */
  const link = document.querySelector(`a[href="${address}"]`);
  if (link) link.click();
  else location.assign(address);
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

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
