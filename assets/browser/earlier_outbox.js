// The outbox of an earlier version of the chat, in local storage.

import { transact } from "./database.js";
import { isEntry, withoutPosition } from "./outbox_entry.js";

/**
 * Move the messages that an earlier version of the chat kept in local storage.
 * @param {string} userId
 * @param {string} place the name of the item
 */
export async function moveEarlier(userId, place) {
  try {
    const kept = localStorage.getItem(place);
    if (!kept) return;
    /** @type {unknown} */
    const entries = JSON.parse(kept);
    if (!Array.isArray(entries)) return;
    await transact(async (transaction) => {
      const store = transaction.objectStore("outbox");
      for (const one of entries.filter(isEntry)) {
        const entry = withoutPosition({ ...one, user_id: userId });
        const isThere = await store.index("message").getKey([userId, entry.client_id]);
        if (isThere === undefined) await store.add(entry);
      }
    }, "strict");
    // A tab with the earlier version may have added one.
    if (localStorage.getItem(place) === kept) localStorage.removeItem(place);
  } catch {
    // They stay there until the browser can store them.
  }
}
