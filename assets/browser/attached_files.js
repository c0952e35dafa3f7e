// The files of messages that wait in the outbox: their bytes, and addresses under which the page shows them.

/** @import { Entry, Transaction } from "./database.js" */

import { filesOf, newId } from "./outbox_entry.js";
import { say } from "./texts.js";

/**
 * A file of a message that waits. `file_id` is that of the server, once it is uploaded; `reason` is why it
 * was refused. The sizes of a picture are known before it is shown.
 * @typedef {object} Attached
 * @property {string} id
 * @property {string} name
 * @property {string} [description] for people who do not see it
 * @property {string} type
 * @property {number} size
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [duration] s
 * @property {string} [file_id]
 * @property {string} [reason]
 * @property {boolean} [unkept] whether the browser had no room for its bytes
 * @property {boolean} [again] whether it was uploaded a second time
 */

/** A file with its bytes, before it is in the outbox. @typedef {Attached & { blob: Blob }} Chosen */

// Pictures that were sent are shown from here: they would flash if they were loaded anew.
const MAX_HELD = 40;
const LOST = say("This browser had no room to keep this file. Remove it, and attach it again.");

/** The files whose bytes this page has. @type {Map<string, { blob: Blob, url: string }>} */
const held = new Map();

/**
 * Hold the bytes of a file.
 * @param {string} id
 * @param {Blob} blob
 */
export function hold(id, blob) {
  if (held.has(id)) return;
  held.set(id, { blob, url: URL.createObjectURL(blob) });
}

/**
 * Return the bytes of a file, undefined where this page does not have them.
 * @param {string} id
 */
export const blobOf = (id) => held.get(id)?.blob;

/**
 * Return the address of a file in this page, "" where the page does not have its bytes.
 * @param {string} id
 */
export const urlOf = (id) => held.get(id)?.url ?? "";

/**
 * Let a file be found by the id that the server has given it, too.
 * @param {string} id
 * @param {string} fileId
 */
export function adopt(id, fileId) {
  const found = held.get(id);
  if (found) held.set(fileId, found);
}

/** Release the oldest addresses of files that nothing waits for. @param {Set<string>} waiting */
export function releaseOthers(waiting) {
  const others = [...held].filter(([id]) => !waiting.has(id));
  const kept = new Set([...held].filter(([id]) => waiting.has(id)).map(([, { url }]) => url));
  for (const [id, { url }] of others.slice(0, Math.max(0, others.length - MAX_HELD))) {
    held.delete(id);
    const isUsed = kept.has(url) || [...held.values()].some((one) => one.url === url);
    if (!isUsed) URL.revokeObjectURL(url);
  }
}

/**
 * Return what is known of a chosen file without its bytes.
 * @param {Attached} file
 * @returns {Attached}
 */
export function noteOf({ id, name, description, type, size, width, height, duration }) {
  return { id, name, description, type, size, width, height, duration };
}

/**
 * Bring a message that waited back into the composer: its text, its files, and what it replies to.
 * @param {Entry} entry
 */
export function writeAgain(entry) {
  const files = filesOf(entry).flatMap((file) => {
    const blob = blobOf(file.id);
    return blob ? [{ ...noteOf(file), id: newId(), blob }] : [];
  });
  if (entry.content) dispatchEvent(new CustomEvent("chat:edit", { detail: entry.content }));
  if (files.length) dispatchEvent(new CustomEvent("chat:attach", { detail: { files } }));
  if (entry.reply) dispatchEvent(new CustomEvent("chat:reply", { detail: entry.reply }));
}

/**
 * Store the bytes of files, beside the message that has them.
 * @param {Transaction} transaction
 * @param {string} userId
 * @param {Attached[]} files
 */
export async function putFiles(transaction, userId, files) {
  for (const { id } of files) {
    const blob = blobOf(id);
    if (blob) await transaction.objectStore("files").put({ id, user_id: userId, blob });
  }
}

/**
 * Remove the bytes of files.
 * @param {Transaction} transaction
 * @param {{ id: string }[]} files
 */
export async function dropFiles(transaction, files) {
  for (const { id } of files) await transaction.objectStore("files").delete(id);
}

/**
 * Hold the bytes that are stored for a user.
 * @param {Transaction} transaction
 * @param {string} userId
 */
export async function holdStored(transaction, userId) {
  for (const { id, blob } of await transaction.objectStore("files").index("user").getAll(userId)) hold(id, blob);
}

/**
 * Return why a file cannot be sent, "" where it can.
 * @param {Attached} file
 */
export const reasonOf = ({ id, reason, file_id: fileId }) => reason || (fileId || held.has(id) ? "" : LOST);
