// Addresses in what people wrote, as links. Everything else stays the text it is: React escapes
// it, and only http and https ever become an href.

import { createElement } from "react";

// What turns text around (bidi controls) ends an address: it could make one look like another.
const ADDRESS = /\bhttps?:\/\/[^\s<>"`\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const AFTER_A_SENTENCE = /[.,;:!?…'*_~]$/u;

/** The text with its addresses as links: a string, or pieces of one for React. */
export function linked(text) {
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

/** Without the full stop or the closing bracket of the sentence around it. */
function bare(found) {
  let address = found;
  for (;;) {
    const last = address.at(-1);
    const closesNothing = last === ")" && count(address, "(") < count(address, ")");
    if (!closesNothing && !AFTER_A_SENTENCE.test(address)) return address;
    address = address.slice(0, -1);
  }
}

const count = (text, letter) => text.split(letter).length - 1;

// A tab of its own: leaving the page would cut the live link.
const link = (address, key) =>
  createElement("a", { key, href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address);
