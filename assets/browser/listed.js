// Which conversations the side pane lists, by the choice that the reader made (filter.js).

/** @import { Row } from "./store.js" */

/** @typedef {"all" | "unread" | "groups"} Choice */

/**
 * A row of the list of conversations. What an older version of the chat kept lacks the later fields.
 * @typedef {Row & { unread: number, kind?: string, mentions?: number, favourite?: boolean, archived?: boolean }} Conversation
 */

/**
 * Return the conversations to list, favourites first and newest first, without archived ones.
 * @param {readonly Conversation[]} rows the newest last
 * @param {Choice} choice
 * @param {string} openId the open one stays among the unread while it is read
 */
export function listed(rows, choice, openId) {
  const chosen = rows.filter((row) => !row.archived && fits(row, choice, openId)).reverse();
  return [...chosen.filter((row) => row.favourite), ...chosen.filter((row) => !row.favourite)];
}

/**
 * Return the archived conversations, newest first.
 * @param {readonly Conversation[]} rows
 */
export const archived = (rows) => rows.filter((row) => row.archived).reverse();

/**
 * @param {Conversation} row
 * @param {Choice} choice
 * @param {string} openId
 */
function fits(row, choice, openId) {
  if (choice === "unread") return row.unread > 0 || row.id === openId;
  return choice !== "groups" || row.kind === "group";
}
