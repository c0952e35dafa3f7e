// The messages of a conversation that a page keeps: consecutive ones, in rising `seq`. They slide
// over the conversation: where there are too many, those at the other end leave. Messages that come
// with a gap are not shown: their page is asked for. All functions here are pure.

/** @import { ShownFile } from "./attachments.js" */
/** @import { Pressed, Reacted, Reaction, ShownReaction } from "./reactions.js" */
/** @import { About, Content, Patch, Row } from "./store.js" */

import { shownReactions, withOwn, withReaction } from "./reactions.js";
import { EMPTY, isSame, newer, withFacts } from "./store.js";
import { say } from "./texts.js";

export const MAX_ROWS = 300;
/** More than fit on a screen. */
const FIRST_DRAWN = 40;
const GROUP_WITHIN = 5 * 60_000;

/**
 * What is known about the messages: `last` is the `seq` of the newest, `changed` the newest `rev`,
 * `rev` the one up to which the rows are complete; `older` and `newer` say that there are others
 * beyond the rows. While the page `follows`, it shows the newest. The rows are `kept` ones until the
 * server has sent a page; `page` is the kind of page in a patch; `unread_from` and `own_read_seq` are of the time when the conversation was opened.
 * The reader may see nothing before the message `first`. All of a group that they have left is `gone`.
 * In a patch of one message, `reacted` is a change of its reactions, and `quoted` what replies to it show.
 * @typedef {{
 *   loaded?: boolean, last?: number, changed?: number, rev?: number, older?: boolean, newer?: boolean,
 *   follows?: boolean, kept?: boolean, page?: string, first?: number, gone?: boolean, unread_from?: number, own_read_seq?: number, problem?: string,
 *   reacted?: Reacted, quoted?: Pick<Quote, "id" | "excerpt" | "deleted">,
 * }} Facts
 */

/**
 * The message that another one replies to: see QuoteRow in chat_app/ui/messages/rows.py.
 * @typedef {{ id: string, seq: number, sender_id: string, name: string, tone: string, excerpt: string, deleted: boolean }} Quote
 */

/**
 * Merge a patch of messages: one that was sent or changed, or a page. A page is read after everything that
 * came before it on the link, so it is the truth, also against rows with a higher `rev`: a database may
 * have been put back to an earlier state.
 * @param {Content} content
 * @param {Patch} patch
 * @returns {Content}
 */
export function mergeMessages(content, patch) {
  const before = /** @type {Facts} */ (content.about);
  const { page, reacted, quoted, ...given } = /** @type {Facts} */ (patch.about ?? {});
  if (given.gone) return EMPTY;
  const block = patch.put ?? [];
  // Before the first page nothing can be shown, and afterwards it is in the page.
  if (!before.loaded && page !== "newest") return block.length ? content : withAbout(content, given);
  const replaces = page === "newest" && before.follows !== false;
  const knownLast = given.last === undefined ? (before.last ?? 0) : Math.max(given.last, seqOf(block.at(-1)));
  const existing = given.last === undefined ? content.rows : upTo(content.rows, knownLast);
  const isTrue = page !== undefined;
  const placedRows = placed(existing, block, { replaces, isTrue, isAround: page === "around", last: before.last ?? 0 });
  // A change that the page has shown already changes nothing again.
  const isNews = (given.changed ?? 0) > (before.rev ?? 0);
  const rows = isNews ? withChanges(placedRows, given.changed ?? 0, reacted, quoted) : placedRows;
  const last = Math.max(knownLast, seqOf(block.at(-1)), seqOf(rows.at(-1)));
  return withAbout(
    { rows, about: content.about },
    {
      ...given,
      loaded: true,
      kept: page ? false : (given.kept ?? before.kept ?? false),
      last,
      older: seqOf(rows[0]) > (given.first ?? before.first ?? 1),
      newer: seqOf(rows.at(-1)) < last,
      changed: given.rev ?? Math.max(before.changed ?? 0, given.changed ?? 0),
      rev: revAfter(before, given, block, rows),
    },
    content,
  );
}

/**
 * Return kept messages as a page may show them before the server has answered: consecutive ones, whose
 * facts follow from the rows. Undefined where the rows are no messages.
 * @param {Content} content
 * @returns {Content | undefined}
 */
export function keptMessages({ rows }) {
  const texts = ["client_id", "sender_id", "text", "at"];
  const isWhole = rows.every(
    (row, at) =>
      texts.every((name) => typeof row[name] === "string") &&
      Number.isSafeInteger(row.order) &&
      Number.isSafeInteger(row.rev) &&
      !Number.isNaN(Date.parse(String(row.at))) &&
      (at === 0 || row.order === seqOf(rows[at - 1]) + 1),
  );
  if (!isWhole || !rows.length) return undefined;
  const last = seqOf(rows.at(-1));
  const rev = Math.max(...rows.map((row) => row.rev ?? 0));
  return { rows, about: { loaded: true, last, rev, changed: rev, older: seqOf(rows[0]) > 1, newer: false } };
}

/**
 * Return the content with further facts; `before` itself where it is no different.
 * @param {Content} content
 * @param {Facts} given
 * @param {Content} [before]
 * @returns {Content}
 */
function withAbout(content, given, before = content) {
  const about = withFacts(content.about, /** @type {About} */ (given));
  return about === before.about && content.rows === before.rows ? before : { rows: content.rows, about };
}

/**
 * Return the `rev` up to which the rows are complete.
 * @param {Facts} before
 * @param {Facts} given
 * @param {Row[]} block
 * @param {readonly Row[]} rows
 */
function revAfter(before, given, block, rows) {
  const known = before.rev ?? 0;
  if (given.changed !== undefined) return given.changed === known + 1 ? given.changed : known;
  if (given.rev === undefined) return known;
  const covers = rows.length === 0 || (block.length > 0 && seqOf(block[0]) <= seqOf(rows[0]));
  if (covers) return given.rev;
  // After a step back, every row may be of a state that is gone.
  return given.rev < known ? -1 : known;
}

/**
 * Return the rows after a reaction to one of them, and after a change of what others quote.
 * @param {readonly Row[]} rows
 * @param {number} rev
 * @param {Facts["reacted"]} reacted
 * @param {Facts["quoted"]} quoted
 * @returns {readonly Row[]}
 */
function withChanges(rows, rev, reacted, quoted) {
  let changed = false;
  const after = rows.map((row) => {
    let next = row;
    if (reacted?.id === row.id && (row.rev ?? 0) < rev) next = { ...row, rev, reactions: withReaction(reactionsOf(row), reacted) };
    const quote = /** @type {Message} */ (next).quote;
    if (quote && quote.id === quoted?.id && !isSame({ ...quote, ...quoted }, quote)) next = { ...next, quote: { ...quote, ...quoted } };
    changed ||= next !== row;
    return next;
  });
  return changed ? after : rows;
}

/**
 * @param {Row} row
 * @returns {readonly Reaction[]}
 */
const reactionsOf = (row) => /** @type {Message} */ (row).reactions ?? [];

/**
 * Return the row that takes the place of a kept one, with what only that has.
 * @param {Row} kept
 * @param {Row} row
 */
function succeeding(kept, row) {
  const next = newer(kept, row);
  if (next === kept || !reactionsOf(next).length) return next;
  return { ...next, reactions: withOwn(reactionsOf(next), reactionsOf(kept)) };
}

/**
 * @param {readonly Row[]} rows
 * @param {number} last
 */
const upTo = (rows, last) => (seqOf(rows.at(-1)) > last ? rows.filter((row) => seqOf(row) <= last) : rows);

/**
 * Return the rows with a block of others, as far as they are consecutive with them.
 * @param {readonly Row[]} rows
 * @param {Row[]} block
 * @param {{ replaces: boolean, isTrue: boolean, isAround: boolean, last: number }} how whether a block beyond a gap
 *   takes the place of the rows, whether it is right in any case, whether it was asked for wherever the rows
 *   are, and the `seq` of the last message that was known
 * @returns {readonly Row[]}
 */
function placed(rows, block, { replaces, isTrue, isAround, last: lastKnown }) {
  if (!block.length) return rows;
  const [from, to] = [seqOf(block[0]), seqOf(block.at(-1))];
  if (!rows.length) return replaces || isAround || from === lastKnown + 1 ? block.slice(-MAX_ROWS) : rows;
  const [first, last] = [seqOf(rows[0]), seqOf(rows.at(-1))];
  if (to < first - 1 || from > last + 1) return isAround || (replaces && from > last) ? block : rows;
  const above = block.filter((row) => seqOf(row) < first);
  const below = block.filter((row) => seqOf(row) > last);
  const given = new Map(block.map((row) => [seqOf(row), row]));
  let changed = above.length > 0 || below.length > 0;
  const inner = rows.map((row) => {
    const other = given.get(seqOf(row));
    const next = !other || isSame(row, other) ? row : isTrue ? other : succeeding(row, other);
    changed ||= next !== row;
    return next;
  });
  if (!changed) return rows;
  const joined = [...above, ...inner, ...below];
  return above.length ? joined.slice(0, MAX_ROWS) : joined.slice(-MAX_ROWS);
}

/** @param {Row | undefined} row */
const seqOf = (row) => Number(row?.order ?? 0);

/**
 * Return the page to ask for, so that the rows become true: its kind and its `seq`; or undefined.
 * @param {Content} content
 * @returns {{ kind: "newest" | "again", seq: number } | undefined}
 */
export function missingPage({ rows, about }) {
  const { loaded, kept, follows = true, newer: isBehind, changed = 0, rev = 0 } = /** @type {Facts} */ (about);
  if (!loaded || kept || (follows && isBehind)) return { kind: "newest", seq: 0 };
  if (changed > rev && rows.length) return { kind: "again", seq: seqOf(rows[0]) };
  return undefined;
}

/**
 * A message that waits in the outbox or was just stored.
 * @typedef {{ client_id: string, content: string, at: string, reason: string, state: string, reply?: Quote, files?: readonly ShownFile[] }} Waiting
 */

/**
 * A message as the server sends it: see MessageRow in chat_app/ui/messages/rows.py; or one that waits.
 * @typedef {Row & {
 *   client_id: string, sender_id: string, text: string, at: string, state?: string, reason?: string,
 *   notice?: boolean, mentions?: readonly string[], mentions_all?: boolean,
 *   quote?: Quote | null, files?: readonly ShownFile[], reactions?: readonly Reaction[], pinned?: string, forwarded?: string,
 * }} Message
 */

/** @typedef {Omit<Quote, "sender_id">} ShownQuote */

/** @typedef {Row & { name: string, letters: string, tone: string, picture?: string }} Author */

/**
 * A message as the page shows it: see ShownMessage in chat_app/ui/messages/rows.py.
 * @typedef {Message & {
 *   key: string, author: string, letters: string, tone: string, picture: string, before: string, mine: boolean, first: boolean, last: boolean,
 *   notice: boolean, called: boolean, state: string, reason: string,
 *   quoted: ShownQuote, files: readonly ShownFile[], reacted: readonly ShownReaction[], unshown: number, pinned: string, forwarded: string,
 * }} Shown
 */

/** @type {ShownQuote} */
const NO_QUOTE = { id: "", seq: 0, name: "", tone: "", excerpt: "", deleted: false };

/** @type {readonly ShownFile[]} */
const NO_FILES = [];

/** The row that was shown last for a stored message. @type {WeakMap<Row, Shown>} */
const lastShown = new WeakMap();

/**
 * Return the rows to show: the stored ones, and below them those that wait, each with its author and
 * its place among its neighbours. A row that does not change is the same object again.
 * @param {Content} messages
 * @param {readonly Author[]} authors
 * @param {readonly Waiting[]} waiting
 * @param {string} userId
 * @param {readonly Pressed[]} [pressed] reactions that the reader has pressed
 * @returns {Shown[]}
 */
export function shownMessages({ rows, about }, authors, waiting, userId, pressed = []) {
  const byId = new Map(authors.map((author) => [author.id, author]));
  const messages = /** @type {readonly Message[]} */ (rows);
  const stored = new Set(messages.map((row) => row.client_id));
  const below = about.newer ? [] : waiting.filter((one) => !stored.has(one.client_id));
  /** @type {Message[]} */
  const all = [...messages, ...below.map((one) => waitingRow(one, userId))];
  const nameOf = (/** @type {string} */ id) => byId.get(id)?.name ?? "";
  return all.map((row, at) => {
    const own = pressed.filter((one) => one.message_id === row.id && row.id);
    const reacted = own.length || row.reactions?.length ? shownReactions(row.reactions ?? [], own, nameOf, userId) : NONE;
    return shown(row, byId.get(row.sender_id), all[at - 1], all[at + 1], userId, reacted);
  });
}

/**
 * Return the end of the messages, from where the reader has not read on.
 * @param {Shown[]} all
 * @param {Facts} about
 */
export function endOf(all, { unread_from: unread = 0 }) {
  const at = unread ? all.findIndex((row) => seqOf(row) >= unread) : -1;
  return all.slice(-Math.max(FIRST_DRAWN, at < 0 ? 0 : all.length - at + FIRST_DRAWN / 2));
}

/** @type {readonly ShownReaction[]} */
const NONE = [];

/** The row of a waiting message, as long as it does not change. @type {Map<string, { from: string, row: Message }>} */
const waitingRows = new Map();

/**
 * @param {Waiting} one
 * @param {string} userId
 * @returns {Message}
 */
function waitingRow(one, userId) {
  const from = `${one.state} ${one.reason} ${one.content} ${one.files ? JSON.stringify(one.files) : ""}`;
  const kept = waitingRows.get(one.client_id);
  if (kept?.from === from) return kept.row;
  const row = {
    id: "",
    client_id: one.client_id,
    sender_id: userId,
    text: one.content,
    at: one.at,
    edited: false,
    deleted: false,
    state: one.state,
    reason: one.reason,
    quote: one.reply,
    files: one.files,
  };
  if (waitingRows.size > MAX_ROWS) waitingRows.clear();
  waitingRows.set(one.client_id, { from, row });
  return row;
}

/**
 * @param {Message} row
 * @param {Author | undefined} author
 * @param {Message | undefined} above
 * @param {Message | undefined} below
 * @param {string} userId
 * @param {readonly ShownReaction[]} reacted
 */
function shown(row, author, above, below, userId, reacted) {
  const notice = row.notice ?? false;
  const mine = !notice && row.sender_id === userId;
  const parts = {
    key: row.client_id || row.id,
    author: mine ? say("You") : author?.name ?? "",
    letters: author?.letters ?? "",
    tone: author?.tone ?? "",
    picture: author?.picture ?? "",
    before: above?.at ?? "",
    mine,
    first: !inOneGroup(above, row),
    last: !inOneGroup(row, below),
    notice,
    called: !mine && Boolean(row.mentions_all || row.mentions?.includes(userId)),
    state: row.state ?? "",
    reason: row.reason ?? "",
    quoted: row.quote ? shownQuote(row.quote, userId) : NO_QUOTE,
    files: row.files ?? NO_FILES,
    reacted,
    unshown: reacted.filter((one) => one.extra).length,
    pinned: row.pinned ?? "",
    forwarded: row.forwarded ?? "",
  };
  const kept = lastShown.get(row);
  if (kept && Object.entries(parts).every(([name, value]) => isSame(kept[name], value))) return kept;
  const next = { ...row, ...parts };
  lastShown.set(row, next);
  return next;
}

/**
 * @param {Quote} quote
 * @param {string} userId
 * @returns {ShownQuote}
 */
function shownQuote({ sender_id: senderId, ...quote }, userId) {
  return senderId === userId ? { ...quote, name: say("You") } : quote;
}

/**
 * @param {Message | undefined} one
 * @param {Message | undefined} next
 */
function inOneGroup(one, next) {
  if (!one || !next || one.sender_id !== next.sender_id || one.notice || next.notice) return false;
  return Date.parse(next.at) - Date.parse(one.at) <= GROUP_WITHIN;
}
