// The messages of the outbox as a list of the store, `waiting:` and the conversation. A message that
// was just stored stays in it until the server has sent it back.

/** @import { Entry } from "./outbox.js" */
/** @import { Store } from "./store.js" */

import { outboxOf } from "./outbox.js";

/**
 * Keep the list of a conversation like the outbox, and return a function that ends that.
 * @param {Store} store
 * @param {string} userId
 * @param {string} conversationId
 */
export function watchWaiting(store, userId, conversationId) {
  if (!userId || !conversationId) return () => undefined;
  const outbox = outboxOf(userId);
  const name = `waiting:${conversationId}`;
  const messages = `messages:${conversationId}`;
  /** @type {Map<string, Entry>} */
  const sent = new Map();
  /** @type {Entry[]} */
  let before = [];

  function show(justSent = "", removed = "") {
    const waiting = outbox.of(conversationId);
    const ids = new Set(waiting.map((entry) => entry.client_id));
    for (const entry of before) {
      // Another tab may have posted a message that waited here.
      const isSent = entry.client_id === justSent || !entry.reason;
      if (!ids.has(entry.client_id) && entry.client_id !== removed && isSent) sent.set(entry.client_id, entry);
    }
    before = waiting;
    for (const row of store.read(messages).rows) sent.delete(String(row.client_id));
    for (const id of ids) sent.delete(id);
    const rows = [...[...sent.values()].map((entry) => rowOf(entry, "Sent")), ...waiting.map((entry) => rowOf(entry))];
    store.apply([{ list: name, reset: true, put: rows.map((one, order) => ({ ...one, order })) }]);
  }

  const stops = [outbox.subscribe(show), store.subscribe(messages, () => sent.size && show())];
  show();
  return () => stops.forEach((stop) => stop());
}

/** @param {Entry} entry */
function rowOf({ client_id, content, at, reason, reply }, state = reason ? "Failed" : "Queued") {
  return { id: client_id, client_id, content, at, reason, state, reply };
}
