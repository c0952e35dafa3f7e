// Drafts: what a user has written in the box of each conversation and not sent. Each tab that writes
// has a draft of its own, so that none overwrites what another has typed. drafts_everywhere.js brings the
// latest of them to the other devices.

/** @import { Agreed, Draft, Drafts, Transaction } from "./database.js" */

/** @import { Quote } from "./messages.js" */

import { transact } from "./database.js";
import { publish } from "./tabs.js";

/** @typedef {{ agreed: Agreed, aside: Agreed[] }} Shared */
/** A draft that is being stored, and the tab whose draft it goes on with. @typedef {Draft & { follows: string }} Leaving */

const TAB = "chat.tab";
/** @type {Agreed} */
const NOT_SHARED = { text: "", reply_to: "", version: 0 };
/** @type {Draft} */
const NOTHING = { tab: "", text: "" };

const tab = Math.random().toString(36).slice(2);
/** This tab before it was loaded anew. */
const earlier = takeOver();
/** Replaces the database where it is blocked or full: drafts by user and conversation. @type {Map<string, Draft>} */
const unstored = new Map();
/** The same for what the server has. @type {Map<string, Shared>} */
const unstoredShared = new Map();
/** Drafts that are being stored, by user and conversation: a page that is left in the meantime would lose them. @type {Map<string, Leaving>} */
const storing = new Map();

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
      const { drafts } = await recordOf(transaction, userId, conversationId);
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
      const { drafts } = await recordOf(transaction, userId, conversationId);
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
  const kept = { tab, text, reply, follows };
  storing.set(key, kept);
  try {
    await transact((transaction) => putDraft(transaction, userId, conversationId, text, follows, reply));
    unstored.delete(key);
    publish({ user: userId, draft: conversationId });
  } catch {
    if (text || reply) unstored.set(key, { tab, text, reply });
    else unstored.delete(key);
  }
  if (storing.get(key) === kept) storing.delete(key);
}

// A page that is left ends its transactions: what they have not stored yet, local storage keeps until
// the conversation is opened again.
/** @type {Set<string>} */
const leftBehind = new Set();
globalThis.addEventListener?.("pagehide", () => {
  for (const [key, kept] of storing) {
    writeEarlier(key, JSON.stringify(kept));
    leftBehind.add(key);
  }
});

// The page was not left after all: it goes on with what it was storing.
globalThis.addEventListener?.("pageshow", () => {
  for (const key of leftBehind) localStorage.removeItem(key);
  leftBehind.clear();
});

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
  const record = await recordOf(transaction, userId, conversationId);
  const drafts = record.drafts.filter((one) => one.tab !== tab && one.tab !== follows);
  if (text || reply) drafts.push({ tab, text, reply });
  await putRecord(transaction, { ...record, drafts });
}

/**
 * Return the draft of a conversation that this browser and the server had last in common, and those that
 * gave way to another.
 * @param {string} userId
 * @param {string} conversationId
 */
export async function readShared(userId, conversationId) {
  const held = unstoredShared.get(keyOf(userId, conversationId));
  if (held) return held;
  try {
    return sharedOf(await transact((transaction) => recordOf(transaction, userId, conversationId)));
  } catch {
    return sharedOf({});
  }
}

/**
 * Store what `readShared` returns.
 * @param {string} userId
 * @param {string} conversationId
 * @param {Agreed} agreed
 * @param {Agreed[]} aside
 */
export async function keepShared(userId, conversationId, agreed, aside) {
  const key = keyOf(userId, conversationId);
  try {
    await transact(async (transaction) => {
      const record = await recordOf(transaction, userId, conversationId);
      await putRecord(transaction, { ...record, agreed, aside });
    });
    unstoredShared.delete(key);
  } catch {
    unstoredShared.set(key, { agreed, aside });
  }
}

/**
 * Return the conversations whose latest draft is not the one that the server had last.
 * @param {string} userId
 * @returns {Promise<{ conversation_id: string, draft: Draft, agreed: Agreed }[]>}
 */
export async function unsharedDrafts(userId) {
  try {
    for (const key of earlierKeys(userId)) {
      const conversationId = key.slice(keyOf(userId, "").length);
      await transact(async (transaction) => {
        const { drafts } = await recordOf(transaction, userId, conversationId);
        await moveEarlier(transaction, userId, conversationId, drafts);
      });
    }
    const records = await transact((transaction) => transaction.objectStore("drafts").getAll(allOf(userId)));
    return records.flatMap((record) => {
      const { agreed } = sharedOf(record);
      const draft = (Array.isArray(record.drafts) ? record.drafts.filter(isDraft) : []).at(-1) ?? NOTHING;
      const isShared = draft.text === agreed.text && (draft.reply?.id ?? "") === agreed.reply_to;
      return isShared ? [] : [{ conversation_id: record.conversation_id, draft, agreed }];
    });
  } catch {
    return [];
  }
}

/**
 * Forget the drafts of a user that this page holds, where another tab has removed them.
 * @param {string} userId
 */
export function forgetHeld(userId) {
  for (const held of [unstored, unstoredShared, storing]) {
    for (const key of held.keys()) if (key.startsWith(keyOf(userId, ""))) held.delete(key);
  }
}

/**
 * Remove all drafts of a user from this browser.
 * @param {string} userId
 */
export async function forgetDrafts(userId) {
  forgetHeld(userId);
  for (const key of earlierKeys(userId)) localStorage.removeItem(key);
  try {
    await transact((transaction) => transaction.objectStore("drafts").delete(allOf(userId)));
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
  unstoredShared.delete(keyOf(userId, conversationId));
  try {
    await transact((transaction) => transaction.objectStore("drafts").delete([userId, conversationId]));
  } catch {
    // Nothing is stored where nothing can be.
  }
}

/** Return whether some draft lasts only as long as this page. */
export const hasUnstoredDraft = () => unstored.size > 0;

/**
 * Move the draft that local storage keeps into `drafts`: of a page that was left, or of an earlier version.
 * @param {Transaction} transaction
 * @param {string} userId
 * @param {string} conversationId
 * @param {Draft[]} drafts
 */
async function moveEarlier(transaction, userId, conversationId, drafts) {
  const key = keyOf(userId, conversationId);
  const written = readEarlier(key);
  if (!written) return;
  const left = leavingOf(written);
  if (left) {
    const { follows, ...draft } = left;
    const others = drafts.filter((one) => one.tab !== draft.tab && one.tab !== follows);
    drafts.splice(0, drafts.length, ...others, ...(draft.text || draft.reply ? [draft] : []));
  } else drafts.unshift({ tab: "earlier", text: written });
  await putRecord(transaction, { ...(await recordOf(transaction, userId, conversationId)), drafts });
  void transaction.done.then(() => localStorage.removeItem(key));
}

/**
 * Return the draft of a page that was left; undefined for that of an earlier version, which was its text.
 * @param {string} written
 */
function leavingOf(written) {
  try {
    /** @type {unknown} */
    const left = JSON.parse(written);
    return isDraft(left) && "follows" in left ? /** @type {Leaving} */ (left) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {Transaction} transaction
 * @param {string} userId
 * @param {string} conversationId
 * @returns {Promise<Drafts>}
 */
async function recordOf(transaction, userId, conversationId) {
  const record = await transaction.objectStore("drafts").get([userId, conversationId]);
  // Values changed by hand must not stop the others.
  const drafts = Array.isArray(record?.drafts) ? record.drafts.filter(isDraft) : [];
  return { ...sharedOf(record ?? {}), user_id: userId, conversation_id: conversationId, drafts };
}

/**
 * @param {Transaction} transaction
 * @param {Drafts} record
 */
async function putRecord(transaction, record) {
  const store = transaction.objectStore("drafts");
  const isNeeded = record.drafts.length || record.aside?.length || record.agreed?.version;
  if (isNeeded) await store.put(record);
  else await store.delete([record.user_id, record.conversation_id]);
}

/**
 * @param {{ agreed?: unknown, aside?: unknown }} record
 * @returns {Shared}
 */
function sharedOf({ agreed, aside }) {
  return {
    agreed: isAgreed(agreed) ? agreed : NOT_SHARED,
    aside: Array.isArray(aside) ? aside.filter(isAgreed) : [],
  };
}

/**
 * Return the range of all drafts of a user.
 * @param {string} userId
 */
const allOf = (userId) => IDBKeyRange.bound([userId], [userId, []]);

/**
 * @param {unknown} value
 * @returns {value is Agreed}
 */
function isAgreed(value) {
  const { text, reply_to: replyTo, version } = /** @type {Record<string, unknown>} */ (value ?? {});
  return typeof text === "string" && typeof replyTo === "string" && typeof version === "number";
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

/**
 * @param {string} key
 * @param {string} written
 */
function writeEarlier(key, written) {
  try {
    localStorage.setItem(key, written);
  } catch {
    // Nothing is stored where nothing can be.
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
