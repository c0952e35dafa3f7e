// Markdown's everyday part: the tree of a text, hostile texts among them.

/** @import { Block } from "../../assets/browser/markdown.js" */
/** @import { Inline } from "../../assets/browser/markdown_line.js" */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, plainText, previewLine } from "../../assets/browser/markdown.js";

/**
 * Write a tree shortly: `strong[…]`, `link<address>[…]`.
 * @param {Inline} piece
 * @returns {string}
 */
function inline(piece) {
  if (typeof piece === "string") return piece;
  if (piece.type === "code") return `code[${piece.text}]`;
  const name = piece.type === "link" ? `link<${piece.href}>` : piece.type;
  return `${name}[${piece.children.map(inline).join("")}]`;
}

/**
 * @param {Block} block
 * @returns {string}
 */
function written(block) {
  if (block.type === "text") return block.children.map(inline).join("");
  if (block.type === "code") return `block<${block.language}>[${block.text}]`;
  if (block.type === "quote") return `quote[${block.children.map(written).join("|")}]`;
  const items = block.items.map(({ number, children }) => `${block.ordered ? `${number}:` : ""}${children.map(written).join("|")}`);
  return `list[${items.join(";")}]`;
}

/** @param {string} text */
const shown = (text) => parse(text).map(written).join("|");

/** @param {Record<string, string>} cases */
function check(cases) {
  for (const [text, tree] of Object.entries(cases)) assert.equal(shown(text), tree, text);
}

/** @param {string[]} texts */
function stay(...texts) {
  for (const text of texts) assert.equal(shown(text), text);
}

test("marks around words are bold, italic, struck out and code", () => {
  check({
    "**a** *b* _c_ ~~d~~ `e`": "strong[a] em[b] em[c] del[d] code[e]",
    "***a***": "em[strong[a]]",
    "**a *b***": "strong[a em[b]]",
    "***a* b**": "strong[em[a] b]",
    "(**a**), “*b*”!": "(strong[a]), “em[b]”!",
    "*a\nb*": "em[a\nb]",
    "``a ` b`` and `` ` ``": "code[a ` b] and code[`]",
    "`**a**`": "code[**a**]",
    "*😀* 😀*a*": "em[😀] 😀em[a]",
  });
});

test("marks are for whole words, but in scripts without spaces", () => {
  stay("2*3*4", "a * b * c", "snake_case_name", "x**y**z", "*a*b", "5* and 4*", "Ж*ж*ж", "~ a ~ b", "~a~");
  check({ "这是**重要**的": "这是strong[重要]的", "**중요**한": "strong[중요]한", "**สำคัญ**มาก": "strong[สำคัญ]มาก" });
});

test("what does not end, and what is not of the everyday part, stays as it is written", () => {
  stay("**a", "a**", "*", "****a****", "`a", "[a", "a](b)", "[a](b)", "[a] (b)");
  stay("# a", "## b", "__x__", "1) a", "| a | b |\n|---|---|\n| 1 | 2 |", "---", "***", "- - -", "a\n===", "&amp; <b>x</b>");
  stay("    a", "![", "[x]: b", "[^1]", "- ", "1.", "```", "```js", "-a", "+1", "1.5", "007. x");
  stay("*a\n\nb*", "a\n\n\nb");
});

test("a backslash makes the next sign literal", () => {
  check({
    "\\*a\\*": "*a*",
    "\\`a`": "`a`",
    "\\[a](https://b.c)": "[a](link<https://b.c>[https://b.c])",
    "\\# \\> \\- 1\\.": "# > - 1.",
    "\\\\": "\\",
    "C:\\Users\\x": "C:\\Users\\x",
    "¯\\_(ツ)_/¯": "¯_(ツ)_/¯",
    "\\> a": "> a",
    "\\- a": "- a",
    "3\\. a": "3. a",
    "\\```\na": "```\na",
    "*a\\*": "*a*",
  });
});

test("quotes, lists and code are blocks", () => {
  check({
    "> a\n> b\n\nc": "quote[a\nb]|c",
    ">a\n>> b": "quote[a|quote[b]]",
    ">_< >:(": ">_< >:(",
    "a\n- b\n- c\n\nd": "a|list[b;c]|d",
    "* a\n+ b": "list[a;b]",
    "- a\n  - b\n    c\n- d": "list[a|list[b\nc];d]",
    "- a\n\n- b": "list[a;b]",
    "- a\n1. b": "list[a]|list[1:b]",
    "- a\n  > b\n  ```\n  c\n  ```": "list[a|quote[b]|block<>[c]]",
    "> - a": "quote[list[a]]",
    "```py\nx = 1\n\n  y\n```\nz": "block<py>[x = 1\n\n  y]|z",
    "~~~ C++ x\n```\n~~~": "block<c++>[```]",
    "````\n```\n````": "block<>[```]",
    "```\na": "block<>[a]",
    "```a``` b": "code[a] b",
    "> ```\n> a\nb": "quote[block<>[a]]|b",
  });
});

test("a list keeps its numbers", () => {
  check({
    "3. a\n7. b": "list[3:a;7:b]",
    "0. a\n0. b": "list[0:a;0:b]",
    "1. a\n   b\n2. c": "list[1:a\nb;2:c]",
    "1984. A book": "list[1984:A book]",
  });
});

test("links have words and addresses of three schemes", () => {
  check({
    "[a](https://b.c)": "link<https://b.c>[a]",
    "[**a** b](http://b.c/(d)?e=1#f).": "link<http://b.c/(d)?e=1#f>[strong[a] b].",
    "[a](mailto:b@c.d)": "link<mailto:b@c.d>[a]",
    "[a](HTTPS://B.C)": "link<HTTPS://B.C>[a]",
    "[a [b](https://c.d)": "[a link<https://c.d>[b]",
    "[a](b) [c](https://d.e)": "[a](b) link<https://d.e>[c]",
    "[[a]](https://b.c)": "link<https://b.c>[[a]]",
    "*a [b*](https://c.d)": "em[a [b]](link<https://c.d>[https://c.d])",
    "[a](https://b.c/\\))": "link<https://b.c/)>[a]",
    "![a](https://b.c)": "!link<https://b.c>[a]",
    "**[a](https://b.c)**": "strong[link<https://b.c>[a]]",
    "[x https://b.c/d](https://b.c)": "link<https://b.c>[x https://b.c/d]",
  });
});

test("bare addresses are links", () => {
  check({
    "See https://a.b/c?d=1&e=2.": "See link<https://a.b/c?d=1&e=2>[https://a.b/c?d=1&e=2].",
    "(https://a.b/c_(d)_e)": "(link<https://a.b/c_(d)_e>[https://a.b/c_(d)_e])",
    "[https://a.b]": "[link<https://a.b>[https://a.b]]",
    "**https://a.b/*c***": "strong[link<https://a.b/*c>[https://a.b/*c]]*",
    "看https://a.b。c": "看link<https://a.b>[https://a.b]。c",
    "mailto:a@b.c, x": "link<mailto:a@b.c>[mailto:a@b.c], x",
    "http://[::1]:80/": "link<http://[::1]:80/>[http://[::1]:80/]",
  });
  stay("https://", "http:///", "xhttps://a.b", "ftp://a.b", "mailto:", "mailto:a", "a@b.c", "www.a.b", "http:a.b");
});

test("words that name another place than their address do not hide it", () => {
  const text = "[https://bank.example](https://evil.example)";
  assert.match(shown(text), /^\[link<https:\/\/bank\.example>.*link<https:\/\/evil\.example>/u);
});

/** Texts that some reader of Markdown took for more than text. */
const INJECTIONS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "[a](javascript:alert(1))",
  "[a](JaVaScRiPt:alert(1))",
  "[a](java\nscript:alert(1))",
  "[a](\tjavascript:alert(1))",
  "[a](&#106;avascript:alert(1))",
  "[a](\\javascript:alert(1))",
  "[a](javascript&colon;alert(1))",
  "[a](data:text/html;base64,PHNjcmlwdD4=)",
  "[a](vbscript:msgbox(1))",
  "[a](file:///etc/passwd)",
  "[a](blob:https://b.c/1)",
  "[a](//evil.example)",
  "[a](/api/auth/logout)",
  "[a](?x)",
  "[a](<javascript:alert(1)>)",
  "[a]: javascript:alert(1)\n\n[a]",
  "<javascript:alert(1)>",
  "![a](javascript:alert(1))",
  '[a](https://b.c" onmouseover="alert(1))',
  "[a](https://b.c 'x')",
  "[a](https://b.c\u202egnp.exe)",
  "javascript:alert(1)//https://",
  "`<b>`",
  "```<img src=x onerror=alert(1)>\n<b>\n```",
  "```\"><script>\n```",
  "> <iframe src=javascript:alert(1)>",
  "- <a href=javascript:alert(1)>x</a>",
  "{{constructor.constructor('alert(1)')()}}",
  "[__proto__](https://b.c)",
  "[a](https://b.c/\u0000)",
];

test("an injection stays text, and no link leads elsewhere than to the web or to mail", () => {
  for (const text of INJECTIONS) {
    for (const around of [text, `**${text}**`, `> ${text}`, `- ${text}`, `[${text}](https://b.c)`]) {
      const hrefs = [...shown(around).matchAll(/link<([^>]*)>/gu)].map((found) => found[1]);
      for (const href of hrefs) assert.match(href, /^(https?:\/\/|mailto:)[^\s"<>\u202e]+$/iu, around);
      for (const { type } of everyNode(parse(around))) assert.ok(TYPES.has(type), type);
    }
  }
});

const TYPES = new Set(["text", "code", "quote", "list", "strong", "em", "del", "link"]);

/**
 * @param {(Block | Inline)[]} nodes
 * @returns {Exclude<Block | Inline, string>[]}
 */
function everyNode(nodes) {
  return nodes.flatMap((node) => {
    if (typeof node === "string") return [];
    const inner = "children" in node ? node.children : "items" in node ? node.items.flatMap((item) => item.children) : [];
    return [node, ...everyNode(inner)];
  });
}

const SIZE = 8_000;
/**
 * @param {string} unit
 * @param {number} [size]
 */
const many = (unit, size = SIZE) => unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
const HALF = SIZE / 2;
const HOSTILE = {
  "quotes in quotes": many("> "),
  "quotes without spaces": many(">"),
  "quotes and lists": many(">\n- "),
  stars: many("*"),
  "stars that open": many("*a "),
  "stars in stars": many("*a ", HALF) + many("a* ", HALF),
  "bold that opens": many("**a *b "),
  "all marks in one another": many("*a _b ~~c **d ", HALF) + many("d** c~~ b_ a* ", HALF),
  "marks at once": many("*_~~**"),
  underlines: many("_a "),
  tildes: many("~~a "),
  "brackets that open": many("["),
  "brackets that close": many("]"),
  "links that do not end": many("[a]("),
  "links with addresses that do not end": many("[a](http://"),
  "addresses with brackets": many("[a](http://("),
  "links in links": many("[", HALF) + many("](http://a)", HALF),
  "marks across links": many("[*a ", HALF) + many("*](http://a) ", HALF),
  "code that does not end": Array.from({ length: 125 }, (_, at) => "`".repeat(at)).join(" "),
  "code of many lengths": many("`a``b```c````d"),
  fences: many("```\n"),
  "fences of two kinds": many("~~~a\n```b\n"),
  "lists in lists": Array.from({ length: 125 }, (_, at) => `${" ".repeat(at)}- a`).join("\n"),
  "items in items": many("- "),
  numbers: many("1. a\n"),
  backslashes: many("\\"),
  addresses: many("http://"),
  "addresses of mail": many("mailto:"),
  "an address in brackets": `https://a${many(")")}`,
  "an address with full stops": `https://a${many(".")}`,
  spaces: `- ${many(" ")}a`,
  lines: many("\n"),
  rules: `-${many(" -")}x`,
};

test("a hostile text takes at most 25 ms, and is not nested deeper than a screen can show", () => {
  parse(many("*a* [b](http://c) `d`\n- e\n")); // The engine compiles what it runs often.
  for (const [name, text] of Object.entries(HOSTILE)) {
    const times = [0, 1, 2, 3, 4].map((at) => {
      const before = process.threadCpuUsage();
      parse(text + at);
      plainText(text + at, true);
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1_000;
    });
    assert.ok(Math.min(...times) <= 25, `${name}: ${times.join(", ")} ms`);
    assert.ok(depthOf(parse(text)) <= 14, name);
  }
});

/**
 * @param {(Block | Inline)[]} nodes
 * @returns {number}
 */
function depthOf(nodes) {
  const inner = nodes.flatMap((node) => {
    if (typeof node === "string") return [];
    return "children" in node ? [depthOf(node.children)] : "items" in node ? node.items.map((item) => depthOf(item.children)) : [1];
  });
  return 1 + Math.max(0, ...inner);
}

test("a text has its words in one line without marks", () => {
  for (const [text, plain] of Object.entries({
    "**a** _b_ `c`": "a b c",
    "[a](https://b.c) https://d.e": "a https://d.e",
    "> a\n\nb": "a b",
    "- a\n- b\n1. c": "• a • b 1. c",
    "```js\nlet a;\n```": "let a;",
    "\\*a\\*": "*a*",
    "2*3*4 __x__ # y": "2*3*4 __x__ # y",
  })) {
    assert.equal(plainText(text), plain);
  }
});

test("a text that was cut shows no mark that would have ended", () => {
  assert.equal(plainText("a **b c", true), "a b c");
  assert.equal(plainText("a [b c](https://d", true), "a b c");
  assert.equal(plainText("a `b", true), "a b");
  assert.equal(plainText("2*3 and 4 * 5", true), "2*3 and 4 * 5");
  assert.equal(plainText("a **b c"), "a **b c");
});

test("a text that was parsed is the same tree again", () => {
  assert.equal(parse("**kept**"), parse("**kept**"));
  const first = parse("**first**");
  for (let at = 0; at < 500; at += 1) parse(`**${at}**`);
  assert.notEqual(parse("**first**"), first);
});

test("a line of a list has what stands before a message, and its beginning without marks", () => {
  assert.equal(previewLine("You: ", "**a**\n- b"), "You: a • b");
  assert.equal(previewLine("Ann: ", "a [b](https://c…"), "Ann: a b");
  assert.equal(previewLine("*Ann* joined", ""), "*Ann* joined");
  assert.equal(previewLine("You: a", undefined), "You: a");
});
