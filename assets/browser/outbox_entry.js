// An entry of the outbox: a message as the browser stores it.

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
export function withoutPosition({ user_id, client_id, conversation_id, content, at, reason, reply }) {
  return { user_id, client_id, conversation_id, content, at, reason, reply: isReply(reply) ? reply : undefined };
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

/** Return a random id. crypto.randomUUID exists on secure origins only, not over plain HTTP. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
