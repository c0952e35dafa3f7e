// Web addresses in texts: where a bare one ends, and which ones may become links.

// A bidirectional control character ends an address: it could make one address look like another.
// So does the punctuation of Chinese and Japanese, where no blank follows: 。，、！？：；（）「」 and others.
const ENDS = "\\s<>\"`\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069";
const WIDE = "\\u3001-\\u3003\\u3008-\\u3011\\u3014-\\u301f\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff3d\\uff5b-\\uff65";
// The text of a link ends where `](` follows.
const REST = `(?:(?!\\]\\()[^${ENDS}${WIDE}])+`;
const ADDRESS = new RegExp(`https?://${REST}|mailto:[\\w.!#$%&'*+/=?^{|}~-]{1,64}@${REST}`, "iuy");
const SAFE = new RegExp(`^(?:https?://|mailto:)[^${ENDS}]+$`, "iu");
// The last ones are of Arabic, Hindi, and quotation marks.
const AFTER_A_SENTENCE = /[.,;:!?…'*_~،؛؟।‘’“”«»‹›]/u;
/** @type {Record<string, string>} */
const BRACKETS = { ")": "(", "]": "[" };

/**
 * Return the bare address that begins at a place; undefined where there is none.
 * @param {string} text
 * @param {number} at
 */
export function addressAt(text, at) {
  ADDRESS.lastIndex = at;
  const found = ADDRESS.exec(text)?.[0];
  const address = found && bare(found);
  return address && !/^(?:https?|mailto):\/*$/iu.test(address) ? address : undefined;
}

/**
 * Return whether an address, or its beginning, may become a link.
 * @param {string} address
 */
export const isSafe = (address) => SAFE.test(address);

/**
 * Return the server of a web address; "" without one.
 * @param {string} address
 */
export const hostOf = (address) => (/^https?:\/\/([^\s/?#]+)/iu.exec(address)?.[1] ?? "").toLowerCase();

/**
 * Remove the full stop or the closing bracket of the sentence around an address.
 * @param {string} found
 */
function bare(found) {
  /** How many brackets of each kind are opened, less those that are closed. @type {Record<string, number>} */
  const open = { "(": 0, "[": 0 };
  for (const letter of found) {
    if (letter in open) open[letter] += 1;
    else if (letter in BRACKETS) open[BRACKETS[letter]] -= 1;
  }
  let end = found.length;
  for (; end > 0; end -= 1) {
    const last = found[end - 1];
    const opening = BRACKETS[last];
    if (opening && open[opening] < 0) open[opening] += 1;
    else if (!AFTER_A_SENTENCE.test(last)) break;
  }
  return found.slice(0, end);
}
