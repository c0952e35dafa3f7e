// The outbox: the messages that the user has sent and the server has not stored yet. It is kept in
// localStorage, so it survives a reload, and each message is posted until the server answers. The
// server recognises a client_id, so posting twice is safe. The outbox never holds a credential.

import { readProblem, request } from "./request.js";
import { signInPath } from "./forms.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
const PATIENCE = 15_000;

/**
 * A message that waits, or that was refused for a reason.
 * @typedef {{ client_id: string, conversation_id: string, content: string, at: string, reason: string }} Entry
 */

/**
 * Called with the client_id of the message that was stored or taken back, or "".
 * @typedef {(sent: string, removed: string) => void} Listener
 */

/**
 * The outcome of posting a message: stored ({}), refused for good, signed out, or try again after
 * `wait` ms.
 * @typedef {{ wait?: number, signedOut?: boolean, refused?: string }} Outcome
 */

/** @type {Map<string, Outbox>} */
const open = new Map();

/**
 * Return the page's only outbox of a user.
 * @param {string} userId
 */
export function outboxOf(userId) {
  const outbox = open.get(userId) ?? new Outbox(userId);
  open.set(userId, outbox);
  return outbox;
}

export class Outbox {
  #key;
  /** Replaces localStorage where it is blocked or full. @type {Entry[]} */
  #memory = [];
  /** @type {Set<Listener>} */
  #listeners = new Set();
  #flushing = false;
  #failures = 0;
  /** @type {number | undefined} */
  #timer;

  /** @param {string} userId */
  constructor(userId) {
    this.#key = `chat.outbox.${userId}`;
    addEventListener("storage", (event) => {
      if (event.key === this.#key) this.#notify();
    });
    addEventListener("online", () => void this.flush());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.flush();
    });
    void this.flush();
  }

  /**
   * Return the messages of a conversation that wait or were refused, oldest first.
   * @param {string} conversationId
   */
  of(conversationId) {
    return this.#read().filter((entry) => entry.conversation_id === conversationId);
  }

  /**
   * Add a message and post it.
   * @param {string} conversationId
   * @param {string} content
   */
  add(conversationId, content) {
    const entry = {
      client_id: newId(),
      conversation_id: conversationId,
      content,
      at: new Date().toISOString(),
      reason: "",
    };
    this.#change((entries) => [...entries, entry]);
    void this.flush();
  }

  /**
   * Send a refused message again, after those that wait. It keeps its id: nothing was stored.
   * @param {string} clientId
   */
  retry(clientId) {
    this.#change((entries) => [
      ...entries.filter((entry) => entry.client_id !== clientId),
      ...entries.filter((entry) => entry.client_id === clientId).map((entry) => ({ ...entry, reason: "" })),
    ]);
    void this.flush();
  }

  /**
   * Take a message back, and return its text.
   * @param {string} clientId
   */
  remove(clientId) {
    const gone = this.#read().find((entry) => entry.client_id === clientId);
    this.#change((entries) => entries.filter((entry) => entry.client_id !== clientId), clientId);
    return gone?.content ?? "";
  }

  /**
   * Call `listener` on every change, and return a function that ends that.
   * @param {Listener} listener
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Post the messages that wait, in order; one tab at a time, where the browser has locks. */
  async flush() {
    clearTimeout(this.#timer);
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      const locks = navigator.locks;
      if (!this.#next()) return;
      if (locks) await locks.request(this.#key, () => this.#drain());
      else await this.#drain();
    } finally {
      this.#flushing = false;
    }
  }

  async #drain() {
    for (let entry = this.#next(); entry; entry = this.#next()) {
      const outcome = await post(entry);
      if (outcome.wait !== undefined) {
        this.#later(outcome.wait);
        return;
      }
      this.#failures = 0;
      if (outcome.signedOut) {
        location.assign(signInPath());
        return;
      }
      if (outcome.refused) this.#refuse(entry.client_id, outcome.refused);
      else this.#change((entries) => entries.filter((one) => one.client_id !== entry.client_id), "", entry.client_id);
    }
  }

  #next() {
    return this.#read().find((entry) => !entry.reason);
  }

  /**
   * @param {string} clientId
   * @param {string} reason
   */
  #refuse(clientId, reason) {
    this.#change((entries) => entries.map((entry) => (entry.client_id === clientId ? { ...entry, reason } : entry)));
  }

  /**
   * Post again later. Full jitter: clients that lost the same server must not return in step.
   * @param {number} atLeast ms
   */
  #later(atLeast) {
    const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    this.#timer = setTimeout(() => void this.flush(), atLeast + Math.random() * ceiling);
  }

  /** @returns {Entry[]} */
  #read() {
    try {
      /** @type {unknown} */
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? "[]");
      return Array.isArray(kept) ? kept.filter(isEntry) : [];
    } catch {
      return this.#memory;
    }
  }

  /** @param {(entries: Entry[]) => Entry[]} alter */
  #change(alter, removed = "", sent = "") {
    const entries = alter(this.#read());
    this.#memory = entries;
    try {
      if (entries.length) localStorage.setItem(this.#key, JSON.stringify(entries));
      else localStorage.removeItem(this.#key);
    } catch {
      // Blocked or full: this page still has them in memory.
    }
    this.#notify(sent, removed);
  }

  #notify(sent = "", removed = "") {
    for (const listener of this.#listeners) listener(sent, removed);
  }
}

/**
 * Post one message.
 * @param {Entry} entry
 * @returns {Promise<Outcome>}
 */
async function post({ client_id, conversation_id, content }) {
  /** @type {Response} */
  let reply;
  try {
    reply = await request("/api/messages", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client_id, conversation_id, content }),
      signal: AbortSignal.timeout?.(PATIENCE),
    });
  } catch {
    return { wait: 0 };
  }
  if (reply.ok) return {};
  if (reply.status === 401) return { signedOut: true };
  if (reply.status === 429 || reply.status === 408 || reply.status >= 500) {
    return { wait: 1000 * (Number(reply.headers.get("retry-after")) || 0) };
  }
  const problem = await readProblem(reply);
  return { refused: problem.errors?.[0]?.message || problem.detail || "The message was refused." };
}

/**
 * Return whether a stored value is an entry: values changed by hand must not stop the others.
 * @param {unknown} value
 * @returns {value is Entry}
 */
function isEntry(value) {
  const texts = ["client_id", "conversation_id", "content", "at", "reason"];
  if (typeof value !== "object" || value === null) return false;
  const entry = /** @type {Record<string, unknown>} */ (value);
  return texts.every((name) => typeof entry[name] === "string");
}

/** Return a random id. crypto.randomUUID exists on secure origins only, not over plain HTTP. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
