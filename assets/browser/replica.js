// The page's copy of what the server shows of an account: its store, the patches that come on the
// live link, what the browser keeps of it, and React's hooks to read it.

/** @import { About, Content, Patch, Row } from "./store.js" */
/** @import { Author, Shown, Waiting } from "./messages.js" */
/** @import { Pressed } from "./reactions.js" */

import { useDeferredValue, useEffect, useSyncExternalStore } from "react";
import { forgetDraft } from "./drafts.js";
import { forgetPicks } from "./emoji_data.js";
import { forgetKept, keep, readKept } from "./kept.js";
import { endOf, keptMessages, mergeMessages, shownMessages } from "./messages.js";
import { noteServerTime } from "./server_clock.js";
import { EMPTY, isContent, Store } from "./store.js";
import { worded } from "./texts.js";
import { watchWaiting } from "./waiting.js";

const KEEP_AFTER = 300;
const ACCOUNT = "account";
const CLOCK = "clock";
const ACCOUNT_KEY = "chat.account";
/** Facts about a list that nothing changes any more: it is opened at its end, wherever it was left. */
export const NOT_LIVE = { kept: true, follows: true, newer: false };
/** The texts without which a kept row cannot be drawn. @type {Record<string, string[]>} */
const FIELDS = {
  conversations: ["order", "href", "name", "letters", "tone", "preview", "at"],
  chats: ["name", "letters", "tone", "peer_id", "friendship", "last_seen"],
  authors: ["name", "letters", "tone"],
  people: ["order", "group", "name", "about", "letters", "tone"],
  due: ["href", "author", "about", "text"],
};
/** Lists of the present moment, which are not kept. */
const PASSING = new Set(["typing", "trouble", "clock", "waiting", "group", "members", "channels", "mentions", "invitation", "found", "pinned", "bookmarks", "scheduled", "reminders", "hits", "goto", "pressed"]);

export const store = new Store({ messages: mergeMessages });

let userId = "";
/** Whether another tab has signed this account out. */
let isOver = false;
/** @type {Set<string>} */
const unkept = new Set();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * Remove a row from a list, here and from what is kept, at once: the user is done with it.
 * @param {string} list
 * @param {string} id
 */
export function dropRow(list, id) {
  onPatch([{ list, drop: [id] }]);
  void keepChanges();
}

/** @param {Patch[]} sent */
function onPatch(sent) {
  const patches = worded(sent);
  const account = patches.find((patch) => patch.list === ACCOUNT)?.about?.user_id;
  if (account === "") void forgetAccount();
  else if (typeof account === "string" && account !== userId) become(account);
  const now = patches.find((patch) => patch.list === CLOCK)?.about?.now;
  if (typeof now === "number") noteServerTime(now);
  for (const { list, about } of patches) if (about?.gone) void forgetDraft(userId, list.slice(list.indexOf(":") + 1));
  for (const name of store.apply(patches)) if (!PASSING.has(kind(name))) unkept.add(name);
  if (unkept.size) timer ??= setTimeout(() => void keepChanges(), KEEP_AFTER);
}

/**
 * Show the lists of an account, and of no other.
 * @param {string} account
 */
function become(account) {
  leave();
  userId = account;
  write(account);
  if (account) void restore(account);
}

/** Show and keep nothing more of the account: its session in this browser is over, however it ended. */
function leave() {
  if (!userId) return;
  store.clear();
  unkept.clear();
  void forgetKept(userId);
  void forgetPicks();
  userId = "";
}

/** @param {string} account */
async function restore(account) {
  const lists = await readKept(account);
  if (account !== userId) return;
  for (const { name, rows, about } of lists) {
    const content = past(name, { rows, about });
    if (content) store.restore(name, content);
  }
  store.restore(ACCOUNT, { rows: [], about: { user_id: account } });
}

/**
 * Return a kept list without what was true only then; undefined where it cannot be shown.
 * @param {string} name
 * @param {Content} content
 * @returns {Content | undefined}
 */
function past(name, content) {
  if (!isContent(content) || !content.rows.every((row) => hasFields(row, FIELDS[kind(name)] ?? []))) return undefined;
  const shown = kind(name) === "messages" ? keptMessages(content) : content;
  if (!shown) return undefined;
  const rows = shown.rows.map((row) => (row.online ? { ...row, online: false } : row));
  return { rows, about: { ...shown.about, unread_from: 0, problem: "", ...NOT_LIVE } };
}

/**
 * @param {Row} row
 * @param {string[]} names
 */
const hasFields = (row, names) => names.every((name) => typeof row[name] === "string");

async function keepChanges() {
  clearTimeout(timer);
  timer = undefined;
  const lists = new Map([...unkept].map((name) => [name, store.read(name)]));
  unkept.clear();
  if (userId && !isOver) await keep(userId, lists);
}

/** Forget the account in this browser: it signs out. Messages that wait are kept by the outbox. */
export async function forgetAccount() {
  const account = userId;
  become("");
  if (account) await forgetKept(account);
}

/**
 * Show nothing more of an account that another tab signs out, or replaces by another one. A page that is
 * offline could load nothing else: it stays until it is online, so that what is being written is not lost.
 * @param {StorageEvent} event
 */
function followOtherTabs({ key, newValue }) {
  if (key !== ACCOUNT_KEY || !userId || newValue === userId) return;
  isOver = true;
  if (navigator.onLine) leaveForOther();
}

function leaveForOther() {
  if (!isOver) return;
  leave();
  dispatchEvent(new CustomEvent("chat:other-account"));
}

/** @param {string} name */
const kind = (name) => name.split(":", 1)[0];

/** @param {string} account */
function write(account) {
  try {
    if (account) localStorage.setItem(ACCOUNT_KEY, account);
    else localStorage.removeItem(ACCOUNT_KEY);
  } catch {
    // Storage is blocked: nothing is kept.
  }
}

/** Return the account that signed in here last, before the server has answered. */
function lastAccount() {
  try {
    return localStorage.getItem(ACCOUNT_KEY) ?? "";
  } catch {
    return "";
  }
}

// ---- The link

/**
 * Send an event to a handler of the server; return whether it was sent.
 * @param {string} name
 * @param {Record<string, unknown>} payload
 */
export function send(name, payload) {
  if (!window.chatLink?.connected) return false;
  const { pathname, search, hash } = location;
  const router_data = { pathname, asPath: pathname + search + hash };
  window.chatLink.emit("event", { name, payload, router_data });
  return true;
}

if (globalThis.document) {
  addEventListener("storage", followOtherTabs);
  addEventListener("online", leaveForOther);
  addEventListener("pagehide", () => void keepChanges());
  const account = lastAccount();
  if (account) become(account);
  const early = /** @type {Patch[][]} */ (window.chatPatches ?? []);
  window.chatPatches = { push: onPatch };
  for (const patches of early) onPatch(patches);
}

// ---- Hooks

/** @type {Map<string, (listener: () => void) => () => void>} */
const subscriptions = new Map();

/** @param {string} name */
function subscriptionTo(name) {
  const subscription = subscriptions.get(name) ?? ((listener) => store.subscribe(name, listener));
  subscriptions.set(name, subscription);
  return subscription;
}

/**
 * Return a list, and draw again whenever it changes.
 * @param {string} name
 */
function useContent(name) {
  return useSyncExternalStore(
    subscriptionTo(name),
    () => store.read(name),
    () => EMPTY,
  );
}

/**
 * Return the rows of a list.
 * @param {string} name
 */
export const useRows = (name) => useContent(name).rows;

/**
 * Return the facts about a list, `others` where it has none.
 * @param {string} name
 * @param {About} others
 */
export const useAbout = (name, others) => ({ ...others, ...useContent(name).about });

/**
 * Return a row of a list, `other` where there is none.
 * @param {string} name
 * @param {string} id
 * @param {Row} other
 */
export const useRow = (name, id, other) => useRows(name).find((row) => row.id === id) ?? other;

/**
 * Return the messages of a conversation as they are shown, those in the outbox included. Of many, the
 * end is drawn first, and the others when that is on the screen.
 * @param {string} conversationId
 * @returns {Shown[]}
 */
export function useTimeline(conversationId) {
  const messages = useContent(`messages:${conversationId}`);
  const authors = /** @type {readonly Author[]} */ (useRows("authors"));
  const account = String(useAbout(ACCOUNT, { user_id: "" }).user_id);
  const waiting = /** @type {readonly (Row & Waiting)[]} */ (useRows(`waiting:${conversationId}`));
  useEffect(() => watchWaiting(store, account, conversationId), [account, conversationId]);
  const pressed = /** @type {readonly Pressed[]} */ (useRows("pressed"));
  const all = shownMessages(messages, authors, waiting, account, pressed);
  const isDrawn = useDeferredValue(conversationId, "") === conversationId;
  return isDrawn ? all : endOf(all, messages.about);
}
