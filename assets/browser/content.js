// The text of a message as the server takes it.

import { say } from "./texts.js";

/** How many characters a message holds. */
export const LIMIT = 8_000;

// Separators that word processors put between lines, and the other control characters: the server refuses them.
const LINE_BREAKS = /\r\n?|[\v\f\u0085]/g;
const CONTROL = /(?![\t\n])\p{Cc}/gu;
const LONE_SURROGATE = /\p{Cs}/gu;
// Nothing of these can be seen.
const BLANK = /^[\s\p{Cf}\p{Mn}\u115f\u1160\u3164\uffa0\u2800]*$/u;

/**
 * Return a text as the server takes it: trimmed, without control characters; "" if nothing can be seen.
 * @param {string} text
 */
export function clean(text) {
  const plain = text.replace(LINE_BREAKS, "\n").replace(CONTROL, "").replace(LONE_SURROGATE, "\ufffd");
  return BLANK.test(plain) ? "" : plain.trim();
}

/**
 * Return that a clean text is too long, in words; "" where it is not.
 * @param {string} content
 */
export function excessOf(content) {
  const excess = [...content].length - LIMIT;
  if (excess <= 0) return "";
  return say("A message holds up to {most} characters; this one is {n} too long.", { most: LIMIT, n: excess });
}
