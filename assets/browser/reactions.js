// Reactions in the rows of messages: what an event changes of them, and how they are shown. All
// functions here are pure; `reacting.js` sends what the reader presses.

/** @import { Row } from "./store.js" */

import { listed, say } from "./texts.js";

/** As many are shown in one row, and the others after a press. */
const SHOWN = 6;
/** As many people are named in a tooltip. */
const NAMED = 3;
/** See MAX_REACTED in chat_app/ui/messages/rows.py. */
const MAX_REACTED = 20;

/**
 * A reaction of a row: see ReactionRow in chat_app/ui/messages/rows.py.
 * @typedef {{ emoji: string, count: number, ids: readonly string[], mine?: boolean }} Reaction
 */

/**
 * Somebody's reaction that was added or taken back, and then `count` have reacted with the emoji.
 * @typedef {{ id: string, emoji: string, user_id: string, added: boolean, count: number, own: boolean }} Reacted
 */

/**
 * A reaction that the reader has pressed, and the server has not stored yet.
 * @typedef {Row & { message_id: string, emoji: string, added: boolean }} Pressed
 */

/**
 * See ShownReaction in chat_app/ui/messages/rows.py.
 * @typedef {{ emoji: string, label: string, count: number, mine: boolean, title: string, extra: boolean }} ShownReaction
 */

/**
 * Return the reactions of a row after one was added or taken back. New ones are last: where the first
 * person takes theirs back, a later page may have another order.
 * @param {readonly Reaction[]} reactions
 * @param {Reacted} change
 * @returns {readonly Reaction[]}
 */
export function withReaction(reactions, { emoji, user_id: userId, added, count, own }) {
  const before = reactions.find((one) => one.emoji === emoji);
  if (count <= 0) return reactions.filter((one) => one.emoji !== emoji);
  const others = before?.ids.filter((id) => id !== userId) ?? [];
  // The ids are those of the first users: the last one belongs there only while all are.
  const joins = added && others.length === count - 1 && others.length < MAX_REACTED;
  const after = { emoji, count, ids: joins ? [...others, userId] : others, mine: own ? added : (before?.mine ?? false) };
  return before ? reactions.map((one) => (one === before ? after : one)) : [...reactions, after];
}

/**
 * Return the reactions of a newer row, with what only the kept one has: whether they are the reader's.
 * @param {readonly Reaction[]} reactions
 * @param {readonly Reaction[]} kept
 * @returns {readonly Reaction[]}
 */
export function withOwn(reactions, kept) {
  if (reactions.every((one) => one.mine !== undefined)) return reactions;
  const own = new Set(kept.filter((one) => one.mine).map((one) => one.emoji));
  return reactions.map((one) => ({ ...one, mine: one.mine ?? own.has(one.emoji) }));
}

/**
 * Return the buttons of a message's reactions, those included that the reader has just pressed.
 * @param {readonly Reaction[]} reactions
 * @param {readonly Pressed[]} pressed
 * @param {(userId: string) => string} nameOf the name of a person, "" where it is not known
 * @param {string} userId
 * @returns {ShownReaction[]}
 */
export function shownReactions(reactions, pressed, nameOf, userId) {
  const known = reactions.map((one) => ({ ...one, mine: one.mine ?? one.ids.includes(userId) }));
  const all = pressed.reduce(withPressed, known);
  return all.map(({ emoji, count, ids, mine }, at) => ({
    emoji,
    count,
    mine,
    label: `${emoji} ${count}`,
    title: namesOf(ids, mine, count, nameOf, userId),
    extra: at >= SHOWN,
  }));
}

/**
 * @param {(Reaction & { mine: boolean })[]} reactions
 * @param {Pressed} pressed
 */
function withPressed(reactions, { emoji, added }) {
  const before = reactions.find((one) => one.emoji === emoji);
  if ((before?.mine ?? false) === added) return reactions;
  const count = (before?.count ?? 0) + (added ? 1 : -1);
  const after = { emoji, count, ids: before?.ids ?? [], mine: added };
  if (!before) return [...reactions, after];
  return count > 0 ? reactions.map((one) => (one === before ? after : one)) : reactions.filter((one) => one !== before);
}

/**
 * Return the names of those who have reacted: "Anna, You and 3 others".
 * @param {readonly string[]} ids
 * @param {boolean} mine
 * @param {number} count
 * @param {(userId: string) => string} nameOf
 * @param {string} userId
 */
function namesOf(ids, mine, count, nameOf, userId) {
  const others = ids.filter((id) => id !== userId).map(nameOf).filter(Boolean);
  const names = [...(mine ? [say("You")] : []), ...others].slice(0, NAMED);
  const unnamed = count - names.length;
  if (unnamed > 0) names.push(say(names.length ? "{n} other|{n} others" : "{n} person|{n} people", { n: unnamed }));
  return listed(names);
}
