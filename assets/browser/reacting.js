// Sends the reactions that the reader presses. The list "pressed" of the store holds them until the page
// has the server's state: they are shown at once, and undone where the server refuses.

/** @import { Pressed } from "./reactions.js" */

import { ask } from "./ask.js";
import { store } from "./replica.js";

const LIST = "pressed";
/** How long after the server's answer a pressed reaction is shown without its event, in ms. */
const PATIENCE = 10_000;

/** The last press of each reaction of a message: what is wanted now. @type {Map<string, { added: boolean, isSending: boolean }>} */
const wanted = new Map();

/**
 * Add a reaction of the reader's to a message, or take it back; return "" or why that was refused. Pressed
 * again meanwhile, it is sent again afterwards.
 * @param {string} messageId
 * @param {string} emoji
 * @param {boolean} added
 * @returns {Promise<string>}
 */
export async function react(messageId, emoji, added) {
  const id = `${messageId} ${emoji}`;
  /** @type {Pressed} */
  const row = { id, message_id: messageId, emoji, added };
  store.apply([{ list: LIST, put: [row] }]);
  const state = wanted.get(id) ?? { added, isSending: false };
  wanted.set(id, state);
  state.added = added;
  if (state.isSending) return "";
  state.isSending = true;
  /** @type {boolean} */
  let sent;
  /** @type {string} */
  let problem;
  do {
    sent = state.added;
    const path = `/api/messages/${messageId}/reactions/${encodeURIComponent(emoji)}`;
    problem = await ask(sent ? "PUT" : "DELETE", path, undefined, (body) => Array.isArray(body.reactions));
  } while (state.added !== sent);
  wanted.delete(id);
  if (problem) drop(row);
  else setTimeout(() => drop(row), PATIENCE);
  return problem;
}

/**
 * Show a reaction no more as pressed, unless it was pressed again.
 * @param {Pressed} row
 */
function drop({ id }) {
  if (!wanted.has(id)) store.apply([{ list: LIST, drop: [id] }]);
}
