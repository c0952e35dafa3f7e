// An entry of the outbox: a message as the browser stores it.

/** @import { Attached } from "./attached_files.js" */
/** @import { Entry } from "./database.js" */

/**
 * Name a message at its place in the order.
 * @param {Entry} entry
 */
export const placeOf = ({ client_id, position }) => `${client_id} ${position ?? ""}`;

/**
 * Return a message as it is stored, at the end of all others.
 * @param {Entry} entry
 * @returns {Entry}
 */
export function withoutPosition({ user_id, client_id, conversation_id, content, at, reason, reply, files }) {
  return { user_id, client_id, conversation_id, content, at, reason, reply: isReply(reply) ? reply : undefined, files };
}

/**
 * @param {Entry} one
 * @param {Entry} other
 */
export const byPosition = (one, other) => (one.position ?? 0) - (other.position ?? 0);

/**
 * Return whether a stored value is an entry: values changed by hand must not stop the others.
 * @param {unknown} value
 * @returns {value is Entry}
 */
export function isEntry(value) {
  const texts = ["client_id", "conversation_id", "content", "at", "reason"];
  if (typeof value !== "object" || value === null) return false;
  const entry = /** @type {Record<string, unknown>} */ (value);
  return texts.every((name) => typeof entry[name] === "string");
}

/**
 * Return whether a stored value names a message to reply to: values changed by hand must not stop a message.
 * @param {unknown} value
 */
export const isReply = (value) => typeof value === "object" && value !== null && "id" in value && typeof value.id === "string";

/**
 * Return the files of an entry; values changed by hand must not stop a message.
 * @param {{ files?: unknown }} entry
 * @returns {Attached[]}
 */
export function filesOf({ files }) {
  const list = /** @type {Attached[]} */ (Array.isArray(files) ? files : []);
  return list.filter((file) => typeof file?.id === "string" && typeof file.name === "string");
}

/**
 * Return an entry with a change of one of its files, or without that file.
 * @param {Entry} entry
 * @param {string} id
 * @param {Partial<Attached>} [change]
 * @returns {Entry}
 */
export function withFile(entry, id, change) {
  const files = filesOf(entry).flatMap((file) => (file.id !== id ? [file] : change ? [{ ...file, ...change }] : []));
  return { ...entry, files: files.length ? files : undefined };
}

/**
 * Return the first file of an entry that has to be uploaded.
 * @param {Entry} entry
 */
export const unready = (entry) => filesOf(entry).find((file) => !file.file_id && !file.reason);

/**
 * Return whether all files of an entry are uploaded.
 * @param {Entry} entry
 */
export const isReady = (entry) => filesOf(entry).every((file) => file.file_id);

/** Return a random id. crypto.randomUUID exists on secure origins only, not over plain HTTP. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
