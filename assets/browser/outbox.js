// The outbox: the messages that the user has sent and the server has not stored yet. It is kept in the
// browser's database, so it survives a reload, and each message is posted until the server answers with
// it. The server recognises a client_id, so posting twice is safe.

/** @import { Entry, Transaction } from "./database.js" */
/** @import { Quote } from "./messages.js" */

import { transact } from "./database.js";
import { putDraft } from "./drafts.js";
import { byPosition, isEntry, isReply, newId, placeOf, withoutPosition } from "./outbox_entry.js";
import { isSignInPage, signInPath } from "./paths.js";
import { call, sentenceOf } from "./request.js";
import { publish, subscribe } from "./tabs.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
// Of our refusals, those that end by themselves.
const FOR_A_WHILE = [408, 429];

/** @typedef {import("./database.js").Entry} Entry */

/**
 * Called with the client_id of the message that was stored or taken back, or "".
 * @typedef {(sent: string, removed: string) => void} Listener
 */

/**
 * The outcome of posting a message: stored ({}), refused for good, the account is not signed in here, or
 * try again after `wait` ms.
 * @typedef {{ wait?: number, signedOut?: boolean, otherAccount?: boolean, refused?: string }} Outcome
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
  #userId;
  #lock;
  /** The stored messages, as far as this tab has read them, in their order. @type {Entry[]} */
  #stored = [];
  /** Messages that the browser does not store, after all others. @type {Entry[]} */
  #unstored = [];
  /** Messages that were sent or taken back, and may still be stored. @type {Set<string>} */
  #gone = new Set();
  /** Why messages were refused, until that is stored. @type {Map<string, string>} */
  #refusals = new Map();
  #isVolatile = false;
  /** Counts the changes of this tab: what was read before a change is read again. */
  #changes = 0;
  /** @type {Promise<void> | undefined} */
  #reading;
  /** @type {Promise<void> | undefined} */
  #storing;
  /** @type {Set<Listener>} */
  #listeners = new Set();
  #flushing = false;
  #flushAgain = false;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} userId */
  constructor(userId) {
    this.#userId = userId;
    this.#lock = `chat.outbox.${userId}`;
    subscribe((message) => {
      const isOutbox = message.sent !== undefined || message.removed !== undefined;
      if (message.user === userId && isOutbox) void this.#follow(message.sent, message.removed);
    });
    addEventListener("online", () => void this.flush());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.#follow().then(() => this.flush());
    });
    void this.#moveEarlier()
      .then(() => this.#follow())
      .then(() => this.flush());
  }

  /**
   * Return the messages of a conversation that wait or were refused, oldest first.
   * @param {string} conversationId
   */
  of(conversationId) {
    return this.#entries.filter((entry) => entry.conversation_id === conversationId);
  }

  /** Whether the browser could not store the last message: what waits lasts as long as this page. */
  get isVolatile() {
    return this.#isVolatile;
  }

  /**
   * Add a message, remove the draft that it was, and post it. The promise is kept once the message is
   * stored, or held in memory because the browser stores nothing.
   * @param {string} conversationId
   * @param {string} content
   * @param {string} [follows] the tab whose draft it was, besides this one's
   * @param {Quote} [reply] the message that it replies to
   */
  async add(conversationId, content, follows = "", reply = undefined) {
    /** @type {Entry} */
    const entry = {
      user_id: this.#userId,
      client_id: newId(),
      conversation_id: conversationId,
      content,
      at: new Date().toISOString(),
      reason: "",
      reply,
    };
    await this.#store(entry, (transaction) => putDraft(transaction, this.#userId, conversationId, "", follows));
    this.#tell();
    void this.flush();
  }

  /**
   * Send a refused message again, after those that wait. It keeps its id: nothing was stored.
   * @param {string} clientId
   */
  retry(clientId) {
    const entry = this.#entries.find((one) => one.client_id === clientId);
    if (entry) void this.#sendAgain({ ...entry, reason: "" });
  }

  /**
   * Return the message to which one that waits replies.
   * @param {string} clientId
   */
  replyOf(clientId) {
    return this.#entries.find((entry) => entry.client_id === clientId)?.reply;
  }

  /**
   * Take a message back, and return its text.
   * @param {string} clientId
   */
  remove(clientId) {
    const content = this.#entries.find((entry) => entry.client_id === clientId)?.content ?? "";
    void this.#drop(clientId).then(() => publish({ user: this.#userId, removed: clientId }));
    this.#notify("", clientId);
    return content;
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
    this.#timer = undefined;
    this.#flushAgain = true;
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      while (this.#flushAgain) {
        this.#flushAgain = false;
        await this.#inTurn();
      }
    } finally {
      this.#flushing = false;
    }
  }

  async #inTurn() {
    if (!(await this.#next())) return;
    let hasTurn = false;
    try {
      await navigator.locks.request(this.#lock, () => {
        hasTurn = true;
        return this.#drain();
      });
    } catch (error) {
      if (hasTurn) throw error;
      // Over plain HTTP there are no locks: several tabs may post a message, under the same client_id.
      await this.#drain();
    }
  }

  async #drain() {
    for (let entry = await this.#next(); entry; entry = await this.#next()) {
      const outcome = await post(entry);
      if (outcome.wait !== undefined) {
        this.#later(outcome.wait);
        return;
      }
      this.#failures = 0;
      if (outcome.signedOut && !isSignInPage()) location.assign(signInPath());
      // It stays here until its writer signs in again.
      if (outcome.signedOut || outcome.otherAccount) return;
      if (outcome.refused) await this.#refuse(entry, outcome.refused);
      else await this.#sent(entry);
    }
  }

  /** Return the first message that waits, as the database has it now. */
  async #next() {
    await this.#storeRest();
    /** @param {Entry} entry */
    const waits = (entry) => isEntry(entry) && !this.#reasonOf(entry) && !this.#gone.has(entry.client_id);
    try {
      const first = await transact(async (transaction) => {
        const index = transaction.objectStore("outbox").index("user");
        for await (const { value } of index.iterate(this.#userId)) if (waits(value)) return value;
        return undefined;
      });
      if (first) return first;
    } catch {
      // Messages that this tab has read before can still be sent.
      const first = this.#stored.find(waits);
      if (first) return first;
    }
    return this.#unstored.find(waits);
  }

  /** @param {Entry} entry */
  async #sent(entry) {
    await this.#drop(entry.client_id);
    this.#tell(entry.client_id);
  }

  /**
   * @param {Entry} entry
   * @param {string} reason
   */
  async #refuse(entry, reason) {
    this.#refusals.set(placeOf(entry), reason);
    await this.#change(async (transaction) => {
      const store = transaction.objectStore("outbox");
      // It may have been taken back meanwhile, or sent again by another tab: then it has another place.
      const stored = entry.position && (await store.get(entry.position));
      if (stored) await store.put({ ...stored, reason });
    });
    this.#tell();
  }

  /** @param {Entry} entry */
  async #sendAgain(entry) {
    this.#refusals.delete(placeOf({ ...entry, position: undefined }));
    await this.#store(entry, (transaction) => this.#delete(transaction, entry.client_id));
    this.#tell();
    void this.flush();
  }

  /**
   * Remove a message. If the browser cannot do that now, this tab passes over it.
   * @param {string} clientId
   */
  async #drop(clientId) {
    this.#gone.add(clientId);
    this.#forget(clientId);
    await this.#change((transaction) => this.#delete(transaction, clientId));
  }

  /**
   * @param {Transaction} transaction
   * @param {string} clientId
   */
  async #delete(transaction, clientId) {
    const store = transaction.objectStore("outbox");
    const position = await store.index("message").getKey([this.#userId, clientId]);
    if (position !== undefined) await store.delete(position);
  }

  /** @param {string} clientId */
  #forget(clientId) {
    this.#changes++;
    this.#stored = this.#stored.filter((one) => one.client_id !== clientId);
    this.#unstored = this.#unstored.filter((one) => one.client_id !== clientId);
    this.#askBeforeUnload();
  }

  /**
   * Store a message after all others, in one transaction with `before`; else hold it in memory.
   * @param {Entry} message
   * @param {(transaction: Transaction) => Promise<void>} before
   */
  async #store(message, before) {
    const entry = withoutPosition(message);
    await this.#storeRest();
    try {
      // Nothing may go past a message that could not be stored.
      if (this.#unstored.length) throw new Error("An earlier message is not stored.");
      const position = await transact(async (transaction) => {
        await before(transaction);
        return transaction.objectStore("outbox").add(entry);
      }, "strict");
      this.#forget(entry.client_id);
      this.#stored = [...this.#stored, { ...entry, position }].sort(byPosition);
      this.#isVolatile = false;
    } catch {
      this.#forget(entry.client_id);
      this.#unstored = [...this.#unstored, entry];
      this.#isVolatile = true;
    }
    this.#askBeforeUnload();
  }

  /** Store the messages in memory, if the browser has room for them by now. */
  async #storeRest() {
    if (!this.#unstored.length) return;
    this.#storing ??= this.#tryToStore(this.#unstored).finally(() => (this.#storing = undefined));
    await this.#storing;
  }

  /** @param {Entry[]} rest */
  async #tryToStore(rest) {
    try {
      await transact(async (transaction) => {
        for (const entry of rest) {
          await this.#delete(transaction, entry.client_id);
          await transaction.objectStore("outbox").add({ ...entry, reason: this.#reasonOf(entry) });
        }
      }, "strict");
    } catch {
      return; // Still not.
    }
    this.#changes++;
    this.#unstored = this.#unstored.filter((entry) => !rest.includes(entry));
    this.#isVolatile = false;
    this.#askBeforeUnload();
    await this.#read();
    this.#tell();
  }

  /** @param {(transaction: Transaction) => Promise<void>} work */
  async #change(work) {
    this.#changes++;
    try {
      await transact(work);
    } catch {
      // This tab remembers it; another one posts the message once more, which is safe.
    }
  }

  get #entries() {
    const entries = [...this.#stored, ...this.#unstored].filter((entry) => !this.#gone.has(entry.client_id));
    return entries.map((entry) => ({ ...entry, reason: this.#reasonOf(entry) }));
  }

  /** @param {Entry} entry */
  #reasonOf(entry) {
    return entry.reason || (this.#refusals.get(placeOf(entry)) ?? "");
  }

  /**
   * Read what is stored, after another tab has changed it or may have, and post what waits.
   * @param {string} [sent]
   * @param {string} [removed]
   */
  async #follow(sent, removed) {
    this.#changes++;
    await this.#read();
    this.#notify(sent, removed);
    // The tab that has added a message posts it, unless it is closed.
    if (this.#entries.some((entry) => !entry.reason)) {
      this.#timer ??= setTimeout(() => void this.flush(), Math.random() * FIRST_WAIT);
    }
  }

  #read() {
    this.#reading ??= this.#readAll().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readAll() {
    let before;
    do {
      before = this.#changes;
      try {
        const found = await transact((transaction) =>
          transaction.objectStore("outbox").index("user").getAll(this.#userId),
        );
        if (before === this.#changes) this.#stored = found.filter(isEntry);
      } catch {
        return;
      }
    } while (before !== this.#changes);
  }

  /** Move the messages that an earlier version of the chat kept in local storage. */
  async #moveEarlier() {
    try {
      const kept = localStorage.getItem(this.#lock);
      if (!kept) return;
      /** @type {unknown} */
      const entries = JSON.parse(kept);
      if (!Array.isArray(entries)) return;
      await transact(async (transaction) => {
        const store = transaction.objectStore("outbox");
        for (const one of entries.filter(isEntry)) {
          const entry = withoutPosition({ ...one, user_id: this.#userId });
          const isThere = await store.index("message").getKey([this.#userId, entry.client_id]);
          if (isThere === undefined) await store.add(entry);
        }
      }, "strict");
      // A tab with the earlier version may have added one.
      if (localStorage.getItem(this.#lock) === kept) localStorage.removeItem(this.#lock);
    } catch {
      // They stay there until the browser can store them.
    }
  }

  /**
   * Post again later. Full jitter: clients that lost the same server must not return in step.
   * @param {number} atLeast ms
   */
  #later(atLeast) {
    const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), atLeast + Math.random() * ceiling);
  }

  /** Let the browser ask before the page is closed, while it is all that holds a message. */
  #askBeforeUnload() {
    if (this.#unstored.length) addEventListener("beforeunload", preventUnload);
    else removeEventListener("beforeunload", preventUnload);
  }

  /** Tell this tab's listeners and the other tabs. */
  #tell(sent = "", removed = "") {
    this.#notify(sent, removed);
    publish({ user: this.#userId, sent, removed });
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
async function post({ user_id, client_id, conversation_id, content, reply }) {
  const answer = await call("POST", "/api/messages", {
    // A field without a value is not sent.
    body: { client_id, conversation_id, content, reply_to: isReply(reply) ? reply?.id : undefined },
    user: user_id,
    isAnswer: (message) => message.client_id === client_id,
  });
  if (!answer) return { wait: 0 };
  const { status, problem, retryAfter } = answer;
  if (!problem) return {};
  if (status === 401) return { signedOut: true };
  if (problem.code === "other_account") return { otherAccount: true };
  if (FOR_A_WHILE.includes(status) || status >= 500) return { wait: retryAfter };
  return { refused: sentenceOf(problem) || "The message was refused." };
}

/** @param {Event} event */
const preventUnload = (event) => event.preventDefault();
