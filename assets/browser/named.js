// Conversations and people that the browser holds, found by a part of their names in any script: without
// case and accents, as the server finds people.

/** @import { Row } from "./store.js" */

import { say } from "./texts.js";

/** @typedef {Row & { name: string, letters: string, tone: string, picture?: string, kind?: string, href?: string, group?: string, archived?: boolean }} Named */

/**
 * A place to go to: a conversation with its address, or a person without one yet.
 * @typedef {{ id: string, name: string, about: string, letters: string, tone: string, picture?: string, href: string }} Target
 */

const DELETED = "Deleted user";
/** Letters that people take for others, though Unicode does not decompose them. @type {Record<string, string>} */
const PLAIN = { ı: "i", ł: "l", ø: "o", đ: "d", æ: "ae", œ: "oe", ß: "ss" };
const MARKS = /[\p{Mn}\p{Me}\p{Cf}]/gu;
const BETWEEN = /[^\p{L}\p{N}\p{M}]+/u;

/**
 * Return a text without case, accents and compatibility forms.
 * @param {string} text
 */
export const fold = (text) =>
  text.normalize("NFKD").toLowerCase().replace(/[ıłøđæœß]/g, (letter) => PLAIN[letter]).replace(MARKS, "").trim();

/**
 * Return the conversations and people whose names have all words of a text, the best first: those that begin
 * with it, then those with a word that does; of equal ones the conversation that was used last. Without a text,
 * return the latest conversations.
 * @param {{ conversations: readonly Named[], people: readonly Named[] }} held conversations, the newest last
 * @param {string} text
 * @param {string} own the id of the reader, who is nobody to go to
 * @returns {Target[]}
 */
export function named({ conversations, people }, text, own) {
  const places = [...conversations].reverse();
  // A person of a direct conversation is that conversation. Its row has their name and colour, not their id.
  const known = new Set(places.filter(({ kind }) => kind === "direct").map(faceOf));
  /** @type {Map<string, Named>} */
  const others = new Map();
  for (const person of people) {
    const isShown = person.id !== own && person.group !== "blocked" && person.name !== say(DELETED) && !known.has(faceOf(person));
    if (isShown && !others.has(person.id)) others.set(person.id, person);
  }
  const targets = [...places.map(ofConversation), ...(text ? [...others.values()].map(ofPerson) : [])];
  const wanted = fold(text);
  const words = wanted.split(/\s+/);
  const ranked = targets.map((target) => ({ target, rank: rankOf(fold(target.name), wanted, words) }));
  // Equal ones stay in their order.
  return ranked.filter(({ rank }) => rank < NONE).sort((one, other) => one.rank - other.rank).map(({ target }) => target);
}

/**
 * Return the first conversations whose names have all words of a text; none without one.
 * @param {readonly Named[]} rows the newest last
 * @param {string} text
 */
export const namedConversations = (rows, text) => (text ? named({ conversations: rows, people: [] }, text, "").slice(0, MOST) : []);

const MOST = 5;
const NONE = 4;

/**
 * @param {string} name
 * @param {string} wanted
 * @param {string[]} words
 */
function rankOf(name, wanted, words) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  const parts = name.split(BETWEEN);
  if (words.every((word) => parts.some((part) => part.startsWith(word)))) return 2;
  return words.every((word) => name.includes(word)) ? 3 : NONE;
}

/** @param {Named} row */
const faceOf = ({ name, tone }) => `${tone} ${name}`;

/**
 * @param {Named} row
 * @returns {Target}
 */
const ofConversation = ({ id, name, letters, tone, picture, kind, href = `/chat/${id}` }) => ({
  id,
  name,
  about: kind === "group" ? say("Group") : "",
  letters,
  tone,
  picture,
  href,
});

/**
 * @param {Named} row
 * @returns {Target}
 */
const ofPerson = ({ id, name, letters, tone, picture }) => ({ id, name, about: say("Person"), letters, tone, picture, href: "" });
