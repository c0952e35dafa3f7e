// The database of this browser (IndexedDB) with what people wrote and the server has not stored: the
// messages of the outbox, their files, and the drafts. Every record names its user, and holds no credential.

/** @import { Attached } from "./attached_files.js" */
/** @import { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from "idb" */
/** @import { Quote } from "./messages.js" */

import { openDB } from "idb";

const NAME = "chat-unsent";
const VERSION = 2;
const PATIENCE = 5_000;

/**
 * A message that waits, or that was refused for a reason. Messages are sent in the order of `position`,
 * which the database counts over all tabs: clocks jump.
 * @typedef {object} Entry
 * @property {number} [position] missing where the browser does not store the message
 * @property {string} user_id
 * @property {string} client_id
 * @property {string} conversation_id
 * @property {string} content
 * @property {string} at the time to show
 * @property {string} reason
 * @property {Quote} [reply] the message that it replies to
 * @property {Attached[]} [files] the files that it has, which are uploaded before it is sent
 */

/**
 * The bytes of a file, and the address of its upload once there is one.
 * @typedef {{ id: string, user_id: string, blob: Blob, address?: string }} StoredFile
 */

/**
 * The drafts of one conversation, one for each tab that has written there, the latest last. `agreed` is the
 * draft that this browser and the server had last in common, and `aside` those of other devices, or of
 * this one, that gave way to another.
 * @typedef {{ tab: string, text: string, reply?: Quote }} Draft
 * @typedef {{ text: string, reply_to: string, version: number }} Agreed
 * @typedef {{ user_id: string, conversation_id: string, drafts: Draft[], agreed?: Agreed, aside?: Agreed[] }} Drafts
 */

/**
 * @typedef {object} UnsentStores
 * @property {{ key: number, value: Entry, indexes: { user: string, message: [string, string] } }} outbox
 * @property {{ key: string, value: StoredFile, indexes: { user: string } }} files
 * @property {{ key: [string, string], value: Drafts }} drafts
 */

/** @typedef {DBSchema & UnsentStores} Unsent */
/** @typedef {IDBPTransaction<Unsent, StoreNames<Unsent>[], "readwrite">} Transaction */

/** @type {Promise<IDBPDatabase<Unsent>> | undefined} */
let opening;

/**
 * Do work in one transaction over all stores, and return its result once it is stored. Rejects where
 * the browser has no database, blocks it, or has no room left; then nothing was stored.
 * @template T
 * @param {(transaction: Transaction) => Promise<T>} work
 * @param {IDBTransactionDurability} [durability]
 * @returns {Promise<T>}
 */
export async function transact(work, durability = "relaxed") {
  const transaction = await begin(durability);
  const done = transaction.done;
  try {
    const result = await work(transaction);
    await done;
    return result;
  } catch (error) {
    done.catch(() => undefined);
    abort(transaction);
    throw error;
  }
}

/**
 * @param {IDBTransactionDurability} durability
 * @returns {Promise<Transaction>}
 */
async function begin(durability) {
  /** @type {StoreNames<Unsent>[]} */
  const stores = ["outbox", "files", "drafts"];
  try {
    return (await open()).transaction(stores, "readwrite", { durability });
  } catch (error) {
    // The browser closes the connections of pages that it freezes.
    if (!opening || /** @type {Error} */ (error).name !== "InvalidStateError") throw error;
    opening = undefined;
    return (await open()).transaction(stores, "readwrite", { durability });
  }
}

async function open() {
  opening ??= openDB(NAME, VERSION, {
    upgrade(database, before) {
      if (before < 1) {
        const outbox = database.createObjectStore("outbox", { keyPath: "position", autoIncrement: true });
        outbox.createIndex("user", "user_id");
        outbox.createIndex("message", ["user_id", "client_id"], { unique: true });
        database.createObjectStore("drafts", { keyPath: ["user_id", "conversation_id"] });
      }
      database.createObjectStore("files", { keyPath: "id" }).createIndex("user", "user_id");
    },
    // A later version of the pages waits to change the stores.
    blocking: (_current, _blocked, event) => {
      opening = undefined;
      /** @type {IDBDatabase} */ (event.target).close();
    },
    terminated: () => (opening = undefined),
  });
  const mine = opening;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("The browser does not open its database.")), PATIENCE);
  });
  try {
    return await Promise.race([mine, late]);
  } catch (error) {
    if (opening === mine) opening = undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** @param {Transaction} transaction */
function abort(transaction) {
  try {
    transaction.abort();
  } catch {
    // It has ended by itself.
  }
}
