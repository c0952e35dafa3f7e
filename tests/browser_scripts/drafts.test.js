import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import * as browser from "./browser.js";
import { openTab } from "./browser.js";

beforeEach(() => void browser.newBrowser());

/** Open a tab that was never loaded before. */
async function newTab() {
  sessionStorage.removeItem("chat.tab");
  return (await openTab()).drafts;
}

test("a draft is kept for each user and conversation", async () => {
  const tab = await newTab();
  await tab.keepDraft("alice", "c", "For c", "");
  await tab.keepDraft("alice", "d", "For d", "");
  await tab.keepDraft("bob", "c", "Of bob", "");

  const again = await newTab();

  assert.equal((await again.readDraft("alice", "c")).text, "For c");
  assert.equal((await again.readDraft("alice", "d")).text, "For d");
  assert.equal((await again.readDraft("bob", "c")).text, "Of bob");
  assert.equal((await again.readDraft("bob", "d")).text, "");
});

test("sending in one tab leaves the draft of another", async () => {
  const [one, other] = [await newTab(), await newTab()];
  await one.keepDraft("alice", "c", "A long draft", "");
  await other.keepDraft("alice", "c", "Short", "");

  await other.keepDraft("alice", "c", "", "");

  assert.equal((await (await newTab()).readDraft("alice", "c")).text, "A long draft");
});

test("a tab that goes on with the draft of another replaces it, and its end ends both", async () => {
  const one = await newTab();
  await one.keepDraft("alice", "c", "Begun", "");
  const other = await newTab();
  const { tab, text } = await other.readDraft("alice", "c");
  assert.equal(text, "Begun");

  await other.keepDraft("alice", "c", "Begun and ended", tab);

  assert.equal(await one.hasOwnDraft("alice", "c"), false);
  assert.equal((await (await newTab()).readDraft("alice", "c")).text, "Begun and ended");
  await other.keepDraft("alice", "c", "", "");
  assert.equal((await (await newTab()).readDraft("alice", "c")).text, "");
});

test("a tab that is loaded anew shows its own draft, not the latest of another", async () => {
  const own = await newTab();
  const name = sessionStorage.getItem("chat.tab") ?? "";
  await own.keepDraft("alice", "c", "Mine", "");
  await (await newTab()).keepDraft("alice", "c", "Of another tab", "");
  sessionStorage.setItem("chat.tab", name);

  const reloaded = (await openTab()).drafts;

  assert.equal((await reloaded.readDraft("alice", "c")).text, "Mine");
});

test("a message that is stored removes its draft in the same step", async () => {
  const { outboxOf, drafts } = await openTab();
  await drafts.keepDraft("alice", "c", "Hello", "");

  await outboxOf("alice").add("c", "Hello");

  assert.equal((await drafts.readDraft("alice", "c")).text, "");
});

test("the drafts of one user are removed, and those of others stay", async () => {
  const tab = await newTab();
  await tab.keepDraft("alice", "c", "Hers", "");
  await tab.keepDraft("bob", "c", "His", "");
  localStorage.setItem("chat.draft.alice.d", "Hers, earlier");

  await tab.forgetDrafts("alice");

  const again = await newTab();
  assert.equal((await again.readDraft("alice", "c")).text, "");
  assert.equal((await again.readDraft("alice", "d")).text, "");
  assert.equal((await again.readDraft("bob", "c")).text, "His");
});

test("a draft that an earlier version kept in local storage is moved", async () => {
  localStorage.setItem("chat.draft.alice.c", "From before");
  const tab = await newTab();

  assert.equal((await tab.readDraft("alice", "c")).text, "From before");
  await browser.until(() => localStorage.getItem("chat.draft.alice.c") === null, "it is moved");
  assert.equal((await (await newTab()).readDraft("alice", "c")).text, "From before");
});

test("a draft that cannot be stored lasts as long as the page", async () => {
  browser.blockDatabase();
  const tab = await newTab();
  await tab.keepDraft("alice", "c", "Hello", "");

  assert.equal((await tab.readDraft("alice", "c")).text, "Hello");
  assert.equal(tab.hasUnstoredDraft(), true);
  await tab.keepDraft("alice", "c", "", "");
  assert.equal(tab.hasUnstoredDraft(), false);
});

test("a draft keeps the message that it replies to, also without a text", async () => {
  const reply = { id: "m1", seq: 1, sender_id: "bob", name: "Bob", tone: "tone-1", excerpt: "Bread?", deleted: false };
  const tab = await newTab();
  await tab.keepDraft("alice", "c", "", "", reply);
  assert.deepEqual((await (await newTab()).readDraft("alice", "c")).reply, reply);

  await tab.keepDraft("alice", "c", "", "");

  assert.deepEqual(await (await newTab()).readDraft("alice", "c"), { tab: "", text: "" });
});

/** Return the number of drafts in local storage. */
const left = () => Object.keys(localStorage).filter((key) => key.startsWith("chat.draft.")).length;

/** Let the page be hidden, or shown again, as the browser tells it. @param {string} type */
function turnPage(type) {
  browser.page.target.dispatchEvent(new Event(type));
}

test("a draft that is not yet stored when its page is left is there again", async () => {
  const own = await newTab();
  const name = sessionStorage.getItem("chat.tab") ?? "";
  await own.keepDraft("alice", "c", "The beginn", "");
  browser.lockDrafts();
  const lost = own.keepDraft("alice", "c", "The beginning", "");
  turnPage("pagehide");
  await lost;
  browser.mendStorage();
  await (await newTab()).keepDraft("alice", "c", "Of another tab", "");
  sessionStorage.setItem("chat.tab", name);

  const again = (await openTab()).drafts;

  assert.equal((await again.readDraft("alice", "c")).text, "The beginning");
  assert.equal(left(), 0);
});

test("a draft that was left is known to the other devices before its conversation is opened", async () => {
  const own = await newTab();
  browser.lockDrafts();
  const lost = own.keepDraft("alice", "c", "On the way", "");
  turnPage("pagehide");
  await lost;
  browser.mendStorage();

  const [one] = await (await newTab()).unsharedDrafts("alice");

  assert.equal(one?.draft.text, "On the way");
});

test("a page that was not left after all leaves nothing behind", async () => {
  const own = await newTab();
  const stored = own.keepDraft("alice", "c", "Still here", "");
  turnPage("pagehide");
  assert.equal(left(), 1);
  // It was stored before the page stood still.
  await stored;
  turnPage("pageshow");
  turnPage("pagehide");

  assert.equal(left(), 0);
  assert.equal((await (await newTab()).readDraft("alice", "c")).text, "Still here");
});

test("nothing is left of somebody who has signed out in another tab", async () => {
  const [own, other] = [await newTab(), await newTab()];
  browser.lockDrafts();
  const stored = own.keepDraft("alice", "c", "Secret", "");
  await other.forgetDrafts("alice");
  own.forgetHeld("alice");
  turnPage("pagehide");
  await stored;

  assert.equal(left(), 0);
});

test("nothing of somebody who has signed out is left", async () => {
  const own = await newTab();
  const stored = own.keepDraft("alice", "c", "Secret", "");
  await own.forgetDrafts("alice");
  turnPage("pagehide");
  await stored;

  assert.equal(left(), 0);
});
