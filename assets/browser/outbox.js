// The outbox: the messages that the user has sent and the server has not stored yet. It is kept in the
// browser's database, so it survives a reload, and each message is posted until the server answers with
// it. The server recognises a client_id, so posting twice is safe.

/** @import { Attached, Chosen } from "./attached_files.js" */
/** @import { Entry, Transaction } from "./database.js" */
/** @import { Quote } from "./messages.js" */

import { adopt, blobOf, dropFiles, hold, holdStored, noteOf, putFiles } from "./attached_files.js";
import { transact } from "./database.js";
import { putDraft } from "./drafts.js";
import { moveEarlier } from "./earlier_outbox.js";
import { byPosition, filesOf, isEntry, isReady, newId, placeOf, unready, withFile, withoutPosition } from "./outbox_entry.js";
import { isSignInPage, signInPath } from "./paths.js";
import { post } from "./post_message.js";
import { publish, subscribe } from "./tabs.js";
import { inTurn, Repeated } from "./turns.js";
import { say } from "./texts.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

/** @typedef {import("./database.js").Entry} Entry */

/**
 * Called with the client_id of the message that was stored or taken back, or "", or with one that was refused.
 * @typedef {(sent: string, removed: string, refused?: Entry) => void} Listener
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
  #posting = new Repeated(() => this.#postAll());
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
    void moveEarlier(userId, this.#lock)
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
   * @param {Chosen[]} [files]
   */
  async add(conversationId, content, follows = "", reply = undefined, files = []) {
    for (const { id, blob } of files) hold(id, blob);
    const notes = files.map(noteOf);
    /** @type {Entry} */
    const entry = {
      user_id: this.#userId,
      client_id: newId(),
      conversation_id: conversationId,
      content,
      at: new Date().toISOString(),
      reason: "",
      reply,
      files: notes.length ? notes : undefined,
    };
    const dropDraft = (/** @type {Transaction} */ transaction) => putDraft(transaction, this.#userId, conversationId, "", follows);
    await this.#store(entry, async (transaction, hasRoom) => {
      await dropDraft(transaction);
      if (hasRoom) await putFiles(transaction, this.#userId, notes);
    });
    this.#tell();
    void this.flush();
  }

  /**
   * Send a refused message again, after those that wait. It keeps its id: nothing was stored.
   * @param {string} clientId
   */
  retry(clientId) {
    const entry = this.find(clientId);
    if (entry) void this.#sendAgain({ ...entry, reason: "" });
  }

  /**
   * Return a message that waits or was refused.
   * @param {string} clientId
   */
  find(clientId) {
    return this.#entries.find((entry) => entry.client_id === clientId);
  }

  /**
   * Take a message back, and return its text.
   * @param {string} clientId
   */
  remove(clientId) {
    const content = this.find(clientId)?.content ?? "";
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
    void this.#upload();
    await this.#posting.run();
  }

  async #postAll() {
    if (await this.#next()) await inTurn(this.#lock, () => this.#drain());
  }

  /** Upload the files of messages that wait. Words do not wait for the files of earlier messages. */
  async #upload() {
    if (!this.#entries.some((entry) => !entry.reason && unready(entry))) return;
    try {
      const { uploadsOf } = await import("./uploads.js");
      await uploadsOf(this.#userId, this).flush();
    } catch {
      this.#later(0); // It could not be loaded.
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
      if (outcome.expired) await this.#uploadAgain(entry, outcome.expired);
      else if (outcome.refused) await this.#refuse(entry, outcome.refused);
      else await this.#sent(entry);
    }
  }

  /** Return the first message that waits, as the database has it now. */
  async #next() {
    await this.#storeRest();
    /** @param {Entry} entry */
    const waits = (entry) => isEntry(entry) && isReady(entry) && !this.#reasonOf(entry) && !this.#gone.has(entry.client_id);
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

  // ---- Files

  /** Return the first file that has to be uploaded, and its message. */
  async nextUpload() {
    await this.#storeRest();
    await this.#read();
    for (const entry of this.#entries) {
      const file = entry.reason ? undefined : filesOf(entry).find((one) => !one.file_id && !one.reason && blobOf(one.id));
      if (file) return { clientId: entry.client_id, file };
    }
    return undefined;
  }

  /**
   * Change what is known of a file of a message; without a `change` the message has it no more.
   * @param {string} clientId
   * @param {string} id
   * @param {Partial<Attached>} [change]
   */
  async changeFile(clientId, id, change) {
    if (change?.file_id) adopt(id, change.file_id);
    const changed = (/** @type {Entry} */ entry) => (entry.client_id === clientId ? withFile(entry, id, change) : entry);
    this.#stored = this.#stored.map(changed);
    this.#unstored = this.#unstored.map(changed);
    await this.#change(async (transaction) => {
      const store = transaction.objectStore("outbox");
      const position = await store.index("message").getKey([this.#userId, clientId]);
      const stored = position && (await store.get(position));
      if (stored) await store.put(changed(stored));
      if (!change) await dropFiles(transaction, [{ id }]);
    });
    this.#askBeforeUnload();
    this.#tell();
    void this.flush();
  }

  /**
   * Upload files of a message again, which the server has no more: they were not sent for a day.
   * @param {Entry} entry
   * @param {number[]} places
   */
  async #uploadAgain(entry, places) {
    const files = filesOf(entry);
    if (places.some((at) => files[at]?.again)) {
      await this.#refuse(entry, say("The chat does not have the files of this message."));
      return;
    }
    for (const at of places) {
      if (files[at]) await this.changeFile(entry.client_id, files[at].id, { file_id: undefined, again: true });
    }
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
    this.#notify("", "", { ...entry, reason });
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
    const entry = this.find(clientId);
    const files = entry ? filesOf(entry) : [];
    this.#gone.add(clientId);
    this.#forget(clientId);
    await this.#change(async (transaction) => {
      await this.#delete(transaction, clientId);
      await dropFiles(transaction, files);
    });
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
   * Store a message after all others, in one transaction with `before`; else hold it in memory. Where
   * there is no room for its files, the words are stored.
   * @param {Entry} message
   * @param {(transaction: Transaction, hasRoom: boolean) => Promise<void>} before
   */
  async #store(message, before) {
    const entry = withoutPosition(message);
    await this.#storeRest();
    const add = (/** @type {boolean} */ hasRoom) =>
      transact(async (transaction) => {
        await before(transaction, hasRoom);
        return transaction.objectStore("outbox").add(entry);
      }, "strict");
    try {
      // Nothing may go past a message that could not be stored.
      if (this.#unstored.length) throw new Error(say("An earlier message is not stored."));
      const position = await add(true).catch((error) => {
        if (!entry.files) throw error;
        entry.files = entry.files.map((file) => ({ ...file, unkept: true }));
        return add(false);
      });
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
          await putFiles(transaction, this.#userId, filesOf(entry));
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
        const found = await transact(async (transaction) => {
          const all = await transaction.objectStore("outbox").index("user").getAll(this.#userId);
          if (all.some((entry) => entry.files)) await holdStored(transaction, this.#userId);
          return all;
        });
        if (before === this.#changes) this.#stored = found.filter(isEntry);
      } catch {
        return;
      }
    } while (before !== this.#changes);
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
    const isUnkept = (/** @type {Attached} */ file) => file.unkept && !file.file_id && blobOf(file.id) !== undefined;
    if (this.#unstored.length || this.#stored.some((entry) => filesOf(entry).some(isUnkept))) addEventListener("beforeunload", preventUnload);
    else removeEventListener("beforeunload", preventUnload);
  }

  /** Tell this tab's listeners and the other tabs. */
  #tell(sent = "", removed = "") {
    this.#notify(sent, removed);
    publish({ user: this.#userId, sent, removed });
  }

  /**
   * @param {string} sent
   * @param {string} removed
   * @param {Entry} [refused]
   */
  #notify(sent = "", removed = "", refused = undefined) {
    for (const listener of this.#listeners) listener(sent, removed, refused);
  }
}

/** @param {Event} event */
const preventUnload = (event) => event.preventDefault();
