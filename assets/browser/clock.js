// Formats times in the viewer's time zone and language. The server sends UTC only.

import { useSyncExternalStore } from "react";
import { locale, say } from "./texts.js";

const DAY = 86_400_000;
const MINUTE = 60_000;

/**
 * Return a function that formats a date.
 * @param {Intl.DateTimeFormatOptions} options
 * @returns {(date: Date) => string}
 */
const format = (options) => {
  /** @type {Intl.DateTimeFormat | undefined} */
  let made; // Making a formatter costs more than using it a hundred times.
  return (date) => (made ??= new Intl.DateTimeFormat(locale, options)).format(date);
};

const hour = format({ hour: "numeric", minute: "2-digit" });
const weekday = format({ weekday: "short" });
const date = format({ day: "numeric", month: "short" });
const weekDate = format({ weekday: "short", day: "numeric", month: "short" });
const longDate = format({ weekday: "long", day: "numeric", month: "long" });
const oldDate = format({ day: "numeric", month: "short", year: "numeric" });
const full = format({ dateStyle: "full", timeStyle: "short" });

/** @param {Date} day */
const midnight = (day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();

/**
 * @param {Date} day
 * @param {Date} now
 */
const daysAgo = (day, now) => Math.round((midnight(now) - midnight(day)) / DAY);

/**
 * Format a time as "14:05".
 * @param {string | null} iso
 */
export const timeOfDay = (iso) => (iso ? hour(new Date(iso)) : "");

/**
 * Format a time as "Sunday, 22 November 2026 at 14:05".
 * @param {string | null} iso
 */
export const fullTime = (iso) => (iso ? full(new Date(iso)) : "");

/**
 * Format a time as briefly as its distance allows: "14:05", "Yesterday", "Mon", "3 Mar", "3 Mar 2024".
 * @param {string | null} iso
 * @param {number} today - a time of the present day
 */
export function shortTime(iso, today = Date.now()) {
  if (!iso) return "";
  const day = new Date(iso);
  const now = new Date(today);
  const ago = daysAgo(day, now);
  if (ago <= 0) return hour(day);
  if (ago === 1) return say("Yesterday");
  if (ago < 7) return weekday(day);
  return day.getFullYear() === now.getFullYear() ? date(day) : oldDate(day);
}

/**
 * Format a time that is to come: "Today 14:05", "Tomorrow 9:00", "Mon, 3 Mar, 9:00", "3 Mar 2027, 9:00".
 * @param {string | null} iso
 * @param {number} today - a time of the present day
 */
export function timeAhead(iso, today = Date.now()) {
  if (!iso) return "";
  const day = new Date(iso);
  const now = new Date(today);
  const ahead = -daysAgo(day, now);
  if (ahead === 0) return say("Today {time}", { time: hour(day) });
  if (ahead === 1) return say("Tomorrow {time}", { time: hour(day) });
  return `${day.getFullYear() === now.getFullYear() ? weekDate(day) : oldDate(day)}, ${hour(day)}`;
}

/**
 * Format when somebody was last seen: "Last seen today at 14:05", "Last seen yesterday at 9:10",
 * "Last seen 3 Mar"; "" without a time.
 * @param {string | null} iso
 */
export function lastSeen(iso, now = new Date()) {
  if (!iso) return "";
  const day = new Date(iso);
  const ago = daysAgo(day, now);
  if (ago <= 0) return say("Last seen today at {time}", { time: hour(day) });
  if (ago === 1) return say("Last seen yesterday at {time}", { time: hour(day) });
  return say("Last seen {day}", { day: day.getFullYear() === now.getFullYear() ? date(day) : oldDate(day) });
}

/**
 * Name the day that begins between two messages ("Today", "Monday, 3 March"); "" within one day.
 * @param {string | null} before
 * @param {string | null} iso
 * @param {number} today - a time of the present day
 */
export function newDay(before, iso, today = Date.now()) {
  if (!iso) return "";
  const day = new Date(iso);
  const now = new Date(today);
  if (before && midnight(new Date(before)) === midnight(day)) return "";
  const ago = daysAgo(day, now);
  if (ago <= 0) return say("Today");
  if (ago === 1) return say("Yesterday");
  return day.getFullYear() === now.getFullYear() ? longDate(day) : oldDate(day);
}

/** Listeners whose texts depend on the day. @type {Set<() => void>} */
const views = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} */
let watch;
let shownDay = 0;

const lastMidnight = () => midnight(new Date());

function look() {
  if (shownDay === lastMidnight()) return;
  shownDay = lastMidnight();
  for (const draw of views) draw();
}

/** @param {() => void} draw */
function subscribe(draw) {
  views.add(draw);
  if (watch === undefined) {
    shownDay = lastMidnight();
    // A timer until midnight would be late by the time that the machine sleeps.
    watch = setInterval(look, MINUTE);
    document.addEventListener("visibilitychange", look);
  }
  return () => {
    views.delete(draw);
    if (views.size) return;
    clearInterval(watch);
    watch = undefined;
    document.removeEventListener("visibilitychange", look);
  };
}

/** Return the time of the last midnight; a component that calls this hook is drawn again at the next. */
export const useToday = () => useSyncExternalStore(subscribe, lastMidnight, lastMidnight);
