// Turns web addresses in messages into links. Everything else stays text: React escapes it, and only
// http and https addresses become an href.

/** @import { ReactElement } from "react" */

import { createElement } from "react";

// A bidirectional control character ends an address: it could make one address look like another.
// So does the punctuation of Chinese and Japanese, where no blank follows: 。，、！？：；（）「」 and others.
const ENDS = "\\s<>\"`\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069";
const WIDE = "\\u3001-\\u3003\\u3008-\\u3011\\u3014-\\u301f\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff3d\\uff5b-\\uff65";
const ADDRESS = new RegExp(`\\bhttps?://[^${ENDS}${WIDE}]+`, "giu");
// The last ones are of Arabic, Hindi, and quotation marks.
const AFTER_A_SENTENCE = /[.,;:!?…'*_~،؛؟।‘’“”«»‹›]$/u;

/**
 * Return the text with its addresses as links: the string itself, or a list of children for React.
 * @param {string} text
 * @returns {string | (string | ReactElement)[]}
 */
export function linked(text) {
  /** @type {(string | ReactElement)[]} */
  const pieces = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = bare(found);
    if (address.endsWith("/") && address.length <= "https://".length) continue;
    pieces.push(text.slice(end, index), link(address, index));
    end = index + address.length;
  }
  return end ? [...pieces, text.slice(end)] : text;
}

/**
 * Remove the full stop or the closing bracket of the sentence around an address.
 * @param {string} found
 */
function bare(found) {
  let address = found;
  for (;;) {
    const last = address.at(-1);
    const closesNothing = last === ")" && count(address, "(") < count(address, ")");
    if (!closesNothing && !AFTER_A_SENTENCE.test(address)) return address;
    address = address.slice(0, -1);
  }
}

/**
 * @param {string} text
 * @param {string} letter
 */
const count = (text, letter) => text.split(letter).length - 1;

/**
 * Return a link that opens in a new tab: leaving the page would close the live link.
 * @param {string} address
 * @param {number} key
 */
const link = (address, key) =>
  createElement("a", { key, href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address);
