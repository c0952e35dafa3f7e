// The messages that the page shows, for what is done with one of them: its row, its quote, its edit.

/** @import { Author, Message, Quote } from "./messages.js" */
/** @import { MessageRow } from "./offered.js" */

import { filesText } from "./file_words.js";
import { store } from "./replica.js";

/**
 * Return the row of a message, undefined where the page does not have it.
 * @param {string} conversationId
 * @param {string | undefined} id
 * @returns {MessageRow | undefined}
 */
export function rowOf(conversationId, id) {
  const rows = /** @type {readonly MessageRow[]} */ (store.read(`messages:${conversationId}`).rows);
  return rows.find((one) => one.id === id);
}

/**
 * A message that the composer edits. With files it may have no text.
 * @typedef {{ id: string | undefined, text: string, hasFiles: boolean }} EditedMessage
 */

/**
 * Ask the composer to edit one of the user's own messages.
 * @param {HTMLElement} article
 */
export function edit(article) {
  const { id } = article.dataset;
  const conversation = article.closest("chat-timeline")?.getAttribute("conversation-id") ?? "";
  // As it was written: the bubble shows it without its marks.
  const row = rowOf(conversation, id);
  /** @type {EditedMessage} */
  const detail = { id, text: row?.text ?? "", hasFiles: Boolean(row?.files?.length) };
  dispatchEvent(new CustomEvent("chat:edit-message", { detail }));
}

/**
 * Return a message as a reply quotes it; undefined where the page does not have it.
 * @param {string} conversationId
 * @param {string} id
 */
export function quoteOf(conversationId, id) {
  const rows = /** @type {readonly Message[]} */ (store.read(`messages:${conversationId}`).rows);
  const row = rows.find((one) => one.id === id);
  return row && quoteFrom(row);
}

/**
 * Return a message as a reply quotes it.
 * @param {Message} row
 * @returns {Quote}
 */
export function quoteFrom(row) {
  const authors = /** @type {readonly Author[]} */ (store.read("authors").rows);
  const author = authors.find((one) => one.id === row.sender_id);
  return {
    id: row.id,
    seq: Number(row.order),
    sender_id: row.sender_id,
    name: author?.name ?? "",
    tone: author?.tone ?? "",
    excerpt: [...(row.text || filesText(row.files ?? []))].slice(0, 140).join(""),
    deleted: false,
  };
}

/** Return the newest message that the user can edit. */
export function lastOwn() {
  const own = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("article.mine[data-id]:not(.deleted)"));
  return [...own].reverse().find((one) => !one.querySelector(".forwarded"));
}
