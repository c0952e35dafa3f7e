// The messages of the outbox as a list of the store, `waiting:` and the conversation. A message that
// was just stored stays in it until the server has sent it back.

/** @import { Attached } from "./attached_files.js" */
/** @import { ShownFile } from "./attachments.js" */
/** @import { Entry } from "./outbox.js" */
/** @import { Store } from "./store.js" */

import { reasonOf, urlOf } from "./attached_files.js";
import { outboxOf } from "./outbox.js";
import { filesOf } from "./outbox_entry.js";

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
    if (waiting.some((entry) => entry.files)) void import("./upload_progress.js").catch(() => undefined);
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
function rowOf(entry, state = entry.reason ? "Failed" : "Queued") {
  const { client_id, content, at, reason, reply } = entry;
  const files = filesOf(entry).map((file) => shownFile(file, entry));
  return { id: client_id, client_id, content, at, reason, state, reply, files };
}

/**
 * Return a file as the page shows it from its own bytes.
 * @param {Attached} file
 * @param {Entry} entry
 * @returns {ShownFile}
 */
function shownFile(file, { user_id, reason: isRefused }) {
  const { id, name, description = "", type, size, width = 0, height = 0, duration = 0, file_id: fileId, unkept = false } = file;
  const url = urlOf(id);
  const reason = reasonOf(file);
  const isUploading = !fileId && !reason && !isRefused;
  const waits = { user: user_id, isUploading, reason, canRetry: url !== "", isUnkept: unkept && isUploading };
  return { id, name, description, type, size, width, height, duration, thumb: url, placeholder: "", url, waits };
}
