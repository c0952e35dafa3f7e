// The items of the menu of a message.

/**
 * A row of the list of messages, as far as actions need it.
 * @typedef {import("./messages.js").Message & { deleted?: boolean }} MessageRow
 */

/** @typedef {{ kind: string, role: string, may_write: boolean, friendship: string, peer_id: string }} Chat */

/**
 * Return what a user may do with a message, as far as the page knows.
 * @param {MessageRow | undefined} row
 * @param {Chat | undefined} chat
 * @param {{ isMine: boolean, isSaved: boolean }} state
 * @returns {string[]}
 */
export function offeredFor(row, chat, { isMine, isSaved }) {
  const of = (/** @type {boolean | undefined} */ condition, /** @type {string[]} */ ...actions) => (condition ? actions : []);
  const isThere = row !== undefined && !row.deleted;
  const isGroup = chat?.kind === "group";
  const writes = isThere && chat?.may_write && chat.friendship !== "blocked" && (isGroup || chat.peer_id !== "");
  const pins = writes && (!isGroup || chat.role !== "member");
  return [
    "copy-link",
    ...of(writes, "react", "reply"),
    // A forward has the words of somebody else.
    ...of(writes && isMine && !row.forwarded, "edit"),
    ...of(isThere, "forward", "copy-text", isSaved ? "unsave" : "save", "remind"),
    ...of(pins, row?.pinned ? "unpin" : "pin"),
    ...of(isThere && Boolean(row.reactions?.length), "reactors"),
    ...of(!isMine, "unread"),
    ...of(isThere && !isMine, "report"),
    ...of(isMine && isGroup, "readers"),
    ...of(isMine, "delete"),
  ];
}
