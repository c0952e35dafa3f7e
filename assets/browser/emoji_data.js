// The names of emoji in the language of the page: the list is loaded once, with the first that is asked for, and
// searched here.

import { language } from "./texts.js";

const MOST = 8;
/** Where the list is; tests/make_emoji.py makes one for each language. */
export const EMOJI_DATA = `/emoji/${language}.json`;
/** The names of the picker's databases, one for each language, begin so. */
const PICKER = "emoji-picker-element-";

/** An emoji as emoji-picker-element's data has it. @typedef {{ emoji: string, annotation: string, shortcodes?: string[], tags?: string[] }} Emoji */

/** @typedef {{ emoji: string, name: string, shortcode: string }} FoundEmoji */

/** @type {Promise<Emoji[]> | undefined} */
let loading;

/**
 * Return the list of emoji; an empty one where it cannot be loaded.
 * @returns {Promise<Emoji[]>}
 */
export async function loadEmoji() {
  loading ??= load();
  try {
    return await loading;
  } catch {
    loading = undefined;
    return [];
  }
}

/** @returns {Promise<Emoji[]>} */
async function load() {
  const reply = await fetch(EMOJI_DATA);
  if (!reply.ok) throw new Error(`no emoji: ${reply.status}`);
  /** @type {unknown} */
  const all = await reply.json();
  return /** @type {Emoji[]} */ (all);
}

/** Forget which emoji were picked, in any language, as the picker keeps them for its row of frequent ones. */
export async function forgetPicks() {
  try {
    // At once: the page is about to be left.
    globalThis.indexedDB?.deleteDatabase(PICKER + language);
    for (const { name } of (await globalThis.indexedDB?.databases?.()) ?? []) {
      if (name?.startsWith(PICKER)) globalThis.indexedDB.deleteDatabase(name);
    }
  } catch {
    // Storage is blocked: nothing was kept.
  }
}

/**
 * Return the emoji whose names fit a text best: those called so, then those whose names, parts of names and
 * topics begin so.
 * @param {readonly Emoji[]} all
 * @param {string} query
 * @returns {FoundEmoji[]}
 */
export function findEmoji(all, query) {
  const text = query.toLowerCase();
  /** @type {FoundEmoji[][]} */
  const ranks = [[], [], [], []];
  for (const { emoji, annotation, shortcodes = [], tags = [] } of all) {
    const best = bestName(shortcodes, text);
    const rank = best?.rank ?? ([annotation, ...tags].some((tag) => tag.toLowerCase().startsWith(text)) ? 3 : undefined);
    const shortcode = best?.name ?? shortcodes[0];
    if (rank !== undefined && shortcode) ranks[rank].push({ emoji, name: annotation, shortcode });
  }
  return ranks.flat().slice(0, MOST);
}

/**
 * Return the emoji that is called exactly so.
 * @param {readonly Emoji[]} all
 * @param {string} shortcode
 */
export const emojiNamed = (all, shortcode) => all.find(({ shortcodes }) => shortcodes?.includes(shortcode.toLowerCase()))?.emoji;

/**
 * @param {string[]} names
 * @param {string} text
 */
function bestName(names, text) {
  const rankOf = (/** @type {string} */ name) =>
    name === text ? 0 : name.startsWith(text) ? 1 : name.split("_").some((part) => part.startsWith(text)) ? 2 : 9;
  const [best] = names.map((name) => ({ name, rank: rankOf(name) })).sort((one, other) => one.rank - other.rank);
  return best && best.rank < 9 ? best : undefined;
}
