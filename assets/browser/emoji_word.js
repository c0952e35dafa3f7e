// The word that begins with a colon and is being written: what may become an emoji.

// Older browsers cannot look behind. Two letters at least: a time and a face have one.
const COLON_WORD = /(^|[\s([{"'“„«])(:[+\-\p{L}\p{N}_][+\-\p{L}\p{M}\p{N}_]{1,39})(:?)$/u;

/**
 * Return where the word begins whose end is at the caret, what follows its colon, and whether another colon
 * ends it; undefined where there is no such word.
 * @param {string} text
 * @param {number} caret
 * @returns {{ start: number, query: string, ended: boolean } | undefined}
 */
export function emojiWord(text, caret) {
  const found = COLON_WORD.exec(text.slice(Math.max(0, caret - 64), caret));
  if (!found) return undefined;
  const [all, before, word, end] = found;
  return { start: caret - all.length + before.length, query: word.slice(1), ended: end !== "" };
}
