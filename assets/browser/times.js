// Times that are offered for what happens later, and the check of a time that is typed. All of them are in
// the user's own time zone.

import { say } from "./texts.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** An hour less than the 365 days that the server allows: its clock may be behind. */
const LONGEST = 365 * DAY - HOUR;
const MORNING = 9;

/** @typedef {{ label: string, at: Date }} Choice */

/**
 * Return the times that are offered for a message.
 * @param {Date} now
 * @returns {Choice[]}
 */
export function timesToSend(now) {
  const tomorrow = morning(now, 1);
  const monday = morning(now, ((7 - now.getDay()) % 7) + 1);
  const choices = [
    { label: say("In 1 hour"), at: after(now, 60) },
    { label: say("Tomorrow"), at: tomorrow },
  ];
  return monday.getTime() === tomorrow.getTime() ? choices : [...choices, { label: say("Monday"), at: monday }];
}

/**
 * Return the times that are offered for a reminder.
 * @param {Date} now
 * @returns {Choice[]}
 */
export const timesToRemind = (now) => [
  { label: say("In {n} minute|In {n} minutes", { n: 20 }), at: after(now, 20) },
  { label: say("In 1 hour"), at: after(now, 60) },
  { label: say("Tomorrow"), at: morning(now, 1) },
];

/**
 * Return the latest time that may be chosen.
 * @param {Date} now
 */
export const latest = (now) => new Date(now.getTime() + LONGEST);

/**
 * Return what is wrong with a time, "" for nothing.
 * @param {Date} at
 * @param {Date} now
 */
export function problemOf(at, now) {
  if (Number.isNaN(at.getTime())) return say("Choose a day and a time.");
  if (at <= now) return say("This time is over. Choose a later one.");
  return at > latest(now) ? say("This is more than a year away. Choose an earlier time.") : "";
}

/** @param {number} number */
const two = (number) => String(number).padStart(2, "0");

/**
 * Return a day as fields of dates and the search have it: 2026-11-28.
 * @param {Date} day
 */
export function isoDay(day) {
  return `${String(day.getFullYear()).padStart(4, "0")}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/**
 * Return a time as a field of the type datetime-local holds it.
 * @param {Date} at
 */
export function fieldValue(at) {
  return `${isoDay(at)}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/**
 * @param {Date} now
 * @param {number} minutes
 */
const after = (now, minutes) => new Date(now.getTime() + minutes * MINUTE);

/**
 * @param {Date} now
 * @param {number} days
 */
const morning = (now, days) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, MORNING);
