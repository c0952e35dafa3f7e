// The word that begins with an at sign and is being written: what may become a mention.

// Older browsers cannot look behind.
const AT_WORD = /(^|[\s([{"'“„«])@([\p{L}\p{M}\p{N}_.-]{0,32})$/u;

/**
 * Return where the word begins whose end is at the caret, and what follows its at sign; undefined where
 * there is no such word.
 * @param {string} text
 * @param {number} caret
 * @returns {{ start: number, query: string } | undefined}
 */
export function atWord(text, caret) {
  const found = AT_WORD.exec(text.slice(0, caret));
  return found ? { start: found.index + found[1].length, query: found[2] } : undefined;
}
