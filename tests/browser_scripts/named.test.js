// Conversations and people that are found by a part of their names.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fold, named, namedConversations } from "../../assets/browser/named.js";

/**
 * @param {string} id
 * @param {string} name
 * @param {object} [others]
 */
const row = (id, name, others) => ({ id, name, letters: "", tone: `tone-${id}`, ...others });
const conversations = [
  row("old", "Łódź book club", { kind: "group" }),
  row("anna", "Anna Lee", { kind: "direct" }),
  row("zoe", "Zoë van Dijk", { kind: "direct" }),
  row("club", "Club of Anna", { kind: "group" }),
];
const people = [
  row("me", "Anna Me"),
  row("a", "Anna Lee", { tone: "tone-anna" }),
  row("other", "Anna Lee"),
  row("blocked", "Anna Blocked", { group: "blocked" }),
  row("gone", "Deleted user"),
  row("kim", "김민준"),
  row("yusuf", "يوسف منصور"),
];
/** @param {string} text */
const ids = (text) => named({ conversations, people }, text, "me").map(({ id }) => id);

test("without a text the latest conversations come first, and no people", () => {
  assert.deepEqual(ids(""), ["club", "zoe", "anna", "old"]);
});

test("names that begin with the text come before those with a word that does", () => {
  assert.deepEqual(ids("anna"), ["anna", "other", "club"]);
  assert.deepEqual(ids("lee an"), ["anna", "other"]);
  assert.deepEqual(ids("ub"), ["club", "old"]);
  assert.deepEqual(ids("nobody"), []);
});

test("case, accents and letters of any script are no hindrance", () => {
  assert.deepEqual(ids("ZOE"), ["zoe"]);
  assert.deepEqual(ids("lodz"), ["old"]);
  assert.deepEqual(ids("기"), ["kim"]);
  assert.deepEqual(ids("منصور"), ["yusuf"]);
  assert.equal(fold("  Ｃａｆé\u200b "), "cafe");
});

test("a person of a direct conversation is that conversation, others have none yet", () => {
  const [direct, person] = named({ conversations, people }, "anna lee", "me");
  assert.deepEqual([direct.href, direct.about], ["/chat/anna", ""]);
  assert.deepEqual([person.href, person.about], ["", "Person"]);
});

test("the page of the search shows conversations once something is typed", () => {
  assert.deepEqual(namedConversations(conversations, "").length, 0);
  assert.deepEqual(
    namedConversations(conversations, "club").map(({ id }) => id),
    ["club", "old"],
  );
});
