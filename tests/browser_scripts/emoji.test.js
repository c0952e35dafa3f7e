// The names of emoji: which word becomes one, and which emoji fit it.

/** @import { Emoji } from "../../assets/browser/emoji_data.js" */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { emojiNamed, findEmoji } from "../../assets/browser/emoji_data.js";
import { emojiWord } from "../../assets/browser/emoji_word.js";

/** @param {string} language */
function listOf(language) {
  /** @type {unknown} */
  const parsed = JSON.parse(readFileSync(new URL(`../../assets/emoji/${language}.json`, import.meta.url), "utf8"));
  return /** @type {Emoji[]} */ (parsed);
}

const all = listOf("en");

/** @param {string} text `|` is the caret */
const at = (text) => emojiWord(text.replace("|", ""), text.indexOf("|"));

/** @param {string} query */
const found = (query) => findEmoji(all, query).map(({ emoji }) => emoji);

test("a word that begins with a colon is found up to the caret", () => {
  assert.deepEqual(at(":sm|"), { start: 0, query: "sm", ended: false });
  assert.deepEqual(at("Hello :smi|le"), { start: 6, query: "smi", ended: false });
  assert.deepEqual(at("one\n(:+1|"), { start: 5, query: "+1", ended: false });
  assert.deepEqual(at(`${"long ".repeat(40)}:smile:|`), { start: 200, query: "smile", ended: true });
});

test("a time, an address, a face and a single letter are none", () => {
  for (const text of ["at 12:30|", "https://a|", ":D|", ":-)|", "a:smile|", ":smile |", ":|", "::|", `:${"x".repeat(41)}|`]) {
    assert.equal(at(text), undefined, text);
  }
});

test("emoji that are called so come first, at most eight", () => {
  assert.equal(found("+1")[0], "👍");
  assert.equal(found("heart")[0], "❤️");
  assert.equal(found("TADA")[0], "🎉");
  assert.ok(found("rock").includes("🚀"));
  assert.equal(found("a").length, 8);
  assert.deepEqual(found("nothing_is_called_so"), []);
});

test("emoji are found in other languages, too, and by their English names there", () => {
  assert.ok(findEmoji(listOf("de"), "daumen h").some(({ emoji, name }) => emoji === "👍" && name === "Daumen hoch"));
  assert.ok(findEmoji(listOf("de"), "Ölf").some(({ emoji }) => emoji === "🛢️"));
  assert.ok(findEmoji(listOf("ar"), "قلب أحمر").some(({ emoji }) => emoji === "❤️"));
  assert.equal(findEmoji(listOf("ar"), "tada")[0].emoji, "🎉");
});

test("an emoji is found by its whole name", () => {
  assert.equal(emojiNamed(all, "smile"), "😄");
  assert.equal(emojiNamed(all, "Tada"), "🎉");
  assert.equal(emojiNamed(all, "smil"), undefined);
});
