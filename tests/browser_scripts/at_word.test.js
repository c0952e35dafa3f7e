// The word with an @ at the caret.

import assert from "node:assert/strict";
import { test } from "node:test";
import { atWord } from "../../assets/browser/at_word.js";

/** @param {string} text `|` is the caret */
const at = (text) => atWord(text.replace("|", ""), text.indexOf("|"));

test("a word that begins with an @ is found up to the caret", () => {
  assert.deepEqual(at("@|"), { start: 0, query: "" });
  assert.deepEqual(at("Hello @to|mas"), { start: 6, query: "to" });
  assert.deepEqual(at("(@Зоя|"), { start: 1, query: "Зоя" });
  assert.deepEqual(at("one\n@ann-b.c_1|"), { start: 4, query: "ann-b.c_1" });
});

test("an address, a word without an @ and a finished mention are none", () => {
  for (const text of ["ann@exa|", "ann|", "@ann |", "|@ann", `@${"x".repeat(33)}|`, "@@|x"]) {
    assert.equal(at(text), undefined, text);
  }
});
