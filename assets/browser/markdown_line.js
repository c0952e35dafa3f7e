// Markdown within a line: bold, italic, strike, code, links and bare addresses.

import { addressAt, hostOf, isSafe } from "./addresses.js";

/**
 * A piece of a line.
 * @typedef {string | { type: "strong" | "em" | "del", children: Inline[] } | { type: "code", text: string } | Link} Inline
 */

/** @typedef {{ type: "link", href: string, children: Inline[] }} Link */

/**
 * A sign that may begin something: `at` is its place among the pieces, `deep` how deeply what follows it is
 * nested.
 * @typedef {{ sign: string, count: number, at: number, deep: number, written: number }} Opener
 */

/** How deeply signs, and blocks, may be nested. */
export const MAX_DEPTH = 6;
const MAX_ADDRESS = 2_048;

// Signs that may begin something.
const SPECIAL = /[\\`*_~[\]]|\bhttps?:\/\/|\bmailto:/giu;
const PUNCTUATION = /[!-/:-@[-`{-~]/u;
const BLANK = /\s/u;
const WORD = /[\p{L}\p{N}]/u;
// Scripts that write words without spaces between them, or endings right after a word.
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** A line, of which `pieces` is called once. */
export class Line {
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
export function joined(pieces) {
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
