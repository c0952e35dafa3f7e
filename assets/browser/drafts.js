// Drafts: what a user has written in the box of each conversation and not sent. Each tab that writes
// has a draft of its own, so that none overwrites what another has typed. Drafts never leave the browser.

/** @import { Draft, Transaction } from "./database.js" */

/** @import { Quote } from "./messages.js" */

import { transact } from "./database.js";
import { publish } from "./tabs.js";

const TAB = "chat.tab";
/** @type {Draft} */
const NOTHING = { tab: "", text: "" };

const tab = Math.random().toString(36).slice(2);
/** This tab before it was loaded anew. */
const earlier = takeOver();
/** Replaces the database where it is blocked or full: drafts by user and conversation. @type {Map<string, Draft>} */
const unstored = new Map();

/**
 * Return the draft to show in a conversation: this tab's own, or else the latest of another.
 * @param {string} userId
 * @param {string} conversationId
 * @returns {Promise<Draft>}
 */
export async function readDraft(userId, conversationId) {
  const held = unstored.get(keyOf(userId, conversationId));
  if (held) return held;
  try {
    return await transact(async (transaction) => {
      const drafts = await draftsOf(transaction, userId, conversationId);
      await moveEarlier(transaction, userId, conversationId, drafts);
      const own = drafts.find((one) => one.tab === tab) ?? drafts.find((one) => one.tab === earlier);
      return own ?? drafts.at(-1) ?? NOTHING;
    });
  } catch {
    return NOTHING;
  }
}

/**
 * Return whether this tab has a draft of its own in a conversation.
 * @param {string} userId
 * @param {string} conversationId
 */
export async function hasOwnDraft(userId, conversationId) {
  if (unstored.has(keyOf(userId, conversationId))) return true;
  try {
    return await transact(async (transaction) => {
      const drafts = await draftsOf(transaction, userId, conversationId);
      return drafts.some((one) => one.tab === tab);
    });
  } catch {
    return true;
  }
}

/**
 * Store this tab's draft of a conversation, in place of the one of the tab `follows` that the user went
 * on writing; one without a text and a message to reply to is removed.
 * @param {string} userId
 * @param {string} conversationId
 * @param {string} text
 * @param {string} follows
 * @param {Quote} [reply] the message that it replies to
 */
export async function keepDraft(userId, conversationId, text, follows, reply = undefined) {
  const key = keyOf(userId, conversationId);
  try {
    await transact((transaction) => putDraft(transaction, userId, conversationId, text, follows, reply));
    unstored.delete(key);
    publish({ user: userId, draft: conversationId });
  } catch {
    if (text || reply) unstored.set(key, { tab, text, reply });
    else unstored.delete(key);
  }
}

/**
 * Change this tab's draft of a conversation as a part of a transaction.
 * @param {Transaction} transaction
 * @param {string} userId
 * @param {string} conversationId
 * @param {string} text
 * @param {string} follows
 * @param {Quote} [reply]
 */
export async function putDraft(transaction, userId, conversationId, text, follows, reply = undefined) {
  const all = await draftsOf(transaction, userId, conversationId);
  const drafts = all.filter((one) => one.tab !== tab && one.tab !== follows);
  if (text || reply) drafts.push({ tab, text, reply });
  const store = transaction.objectStore("drafts");
  if (drafts.length) await store.put({ user_id: userId, conversation_id: conversationId, drafts });
  else await store.delete([userId, conversationId]);
}

/**
 * Remove all drafts of a user from this browser.
 * @param {string} userId
 */
export async function forgetDrafts(userId) {
  for (const key of unstored.keys()) if (key.startsWith(keyOf(userId, ""))) unstored.delete(key);
  for (const key of earlierKeys(userId)) localStorage.removeItem(key);
  try {
    await transact((transaction) =>
      transaction.objectStore("drafts").delete(IDBKeyRange.bound([userId], [userId, []])),
    );
  } catch {
    // Nothing is stored where nothing can be.
  }
  publish({ user: userId, forgotten: true });
}

/**
 * Remove the drafts of a conversation that the user is in no more.
 * @param {string} userId
 * @param {string} conversationId
 */
export async function forgetDraft(userId, conversationId) {
  unstored.delete(keyOf(userId, conversationId));
  try {
    await transact((transaction) => transaction.objectStore("drafts").delete([userId, conversationId]));
  } catch {
    // Nothing is stored where nothing can be.
  }
}

/** Return whether some draft lasts only as long as this page. */
export const hasUnstoredDraft = () => unstored.size > 0;

/**
 * Move the draft that an earlier version kept in local storage.
 * @param {Transaction} transaction
 * @param {string} userId
 * @param {string} conversationId
 * @param {Draft[]} drafts
 */
async function moveEarlier(transaction, userId, conversationId, drafts) {
  const key = keyOf(userId, conversationId);
  const text = readEarlier(key);
  if (!text) return;
  drafts.unshift({ tab: "earlier", text });
  await transaction.objectStore("drafts").put({ user_id: userId, conversation_id: conversationId, drafts });
  void transaction.done.then(() => localStorage.removeItem(key));
}

/**
 * @param {Transaction} transaction
 * @param {string} userId
 * @param {string} conversationId
 */
async function draftsOf(transaction, userId, conversationId) {
  const record = await transaction.objectStore("drafts").get([userId, conversationId]);
  // Values changed by hand must not stop the others.
  return Array.isArray(record?.drafts) ? record.drafts.filter(isDraft) : [];
}

/**
 * @param {unknown} value
 * @returns {value is Draft}
 */
function isDraft(value) {
  if (typeof value !== "object" || value === null) return false;
  const draft = /** @type {Record<string, unknown>} */ (value);
  return typeof draft.tab === "string" && typeof draft.text === "string";
}

/**
 * Return the key of a draft; earlier versions kept it under this key in local storage.
 * @param {string} userId
 * @param {string} conversationId
 */
const keyOf = (userId, conversationId) => `chat.draft.${userId}.${conversationId}`;

/** @param {string} key */
function readEarlier(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} userId */
function earlierKeys(userId) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(keyOf(userId, "")));
  } catch {
    return [];
  }
}

/** Return the name of this tab before it was loaded anew, and store the present one. */
function takeOver() {
  try {
    const before = sessionStorage.getItem(TAB) ?? "";
    sessionStorage.setItem(TAB, tab);
    return before;
  } catch {
    return "";
  }
}
