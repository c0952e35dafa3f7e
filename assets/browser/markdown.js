// Markdown's everyday part: parses the text of a message into a tree. Bold, italic, strike, code, quotes,
// lists, links and bare addresses; everything else stays as it is written. rich_text.js shows the tree, and lists show its words.

import { addressAt, hostOf, isSafe } from "./addresses.js";

/**
 * A piece of a line.
 * @typedef {string | { type: "strong" | "em" | "del", children: Inline[] } | { type: "code", text: string } | Link} Inline
 */

/** @typedef {{ type: "link", href: string, children: Inline[] }} Link */

/**
 * @typedef {{ type: "text", children: Inline[] } | { type: "code", language: string, text: string }
 *   | { type: "quote", children: Block[] } | List} Block
 */

/** The number of an item is the one that was written. @typedef {{ type: "list", ordered: boolean, items: Item[] }} List */
/** @typedef {{ number: number, children: Block[] }} Item */

/**
 * A sign that may begin something: `at` is its place among the pieces, `deep` how deeply what follows it is
 * nested.
 * @typedef {{ sign: string, count: number, at: number, deep: number, written: number }} Opener
 */

const MAX_DEPTH = 6;
const MAX_TREES = 500;
const MAX_ADDRESS = 2_048;

const FENCE = /^( {0,3})(?:(`{3,})([^`]*)|(~{3,})(.*))$/u;
const LANGUAGE = /^\s*([\w+#.-]{1,20})/u;
// Not before the eyes of a face: >:( and >_<
const QUOTE = /^ {0,3}>(?![_:;=.<^-]) ?/u;
const ITEM = /^( {0,3})([-*+]|(?:0|[1-9]\d{0,8})\.)([ \t]+)(?=\S)/u;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/u;
const INDENT = /^[ \t]*/u;

// Signs that may begin something within a line, or a block.
const SPECIAL = /[\\`*_~[\]]|\bhttps?:\/\/|\bmailto:/giu;
const ANY_MARK = /[\\`*_~[>]|^[ \t]*[-+\d]|https?:\/\/|mailto:/imu;
const PUNCTUATION = /[!-/:-@[-`{-~]/u;
const BLANK = /\s/u;
const WORD = /[\p{L}\p{N}]/u;
// Scripts that write words without spaces between them, or endings right after a word.
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

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

// ---- Within a line

class Line {
  /** @type {Inline[]} */
  #pieces = [];
  /** The signs that may still be closed. @type {Opener[]} */
  #open = [];
  /** The brackets among them; one that is closed and no link has no sign any more. @type {Opener[]} */
  #brackets = [];
  /** How many of each mark may be closed. @type {Record<string, number>} */
  #waiting = {};
  /** The beginnings of runs of backticks, by their length. @type {Map<number, number[]> | undefined} */
  #ticks;
  #at = 0;

  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }

  pieces() {
    const { text } = this;
    while (this.#at < text.length) {
      SPECIAL.lastIndex = this.#at;
      const found = SPECIAL.exec(text);
      const next = found?.index ?? text.length;
      if (next > this.#at) this.#pieces.push(text.slice(this.#at, next));
      this.#at = next;
      if (found) this.#read(found[0]);
    }
    return joined(this.#pieces);
  }

  /** @param {string} sign */
  #read(sign) {
    if (sign === "\\") this.#escape();
    else if (sign === "`") this.#code();
    else if (sign === "[") this.#brackets.push(this.#push("[", 1));
    else if (sign === "]") this.#link();
    else if (sign.length === 1) this.#mark(sign);
    else this.#address();
  }

  #escape() {
    const next = this.text[this.#at + 1] ?? "";
    const isLiteral = PUNCTUATION.test(next);
    this.#pieces.push(isLiteral ? next : "\\");
    this.#at += isLiteral ? 2 : 1;
  }

  #code() {
    const count = this.#run("`");
    const start = this.#at + count;
    const end = this.#closingTicks(count, start);
    if (end === undefined) {
      this.#pieces.push(this.text.slice(this.#at, start));
      this.#at = start;
      return;
    }
    const inner = this.text.slice(start, end).replaceAll("\n", " ");
    const isPadded = inner.startsWith(" ") && inner.endsWith(" ") && inner.trim();
    this.#pieces.push({ type: "code", text: isPadded ? inner.slice(1, -1) : inner });
    this.#at = end + count;
  }

  /**
   * Return where the next run of so many backticks begins.
   * @param {number} count
   * @param {number} from
   */
  #closingTicks(count, from) {
    if (!this.#ticks) {
      this.#ticks = new Map();
      for (const { 0: run, index } of this.text.matchAll(/`+/gu)) {
        const starts = this.#ticks.get(run.length);
        if (starts) starts.push(index);
        else this.#ticks.set(run.length, [index]);
      }
      for (const starts of this.#ticks.values()) starts.reverse();
    }
    const starts = this.#ticks.get(count) ?? [];
    // Those before are done with: the text is read once.
    while (starts.length && starts[starts.length - 1] < from) starts.pop();
    return starts.at(-1);
  }

  /**
   * Return how often a sign stands here.
   * @param {string} sign
   */
  #run(sign) {
    let end = this.#at;
    while (this.text[end] === sign) end += 1;
    return end - this.#at;
  }

  /** @param {string} sign */
  #mark(sign) {
    const count = this.#run(sign);
    const before = characterBefore(this.text, this.#at);
    const after = characterAt(this.text, this.#at + count);
    const isMark = { "*": count <= 3, _: count === 1, "~": count === 2 }[sign];
    const opens = isMark && after && !BLANK.test(after) && !isWord(before);
    let left = count;
    if (isMark && before && !BLANK.test(before) && !isWord(after)) left = this.#close(sign, count);
    if (left && opens) this.#push(sign, left);
    else if (left) this.#pieces.push(sign.repeat(left));
    this.#at += left && opens ? count - left : count;
  }

  /**
   * Note a sign that may begin something. Until that ends, the sign is text.
   * @param {string} sign
   * @param {number} count
   */
  #push(sign, count) {
    /** @type {Opener} */
    const opener = { sign, count, at: this.#pieces.length, deep: 0, written: this.#at };
    this.#open.push(opener);
    if (sign !== "[") this.#waiting[sign] = (this.#waiting[sign] ?? 0) + 1;
    this.#pieces.push(sign.repeat(count));
    this.#at += count;
    return opener;
  }

  /**
   * Drop what was opened last. What is nested in it is nested in what is around it.
   * @returns {Opener}
   */
  #pop() {
    const dropped = /** @type {Opener} */ (this.#open.pop());
    if (dropped.sign === "[") this.#brackets.pop();
    else if (dropped.sign) this.#waiting[dropped.sign] -= 1;
    this.#nested(dropped.deep);
    return dropped;
  }

  /** @param {number} deep */
  #nested(deep) {
    const around = this.#open.at(-1);
    if (around) around.deep = Math.max(around.deep, deep);
  }

  /**
   * End what these signs end; return how many of them are left.
   * @param {string} sign
   * @param {number} count
   */
  #close(sign, count) {
    let left = count;
    while (left && this.#waiting[sign]) {
      while (this.#open.at(-1)?.sign !== sign) this.#pop();
      const opener = /** @type {Opener} */ (this.#open.at(-1));
      const used = Math.min(left, opener.count, 2);
      const deep = opener.deep + 1;
      if (deep > MAX_DEPTH) {
        this.#pop();
        this.#pieces.push(sign.repeat(used));
      } else {
        const children = joined(this.#pieces.splice(opener.at + 1));
        opener.count -= used;
        if (opener.count) this.#pieces[opener.at] = sign.repeat(opener.count);
        else {
          this.#pieces.pop();
          this.#pop();
        }
        this.#pieces.push({ type: sign === "~" ? "del" : used === 2 ? "strong" : "em", children });
        this.#nested(deep);
      }
      left -= used;
    }
    return left;
  }

  #link() {
    const end = this.#at;
    this.#at += 1;
    const opener = this.#brackets.at(-1);
    const destination = opener && destinationAt(this.text, this.#at);
    if (!opener || !destination || !isTextOf(this.text.slice(opener.written + 1, end), destination.href)) {
      // Signs between the brackets may still be closed.
      const dropped = this.#brackets.pop();
      if (dropped) dropped.sign = "";
      this.#pieces.push("]");
      return;
    }
    while (this.#open.at(-1) !== opener) this.#pop();
    this.#pop();
    const deep = opener.deep + 1;
    if (deep > MAX_DEPTH) {
      this.#pieces.push("]");
      return;
    }
    const children = joined(withoutLinks(this.#pieces.splice(opener.at).slice(1)));
    this.#pieces.push({ type: "link", href: destination.href, children });
    this.#nested(deep);
    this.#at = destination.end;
  }

  #address() {
    const address = addressAt(this.text, this.#at);
    if (address) {
      this.#pieces.push({ type: "link", href: address, children: [address] });
      this.#nested(1);
      this.#at += address.length;
    } else {
      // Its first letter is text, and so is what follows up to the next sign.
      this.#pieces.push(this.text[this.#at]);
      this.#at += 1;
    }
  }
}

/**
 * Return the address in brackets at a place, and where the brackets end; undefined for one that is no link.
 * @param {string} text
 * @param {number} start
 */
function destinationAt(text, start) {
  if (text[start] !== "(" || !isSafe(text.slice(start + 1, start + 10))) return undefined;
  let depth = 0;
  let href = "";
  const end = Math.min(text.length, start + MAX_ADDRESS);
  for (let at = start + 1; at < end; at += 1) {
    const letter = text[at];
    if (letter === ")" && depth === 0) return isSafe(href) ? { href, end: at + 1 } : undefined;
    if (letter === "\\" && PUNCTUATION.test(text[at + 1] ?? "")) at += 1;
    else if (letter === "(") depth += 1;
    else if (letter === ")") depth -= 1;
    href += text[at];
  }
  return undefined;
}

/**
 * Return whether words can be those of a link: they do not name another place than the one it leads to.
 * @param {string} words
 * @param {string} href
 */
function isTextOf(words, href) {
  const start = words.search(/https?:\/\//iu);
  return words.trim() !== "" && (start < 0 || hostOf(words.slice(start)) === hostOf(href));
}

/**
 * Return pieces with the words of the links among them instead of these.
 * @param {Inline[]} pieces
 * @returns {Inline[]}
 */
function withoutLinks(pieces) {
  return pieces.flatMap((piece) => {
    if (typeof piece === "string" || piece.type === "code") return [piece];
    const children = withoutLinks(piece.children);
    return piece.type === "link" ? children : [{ ...piece, children }];
  });
}

/**
 * Return pieces with neighbouring strings as one.
 * @param {Inline[]} pieces
 */
function joined(pieces) {
  /** @type {Inline[]} */
  const merged = [];
  /** @type {string[]} */
  let words = [];
  for (const piece of [...pieces, undefined]) {
    if (typeof piece === "string") words.push(piece);
    else {
      if (words.length) merged.push(words.join(""));
      words = [];
      if (piece) merged.push(piece);
    }
  }
  return merged.filter(Boolean);
}

/** @param {string} character */
const isWord = (character) => WORD.test(character) && !UNSPACED.test(character);

/**
 * @param {string} text
 * @param {number} at
 */
function characterAt(text, at) {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}

/**
 * @param {string} text
 * @param {number} at
 */
const characterBefore = (text, at) => /(?:[\ud800-\udbff][\udc00-\udfff]|[^])$/.exec(text.slice(Math.max(0, at - 2), at))?.[0] ?? "";

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
