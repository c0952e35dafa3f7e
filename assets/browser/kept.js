// The lists that a browser keeps of an account, in a database of its own (IndexedDB): what was seen
// opens at once, also offline. Where the browser has none, or no room left, nothing is kept: the
// server has it all.

/** @import { DBSchema, IDBPDatabase } from "idb" */
/** @import { Content } from "./store.js" */

import { deleteDB, openDB } from "idb";

/** Changes with the fields of rows: what an earlier version of the pages has kept is loaded again. */
const VERSION = 3;
/** Lists that are kept of one account: those that were not changed for longest go first. */
const MOST = 200;

/** @typedef {Content & { name: string, changed: number }} Kept */
/** @typedef {DBSchema & { lists: { key: string, value: Kept, indexes: { changed: number } } }} Lists */

/**
 * Return what is kept of an account.
 * @param {string} userId
 * @returns {Promise<Kept[]>}
 */
export async function readKept(userId) {
  return (await use(userId, (database) => database.getAll("lists"))) ?? [];
}

/**
 * Keep lists of an account.
 * @param {string} userId
 * @param {Map<string, Content>} lists
 */
export async function keep(userId, lists) {
  await use(userId, async (database) => {
    const transaction = database.transaction("lists", "readwrite");
    const changed = Date.now();
    for (const [name, { rows, about }] of lists) void transaction.store.put({ name, rows, about, changed });
    const excess = (await transaction.store.count()) - MOST;
    const oldest = excess > 0 ? await transaction.store.index("changed").getAllKeys(null, excess) : [];
    for (const name of oldest) void transaction.store.delete(name);
    await transaction.done;
  });
}

/**
 * Forget everything of an account: it signs out.
 * @param {string} userId
 */
export async function forgetKept(userId) {
  try {
    await deleteDB(nameOf(userId));
  } catch {
    // No database, so nothing was kept.
  }
}

/** @param {string} userId */
const nameOf = (userId) => `chat-kept-${userId}`;

/**
 * Do work with the database of an account; undefined where the browser cannot.
 * @template T
 * @param {string} userId
 * @param {(database: IDBPDatabase<Lists>) => Promise<T>} work
 */
async function use(userId, work) {
  try {
    const database = await /** @type {typeof openDB<Lists>} */ (openDB)(nameOf(userId), VERSION, {
      upgrade: (made) => {
        for (const name of made.objectStoreNames) made.deleteObjectStore(name);
        made.createObjectStore("lists", { keyPath: "name" }).createIndex("changed", "changed");
      },
      // Another tab signs out.
      blocking: (_old, _new, event) => /** @type {IDBDatabase} */ (event.target).close(),
    });
    try {
      return await work(database);
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}
