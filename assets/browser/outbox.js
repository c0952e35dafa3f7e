// The outbox: what this user has sent and the server has not stored yet. It lives in localStorage,
// so it survives a reload, and is posted until it is answered. The server knows a client_id again,
// so posting twice is safe. It holds words only, never anything that could sign somebody in.

import { request } from "./request.js";
import { signInPath } from "./forms.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
const PATIENCE = 15_000;

const open = new Map();

/** The one outbox of a user in this page. */
export function outboxOf(userId) {
  if (!open.has(userId)) open.set(userId, new Outbox(userId));
  return open.get(userId);
}

export class Outbox {
  #key;
  #memory = []; // Stands in where storage is blocked or full.
  #listeners = new Set();
  #flushing = false;
  #failures = 0;
  #timer;

  constructor(userId) {
    this.#key = `chat.outbox.${userId}`;
    addEventListener("storage", (event) => event.key === this.#key && this.#tell());
    addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => document.hidden || this.flush());
    this.flush();
  }

  /** What waits or was refused in one conversation, oldest first. */
  of(conversationId) {
    return this.#read().filter((entry) => entry.conversation_id === conversationId);
  }

  add(conversationId, content) {
    const entry = {
      client_id: newId(),
      conversation_id: conversationId,
      content,
      at: new Date().toISOString(),
      reason: "",
    };
    this.#change((entries) => [...entries, entry]);
    this.flush();
  }

  /** Send a refused message once more, after whatever waits. It keeps its id: nothing was stored. */
  retry(clientId) {
    this.#change((entries) => [
      ...entries.filter((entry) => entry.client_id !== clientId),
      ...entries.filter((entry) => entry.client_id === clientId).map((entry) => ({ ...entry, reason: "" })),
    ]);
    this.flush();
  }

  /** Take a message back; returns its words. */
  remove(clientId) {
    const gone = this.#read().find((entry) => entry.client_id === clientId);
    this.#change((entries) => entries.filter((entry) => entry.client_id !== clientId), clientId);
    return gone?.content ?? "";
  }

  /** Call `listener(sent, removed)` on every change, with the id of what was stored or taken back. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Post what waits, in order. One tab at a time, where the browser can tell. */
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
      if (outcome.wait !== undefined) return this.#later(outcome.wait);
      this.#failures = 0;
      if (outcome.signedOut) return location.assign(signInPath());
      if (outcome.refused) this.#refuse(entry.client_id, outcome.refused);
      else this.#change((entries) => entries.filter((one) => one.client_id !== entry.client_id), "", entry.client_id);
    }
  }

  #next() {
    return this.#read().find((entry) => !entry.reason);
  }

  #refuse(clientId, reason) {
    this.#change((entries) => entries.map((entry) => (entry.client_id === clientId ? { ...entry, reason } : entry)));
  }

  // Full jitter: many clients that lost the same server must not come back in step.
  #later(atLeast) {
    const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.flush(), atLeast + Math.random() * ceiling);
  }

  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? "[]");
      return Array.isArray(kept) ? kept.filter(isEntry) : [];
    } catch {
      return this.#memory;
    }
  }

  #change(alter, removed = "", sent = "") {
    const entries = alter(this.#read());
    this.#memory = entries;
    try {
      if (entries.length) localStorage.setItem(this.#key, JSON.stringify(entries));
      else localStorage.removeItem(this.#key);
    } catch {
      // Blocked or full: this page still has them in memory.
    }
    this.#tell(sent, removed);
  }

  #tell(sent = "", removed = "") {
    for (const listener of this.#listeners) listener(sent, removed);
  }
}

/** Post one message: stored ({}), refused for good, signed out, or try again after `wait` ms. */
async function post({ client_id, conversation_id, content }) {
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
  const problem = await reply.json().catch(() => ({}));
  return { refused: problem.errors?.[0]?.message || problem.detail || "The message was refused." };
}

/** Whatever somebody has made of the storage by hand, the rest of it is still sent. */
function isEntry(entry) {
  const texts = ["client_id", "conversation_id", "content", "at", "reason"];
  return typeof entry === "object" && entry !== null && texts.every((name) => typeof entry[name] === "string");
}

/** crypto.randomUUID exists on secure origins only; a plain-HTTP chat in a home network is not one. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
