// Markdown's everyday part: parses the text of a message into a tree. Code, quotes and lists are found here,
// what is within a line in markdown_line.js; everything else stays as it is written. rich_text.js shows the
// tree, and lists show its words.

/** @import { Inline } from "./markdown_line.js" */
import { joined, Line, MAX_DEPTH } from "./markdown_line.js";

/**
 * @typedef {{ type: "text", children: Inline[] } | { type: "code", language: string, text: string }
 *   | { type: "quote", children: Block[] } | List} Block
 */

/** The number of an item is the one that was written. @typedef {{ type: "list", ordered: boolean, items: Item[] }} List */
/** @typedef {{ number: number, children: Block[] }} Item */

const MAX_TREES = 500;

const FENCE = /^( {0,3})(?:(`{3,})([^`]*)|(~{3,})(.*))$/u;
const LANGUAGE = /^\s*([\w+#.-]{1,20})/u;
// Not before the eyes of a face: >:( and >_<
const QUOTE = /^ {0,3}>(?![_:;=.<^-]) ?/u;
const ITEM = /^( {0,3})([-*+]|(?:0|[1-9]\d{0,8})\.)([ \t]+)(?=\S)/u;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/u;
const INDENT = /^[ \t]*/u;

// A text without any of these is plain.
const ANY_MARK = /[\\`*_~[>]|^[ \t]*[-+\d]|https?:\/\/|mailto:/imu;

/** The texts that were parsed last. @type {Map<string, Block[]>} */
const trees = new Map();

/**
 * Return the blocks of a text.
 * @param {string} text
 * @returns {Block[]}
 */
export function parse(text) {
  if (!ANY_MARK.test(text)) return [{ type: "text", children: [text] }];
  const kept = trees.get(text);
  if (kept) return kept;
  const tree = blocksOf(text.split("\n"), 0);
  const [oldest] = trees.keys();
  if (trees.size >= MAX_TREES) trees.delete(oldest);
  trees.set(text, tree);
  return tree;
}

// ---- Blocks

/**
 * @param {string[]} lines
 * @param {number} depth
 */
function blocksOf(lines, depth) {
  /** @type {Block[]} */
  const blocks = [];
  /** @type {string[]} */
  let plain = [];
  const endText = () => {
    const children = textOf(plain);
    if (children.length) blocks.push({ type: "text", children });
    plain = [];
  };
  let at = 0;
  while (at < lines.length) {
    const block = blockAt(lines, at, depth);
    if (block) {
      endText();
      blocks.push(block.block);
      at = block.end;
    } else {
      plain.push(lines[at]);
      at += 1;
    }
  }
  endText();
  return blocks;
}

/**
 * Return the block that begins in a line, and the line after it; undefined where it is plain text.
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {{ block: Block, end: number } | undefined}
 */
function blockAt(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  // Nothing follows the last line: it begins no code.
  if (fence && at + 1 < lines.length) return fenced(lines, at, fence);
  if (depth >= MAX_DEPTH) return undefined;
  if (QUOTE.test(line)) {
    let end = at + 1;
    while (end < lines.length && QUOTE.test(lines[end])) end += 1;
    const inner = lines.slice(at, end).map((one) => one.replace(QUOTE, ""));
    return { block: { type: "quote", children: blocksOf(inner, depth + 1) }, end };
  }
  return itemIn(line) ? listAt(lines, at, depth) : undefined;
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {RegExpExecArray} fence
 * @returns {{ block: Block, end: number }}
 */
function fenced(lines, at, fence) {
  const [, indent, ticks, tickedInfo, tildes, tildedInfo] = fence;
  const mark = ticks ?? tildes;
  const isClosing = (/** @type {string} */ line) => {
    const found = FENCE.exec(line);
    const closing = found?.[2] ?? found?.[4] ?? "";
    return closing.startsWith(mark) && !(found?.[3] ?? found?.[5] ?? "").trim();
  };
  let end = at + 1;
  while (end < lines.length && !isClosing(lines[end])) end += 1;
  const leading = new RegExp(`^ {0,${indent.length}}`, "u");
  const text = lines
    .slice(at + 1, end)
    .map((line) => line.replace(leading, ""))
    .join("\n");
  const language = (LANGUAGE.exec(tickedInfo ?? tildedInfo)?.[1] ?? "").toLowerCase();
  return { block: { type: "code", language, text }, end: Math.min(end + 1, lines.length) };
}

/** @param {string} line */
const itemIn = (line) => (RULE.test(line) ? null : ITEM.exec(line));

/** @param {string} line */
const isBlank = (line) => !line.trim();

/** @param {string} line */
const indentOf = (line) => (INDENT.exec(line)?.[0] ?? "").replaceAll("\t", "    ").length;

/**
 * Return the list that begins in a line. Two more spaces than its first item has belong to an item.
 * @param {string[]} lines
 * @param {number} start
 * @param {number} depth
 * @returns {{ block: List, end: number }}
 */
function listAt(lines, start, depth) {
  const base = indentOf(lines[start]) + 2;
  const ordered = isNumbered(lines[start]);
  /** @type {Item[]} */
  const items = [];
  let at = start;
  for (;;) {
    const [all, , mark] = /** @type {RegExpExecArray} */ (itemIn(lines[at]));
    const inner = [lines[at].slice(all.length)];
    at += 1;
    for (;;) {
      const next = nextWritten(lines, at);
      if (next === lines.length || indentOf(lines[next]) < base) break;
      for (; at < next; at += 1) inner.push("");
      inner.push(outdented(lines[at], Math.max(base, all.length)));
      at += 1;
    }
    items.push({ number: ordered ? Number.parseInt(mark) : 0, children: blocksOf(inner, depth + 1) });
    const next = nextWritten(lines, at);
    if (next === lines.length || !itemIn(lines[next]) || isNumbered(lines[next]) !== ordered) break;
    at = next;
  }
  return { block: { type: "list", ordered, items }, end: at };
}

/** @param {string} line */
const isNumbered = (line) => /^\s*\d/u.test(line);

/**
 * Return the first line from `at` that is not blank.
 * @param {string[]} lines
 * @param {number} at
 */
function nextWritten(lines, at) {
  let next = at;
  while (next < lines.length && isBlank(lines[next])) next += 1;
  return next;
}

/**
 * Return a line without at most `width` leading spaces.
 * @param {string} line
 * @param {number} width
 */
function outdented(line, width) {
  const indent = indentOf(line);
  return " ".repeat(Math.max(0, indent - width)) + line.replace(INDENT, "");
}

/**
 * Return the pieces of lines, without the blank ones around them. Nothing goes on over a blank line.
 * @param {string[]} lines
 */
function textOf(lines) {
  let first = 0;
  let last = lines.length;
  while (first < last && isBlank(lines[first])) first += 1;
  while (last > first && isBlank(lines[last - 1])) last -= 1;
  if (first === last) return [];
  const parts = lines.slice(first, last).join("\n").split(/(\n(?:[^\S\n]*\n)+)/u);
  return joined(parts.flatMap((part, at) => (at % 2 ? [part] : new Line(part).pieces())));
}

// ---- As plain text

/**
 * Return a text in one line, without its marks. Where the text was `cut`, what it opens may end beyond.
 * @param {string} text
 * @param {boolean} [cut]
 */
export function plainText(text, cut = false) {
  const line = parse(text).map(wordsOf).join("\n").replace(/\s+/gu, " ").trim();
  return cut ? line.replace(UNCLOSED, "$1$2$3") : line;
}

/**
 * Return the line that shows a message in a list: what stands before it, and its beginning without marks.
 * @param {string} before
 * @param {string | undefined} excerpt missing in a row that was kept by an older version
 */
export const previewLine = (before, excerpt = "") => before + plainText(excerpt, excerpt.endsWith("…"));

// A sign or a link that begins and does not end.
const UNCLOSED = /(^|[\s(])(?:\*{1,3}|~~|`+)(?=\S)([^*~`]*)$|\[([^[\]]*)\]\([^()]*$/u;

/**
 * @param {Block} block
 * @returns {string}
 */
function wordsOf(block) {
  if (block.type === "code") return block.text;
  if (block.type === "text") return block.children.map(wordsIn).join("");
  if (block.type === "quote") return block.children.map(wordsOf).join("\n");
  return block.items
    .map(({ number, children }) => `${block.ordered ? `${number}. ` : "• "}${children.map(wordsOf).join("\n")}`)
    .join("\n");
}

/**
 * @param {Inline} piece
 * @returns {string}
 */
function wordsIn(piece) {
  if (typeof piece === "string") return piece;
  return piece.type === "code" ? piece.text : piece.children.map(wordsIn).join("");
}
