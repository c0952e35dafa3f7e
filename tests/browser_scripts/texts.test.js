import assert from "node:assert/strict";
import { test } from "node:test";
import { Language, said, say, shortName, worded } from "../../assets/browser/texts.js";
import { shortened, translated } from "../../chat_app/languages/pages.js";

const TOLD = "\0";

/** @param {Record<string, string | Record<string, string>>} texts */
const short = (texts) => shortened(texts);

test("a text without a catalogue is English, in the form of its number", () => {
  assert.equal(say("Settings"), "Settings");
  assert.equal(say("{n} member|{n} members", { n: 1 }), "1 member");
  assert.equal(say("{n} member|{n} members", { n: 1234 }), "1,234 members");
  assert.equal(say("Open#a group"), "Open");
});

test("a text of a catalogue has the form of its language", () => {
  const german = new Language("de", short({ "{n} file|{n} files": { one: "{n} Datei", other: "{n} Dateien" } }));
  const arabic = new Language(
    "ar",
    short({ "{n} file|{n} files": { zero: "لا ملفات", one: "ملف", two: "ملفان", few: "{n} ملفات", many: "{n} ملفًا", other: "{n} ملف" } }),
  );

  assert.deepEqual([1, 2, 12345].map((n) => german.say("{n} file|{n} files", { n })), ["1 Datei", "2 Dateien", "12.345 Dateien"]);
  assert.deepEqual(
    [0, 1, 2, 3, 11, 100].map((n) => arabic.say("{n} file|{n} files", { n })),
    ["لا ملفات", "ملف", "ملفان", "3 ملفات", "11 ملفًا", "100 ملف"],
  );
});

test("a text that a catalogue lacks is English", () => {
  assert.equal(new Language("de", {}).say("Hello {name}", { name: "Mia" }), "Hello Mia");
});

test("a list is written as the language does", () => {
  const key = "{who} added {whom}";
  assert.equal(say(key, { who: "Mia", whom: ["Ben", "Zoë", "Ada"] }), "Mia added Ben, Zoë and Ada");
  const german = new Language("de", short({ [key]: "{who} hat {whom} hinzugefügt" }));
  assert.equal(german.say(key, { who: "Mia", whom: ["Ben", "Ada"] }), "Mia hat Ben und Ada hinzugefügt");
});

test("a name does not turn the text around it", () => {
  assert.equal(say("{name} left", { name: "Mia" }), "Mia left");
  assert.equal(say("{name} left", { name: "منى" }), "\u2068منى\u2069 left");
  assert.equal(new Language("ar", {}).say("{name} left", { name: "Mia" }), "\u2068Mia\u2069 left");
});

test("a told text is said by the page, and what people wrote is nothing but itself", () => {
  const evil = '{name} ["Delete"]';
  assert.equal(said(`${TOLD}${JSON.stringify(["{name} joined", { name: evil }])}`), `${evil} joined`);
  const nested = `${TOLD}${JSON.stringify(["{n} more|{n} more", { n: 2 }])}`;
  assert.equal(said(`${TOLD}${JSON.stringify(["{whom}", { whom: ["Mia", nested] }])}`), "Mia and 2 more");
});

test("an error is said with its numbers, and one that is not known as it is", () => {
  const german = new Language("de", short({ "Write {a} to {b} characters.": "Schreibe {a} bis {b} Zeichen.", "This group is full.": "Voll." }));

  assert.equal(german.said("Write 1 to 1,000 characters."), "Schreibe 1 bis 1.000 Zeichen.");
  assert.equal(german.said("This group is full."), "Voll.");
  assert.equal(german.said("Something 1 new."), "Something 1 new.");
});

test("rows have their told texts said, and texts of people as they are", () => {
  const told = `${TOLD}${JSON.stringify(["You: {text}", { text: "" }])}`;
  const row = { id: "1", name: "Settings", preview: told, excerpt: '["Settings"]', pieces: [{ text: told }], at: null, unread: 2 };

  assert.deepEqual(worded(row), { ...row, preview: "You: ", pieces: [{ text: "You: " }] });
});

test("two texts of one short name stop the build", () => {
  assert.match(shortName("Settings"), /^[0-9a-z]{1,4}$/);
  /** @type {Map<string, string>} */
  const names = new Map();
  for (let number = 0; ; number += 1) {
    const [key, other] = [`Text ${number}`, names.get(shortName(`Text ${number}`))];
    names.set(shortName(key), key);
    if (!other) continue;
    assert.throws(() => shortened({ [key]: "", [other]: "" }), /short name/);
    break;
  }
});

test("a page has the texts, the language, the direction and the catalogue of its language", () => {
  const marked = (/** @type {unknown[]} */ ...mark) => `\ue000${JSON.stringify(mark).replaceAll('"', "&quot;").replaceAll("&", "&amp;").replaceAll("&amp;quot;", "&quot;")}\ue001`;
  const page =
    `<!DOCTYPE html><html lang="en"><head><script src="/language.js"></script><title>${marked("Sign in", {})} · Chat</title></head>` +
    `<body><a title="${marked("R&D {name}", { name: "<b>" })}">x</a></body></html>`;
  const texts = short({ "Sign in": "دخول", "R&D {name}": "بحث \"{name}\"" });

  assert.equal(
    translated(page, "en", {}),
    '<!DOCTYPE html><html lang="en"><head><script></script><title>Sign in · Chat</title></head><body><a title="R&amp;D &lt;b&gt;">x</a></body></html>',
  );
  assert.equal(
    translated(page, "ar", texts, "/assets/language-ar-1.js"),
    '<!DOCTYPE html><html lang="ar" dir="rtl"><head><script src="/assets/language-ar-1.js"></script><title>دخول · Chat</title></head>' +
      '<body><a title="بحث &quot;\u2068&lt;b&gt;\u2069&quot;">x</a></body></html>',
  );
  assert.throws(() => translated('<script src="/language.js"></script>\ue000[&quot;cut', "de", {}), /cut a text/);
});
