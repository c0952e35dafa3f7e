// Which conversations the side pane lists.

import assert from "node:assert/strict";
import { test } from "node:test";
import { archived, listed } from "../../assets/browser/listed.js";

const rows = [
  { id: "kept-by-an-older-version", unread: 0 },
  { id: "ben", kind: "direct", unread: 2 },
  { id: "choir", kind: "group", unread: 0, favourite: true },
  { id: "old", kind: "group", unread: 3, archived: true },
  { id: "tomas", kind: "direct", unread: 0 },
];
/** @param {{ id: string }[]} shown */
const ids = (shown) => shown.map(({ id }) => id);

test("favourites come first, then the newest, without archived ones", () => {
  assert.deepEqual(ids(listed(rows, "all", "")), ["choir", "tomas", "ben", "kept-by-an-older-version"]);
  assert.deepEqual(ids(archived(rows)), ["old"]);
});

test("the open conversation stays among the unread ones", () => {
  assert.deepEqual(ids(listed(rows, "unread", "")), ["ben"]);
  assert.deepEqual(ids(listed(rows, "unread", "tomas")), ["tomas", "ben"]);
});

test("groups are listed alone", () => {
  assert.deepEqual(ids(listed(rows, "groups", "")), ["choir"]);
});

test("a choice changes neither the rows nor their order", () => {
  const before = structuredClone(rows);
  listed(rows, "all", "");
  assert.deepEqual(rows, before);
});
