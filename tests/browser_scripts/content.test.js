import assert from "node:assert/strict";
import { test } from "node:test";

import { clean } from "../../assets/browser/content.js";

test("a text loses the control characters that the server refuses", () => {
  assert.equal(clean("one\vtwo\fthree\u0085four\r\nfive\rsix"), "one\ntwo\nthree\nfour\nfive\nsix");
  assert.equal(clean("a\u0000b\u0007c\u001bd\u007fe\u009ff"), "abcdef");
  assert.equal(clean("a\tb\nc"), "a\tb\nc");
});

test("half a character becomes a replacement character, and whole ones stay", () => {
  assert.equal(clean("a\ud83d"), "a\ufffd");
  assert.equal(clean("👩‍👩‍👧 ok"), "👩‍👩‍👧 ok");
});

test("a text of which nothing can be seen is empty", () => {
  for (const text of ["", "  \n\t", "\u200b\u200d", "\u3164", "\v", "\u2800 \u115f"]) assert.equal(clean(text), "");
});

test("a text is trimmed, and everything else stays as written", () => {
  assert.equal(clean("  ‏שלום\u200f, e\u0301 ﷽ \n"), "‏שלום\u200f, e\u0301 ﷽");
});
