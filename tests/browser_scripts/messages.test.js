// The messages that a page keeps of a conversation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf, keptMessages, MAX_ROWS, mergeMessages, missingPage, shownMessages } from "../../assets/browser/messages.js";
import { Store } from "../../assets/browser/store.js";

/** @import { Author } from "../../assets/browser/messages.js" */
/** @import { Row } from "../../assets/browser/store.js" */

const LIST = "messages:here";
const ME = "me";

/**
 * @param {number} seq
 * @param {Partial<Row>} [fields]
 * @returns {Row}
 */
function message(seq, fields = {}) {
  const at = new Date(Date.UTC(2030, 0, 1, 12, 0, seq)).toISOString();
  return { id: `m${seq}`, order: seq, rev: seq, client_id: "", sender_id: "tomas", text: `${seq}`, at, ...fields };
}

/**
 * @param {number} first
 * @param {number} last
 */
const messages = (first, last) => Array.from({ length: last - first + 1 }, (_, at) => message(first + at));

/** A page with the newest of `last` messages. */
function page(last = 100, size = 50) {
  const store = new Store({ messages: mergeMessages });
  newest(store, last, size);
  return store;
}

/** @param {Store} store */
function newest(store, last = 100, size = 50) {
  const about = { page: "newest", last, rev: last };
  store.apply([{ list: LIST, put: messages(Math.max(1, last - size + 1), last), about }]);
}

/**
 * @param {Store} store
 * @param {Row} row
 */
const receive = (store, row) => store.apply([{ list: LIST, put: [row], about: { changed: row.rev } }]);

/** @param {Store} store */
const seqs = (store) => store.read(LIST).rows.map((row) => Number(row.order));

/** @param {Store} store */
const isWhole = (store) => seqs(store).every((seq, at, all) => at === 0 || seq === Number(all[at - 1]) + 1);

test("new messages extend the rows up to their number", () => {
  const store = page(10);
  for (let seq = 11; seq <= MAX_ROWS + 30; seq++) receive(store, message(seq));
  assert.equal(seqs(store).length, MAX_ROWS);
  assert.equal(seqs(store).at(-1), MAX_ROWS + 30);
  assert.ok(isWhole(store));
  const { older, newer, rev } = store.read(LIST).about;
  assert.deepEqual([older, newer, rev], [true, false, MAX_ROWS + 30]);
  assert.equal(missingPage(store.read(LIST)), undefined);
});

test("sliding to the past and back shows every message once", () => {
  const store = page(1_000);
  while (store.read(LIST).about.older) {
    const first = seqs(store)[0];
    store.apply([{ list: LIST, put: messages(Math.max(1, first - 50), first - 1), about: { page: "older" } }]);
    assert.ok(isWhole(store));
  }
  assert.deepEqual([seqs(store)[0], seqs(store).length, store.read(LIST).about.newer], [1, MAX_ROWS, true]);
  while (store.read(LIST).about.newer) {
    const last = Number(seqs(store).at(-1));
    store.apply([{ list: LIST, put: messages(last + 1, Math.min(1_000, last + 50)), about: { page: "newer" } }]);
    assert.ok(isWhole(store));
  }
  assert.equal(seqs(store).at(-1), 1_000);
});

test("a reader in the past keeps the place, whatever comes and however long the link was down", () => {
  const store = page(1_000);
  store.apply([{ list: LIST, about: { follows: false } }]);
  const before = seqs(store);
  store.apply([{ list: LIST, put: messages(1_100, 1_149), about: { page: "newest", last: 1_149, rev: 1_200 } }]);
  assert.deepEqual(seqs(store), before);
  assert.equal(store.read(LIST).about.newer, true);
  assert.deepEqual(missingPage(store.read(LIST)), { kind: "again", seq: 951 });
  const edited = messages(951, 1_149).map((row) => (row.order === 960 ? { ...row, text: "new", rev: 1_150 } : row));
  store.apply([{ list: LIST, put: edited, about: { page: "again", last: 1_149, rev: 1_200 } }]);
  assert.equal(store.read(LIST).rows[9].text, "new");
  assert.equal(missingPage(store.read(LIST)), undefined);
});

test("a reader at the end gets the newest page after a gap, in place of what is older", () => {
  const store = page(100);
  receive(store, message(103));
  assert.equal(seqs(store).at(-1), 100);
  assert.deepEqual(missingPage(store.read(LIST)), { kind: "newest", seq: 0 });
  newest(store, 300);
  assert.deepEqual([seqs(store)[0], seqs(store).at(-1)], [251, 300]);
  assert.equal(missingPage(store.read(LIST)), undefined);
});

test("a change that was missed is noticed by the next one, and all rows are asked for again", () => {
  const store = page(60);
  receive(store, message(30, { rev: 62, text: "second" }));
  assert.deepEqual(missingPage(store.read(LIST)), { kind: "again", seq: 11 });
  const about = { page: "again", last: 60, rev: 62 };
  const put = messages(11, 60);
  put[1] = message(12, { rev: 61, text: "first" });
  put[19] = message(30, { rev: 62, text: "second" });
  store.apply([{ list: LIST, put, about }]);
  assert.deepEqual([store.read(LIST).rows[1].text, store.read(LIST).rows[19].text], ["first", "second"]);
  assert.equal(missingPage(store.read(LIST)), undefined);
});

test("an older state of a message never replaces a newer one", () => {
  const store = page(60);
  receive(store, message(60, { rev: 61, text: "", deleted: true }));
  receive(store, message(60, { rev: 60, text: "back again" }));
  assert.equal(store.read(LIST).rows.at(-1)?.deleted, true);
});

test("a message from before the first page changes nothing", () => {
  const store = new Store({ messages: mergeMessages });
  receive(store, message(7));
  assert.deepEqual(seqs(store), []);
  assert.deepEqual(missingPage(store.read(LIST)), { kind: "newest", seq: 0 });
});

test("the first message of an empty conversation is shown", () => {
  const store = page(0);
  receive(store, message(1));
  assert.deepEqual(seqs(store), [1]);
});

test("a page of the server is the truth, also against rows of a state that is gone", () => {
  const store = page(60);
  receive(store, message(40, { rev: 61, text: "edited after the backup" }));
  for (const seq of [61, 62]) receive(store, message(seq, { rev: seq + 1, text: "lost" }));
  store.apply([{ list: LIST, about: { follows: false } }]);
  newest(store, 60, 20);
  assert.equal(seqs(store).at(-1), 60);
  assert.deepEqual(missingPage(store.read(LIST)), { kind: "again", seq: 11 });
  store.apply([{ list: LIST, put: messages(11, 60), about: { page: "again", last: 60, rev: 60 } }]);
  assert.equal(store.read(LIST).rows[29].text, "40");
  assert.equal(missingPage(store.read(LIST)), undefined);
  receive(store, message(61));
  assert.equal(seqs(store).at(-1), 61);
});

test("the newest page is asked for until the server has sent it, though messages are kept", () => {
  const store = new Store({ messages: mergeMessages });
  const content = keptMessages({ rows: messages(1, 9), about: {} });
  assert.ok(content);
  store.restore(LIST, { ...content, about: { ...content.about, kept: true } });
  store.apply([{ list: LIST, about: { problem: "The chat is away." } }]);
  assert.deepEqual(missingPage(store.read(LIST)), { kind: "newest", seq: 0 });
  newest(store, 9);
  assert.equal(missingPage(store.read(LIST)), undefined);
});

test("kept messages are shown as far as they are messages", () => {
  const about = { last: 10 ** 9, rev: 10 ** 9, newer: true, loaded: true };
  const kept = keptMessages({ rows: messages(5, 9), about });
  assert.deepEqual(kept?.about, { loaded: true, last: 9, rev: 9, changed: 9, older: true, newer: false });
  const broken = [
    [],
    [message(1), message(3)],
    [message(1, { text: null })],
    [message(1, { order: "1" })],
    [message(1, { at: "yesterday" })],
    [message(1, { rev: NaN })],
  ];
  for (const rows of broken) assert.equal(keptMessages({ rows, about }), undefined, JSON.stringify(rows));
});

// ---- What is shown

const TOMAS = { id: "tomas", name: "Tomas Okafor", letters: "TO", tone: "tone-1", picture: "/api/avatars/1" };

/**
 * @param {Store} store
 * @param {{ client_id: string, content: string, at: string, reason: string, state: string }[]} [waiting]
 */
const shown = (store, waiting = []) => shownMessages(store.read(LIST), [TOMAS], waiting, ME);

/** @param {string} id */
const waits = (id, state = "Queued", reason = "") => ({ client_id: id, content: id, at: "2030-01-01T12:03:20.000Z", reason, state });

test("the messages of one author within five minutes are a group, those that wait included", () => {
  const store = page(0);
  const own = { sender_id: ME, at: message(199).at };
  for (const row of [message(1), message(2), message(3, own)]) receive(store, row);
  const rows = shown(store, [waits("a"), waits("b", "Failed", "No.")]);
  assert.deepEqual(
    rows.map(({ first, last, author, state }) => [first, last, author, state]),
    [
      [true, false, "Tomas Okafor", ""],
      [false, true, "Tomas Okafor", ""],
      [true, false, "You", ""],
      [false, false, "You", "Queued"],
      [false, true, "You", "Failed"],
    ],
  );
});

test("a message has the face of its author, without a picture where that is not known", () => {
  const store = page(0);
  receive(store, message(1));
  const faceOf = (/** @type {Author} */ author) => {
    const [row] = shownMessages(store.read(LIST), [author], [], ME);
    return [row.letters, row.tone, row.picture];
  };
  assert.deepEqual(faceOf(TOMAS), ["TO", "tone-1", "/api/avatars/1"]);
  // As the browser of an earlier version has kept it.
  assert.deepEqual(faceOf({ ...TOMAS, picture: undefined }), ["TO", "tone-1", ""]);
});

test("a message keeps its key when it is stored, and is there once", () => {
  const store = page(0);
  const before = shown(store, [waits("c1")]);
  receive(store, message(1, { sender_id: ME, client_id: "c1" }));
  const after = shown(store, [waits("c1", "Sent")]);
  assert.deepEqual([before.length, after.length], [1, 1]);
  assert.equal(after[0].key, before[0].key);
  assert.deepEqual([after[0].state, after[0].order], ["", 1]);
});

test("messages that wait are not shown in the past", () => {
  const store = page(100);
  store.apply([{ list: LIST, about: { follows: false } }]);
  receive(store, message(103));
  assert.equal(shown(store, [waits("c1")]).at(-1)?.order, 100);
});

test("a row that does not change is the same object again", () => {
  const store = page(60);
  const before = shown(store);
  receive(store, message(61));
  const after = shown(store);
  // The last one is no longer the end of its group.
  assert.ok(before.slice(0, -1).every((row, at) => row === after[at]));
  assert.notEqual(before.at(-1), after.at(-2));
});

// ---- Replies and reactions

/** @param {string} id */
const quoteOf = (id) => ({ id, seq: 1, sender_id: "tomas", name: "Tomas Okafor", tone: "tone-1", excerpt: "1", deleted: false });

/**
 * @param {Store} store
 * @param {number} rev
 * @param {Record<string, unknown>} change
 */
const react = (store, rev, change) =>
  store.apply([{ list: LIST, about: { changed: rev, reacted: { id: "m2", emoji: "👍", own: false, ...change } } }]);

/** @param {Store} store */
const reactionsOf = (store) => store.read(LIST).rows[1].reactions;

test("a reaction changes its row once, whenever it comes", () => {
  const store = page(3);
  react(store, 4, { user_id: "tomas", added: true, count: 1 });
  react(store, 5, { user_id: ME, added: true, count: 2, own: true });
  assert.deepEqual(reactionsOf(store), [{ emoji: "👍", count: 2, ids: ["tomas", ME], mine: true }]);
  react(store, 4, { user_id: "tomas", added: true, count: 1 });
  assert.deepEqual(reactionsOf(store), [{ emoji: "👍", count: 2, ids: ["tomas", ME], mine: true }]);
  react(store, 6, { user_id: "tomas", added: false, count: 1 });
  assert.deepEqual(reactionsOf(store), [{ emoji: "👍", count: 1, ids: [ME], mine: true }]);
  react(store, 7, { user_id: ME, added: false, count: 0, own: true });
  assert.deepEqual(reactionsOf(store), []);
  assert.deepEqual([store.read(LIST).about.rev, missingPage(store.read(LIST))], [7, undefined]);
});

test("an edited message keeps which reactions are the reader's", () => {
  const store = page(3);
  react(store, 4, { user_id: ME, added: true, count: 30, own: true });
  receive(store, message(2, { rev: 5, text: "2!", reactions: [{ emoji: "👍", count: 30, ids: ["tomas"] }] }));
  assert.deepEqual(reactionsOf(store), [{ emoji: "👍", count: 30, ids: ["tomas"], mine: true }]);
});

test("a quote follows its original, also where that is not shown", () => {
  const store = page(0);
  for (const row of [message(1), message(2, { quote: quoteOf("m1") }), message(3, { quote: quoteOf("older") })]) receive(store, row);
  const edit = (/** @type {string} */ id, rev = 4) => ({ list: LIST, about: { changed: rev, quoted: { id, excerpt: "1!", deleted: false } } });
  store.apply([{ ...edit("m1"), put: [message(1, { rev: 4, text: "1!" })] }]);
  store.apply([edit("older", 5)]);
  const excerpts = () => shown(store).map(({ quoted }) => quoted.excerpt);
  assert.deepEqual(excerpts(), ["", "1!", "1!"]);
  store.apply([{ list: LIST, about: { changed: 6, quoted: { id: "m1", excerpt: "", deleted: true } } }]);
  // What the page has shown already comes once more.
  store.apply([edit("m1")]);
  assert.deepEqual(shown(store).map(({ quoted }) => [quoted.excerpt, quoted.deleted]), [["", false], ["", true], ["1!", false]]);
});

test("a pressed reaction is shown at once, and says who has reacted", () => {
  const store = page(3);
  receive(store, message(2, { rev: 4, reactions: [{ emoji: "👍", count: 3, ids: ["tomas", "gone"], mine: false }] }));
  const press = (/** @type {string} */ emoji, added = true) => ({ id: `m2 ${emoji}`, message_id: "m2", emoji, added });
  const seen = (/** @type {ReturnType<typeof press>[]} */ ...pressed) =>
    shownMessages(store.read(LIST), [TOMAS], [], ME, pressed)[1].reacted.map(({ label, mine, title }) => [label, mine, title]);
  assert.deepEqual(seen(), [["👍 3", false, "Tomas Okafor and 2 others"]]);
  assert.deepEqual(seen(press("👍"), press("🎉")), [
    ["👍 4", true, "You, Tomas Okafor and 2 others"],
    ["🎉 1", true, "You"],
  ]);
  react(store, 5, { user_id: ME, added: true, count: 4, own: true });
  assert.deepEqual(seen(press("👍")), [["👍 4", true, "You, Tomas Okafor and 2 others"]]);
  assert.deepEqual(seen(press("👍", false)), [["👍 3", false, "Tomas Okafor and 2 others"]]);
});

test("a page around a message takes the place of the rows, wherever these are", () => {
  const store = page(1_000);
  store.apply([{ list: LIST, about: { follows: false } }]);
  const around = (/** @type {number} */ first) => ({ list: LIST, put: messages(first, first + 49), about: { page: "around", last: 1_000, rev: 1_000 } });
  store.apply([around(300)]);
  assert.deepEqual([seqs(store)[0], seqs(store).length], [300, 50]);
  const { older, newer, rev } = store.read(LIST).about;
  assert.deepEqual([older, newer, rev], [true, true, 1_000]);
  assert.equal(missingPage(store.read(LIST)), undefined);
  store.apply([around(700)]);
  assert.deepEqual([seqs(store)[0], seqs(store).length], [700, 50]);
  store.apply([{ list: LIST, about: { follows: true } }]);
  assert.deepEqual(missingPage(store.read(LIST)), { kind: "newest", seq: 0 });
});

test("a conversation that was left is not live until the server has sent it again", () => {
  const store = page(10);
  assert.equal(missingPage(store.read(LIST)), undefined);

  store.apply([{ list: LIST, about: { kept: true, follows: true, newer: false } }]);

  assert.equal(store.read(LIST).about.kept, true);
  assert.deepEqual(missingPage(store.read(LIST)), { kind: "newest", seq: 0 });
  receive(store, message(11));
  assert.equal(store.read(LIST).about.kept, true);
  newest(store, 11);
  assert.equal(store.read(LIST).about.kept, false);
});

test("of many messages the end is drawn first, from where the reader has not read on", () => {
  const store = page(200, 200);
  const all = shown(store);
  assert.deepEqual(endOf(all, {}).map((row) => row.order), Array.from({ length: 40 }, (_, at) => 161 + at));
  assert.equal(endOf(all, { unread_from: 190 }).length, 40);
  assert.equal(endOf(all, { unread_from: 101 })[0].order, 81);
  assert.equal(endOf(all, { unread_from: 1 }).length, 200);
  assert.equal(endOf(all.slice(0, 5), {}).length, 5);
});
