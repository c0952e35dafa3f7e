// Messages that are sent at a time, and reminders. Loaded when one is first wanted.

/** @import { Row } from "./store.js" */

import { ask, problemIn } from "./ask.js";
import { timeAhead } from "./clock.js";
import { clean, excessOf } from "./content.js";
import { setReminder } from "./marks.js";
import { newId } from "./outbox_entry.js";
import { call } from "./request.js";
import { serverNow } from "./server_clock.js";
import { askForTime } from "./time_dialog.js";
import { fieldValue, timesToRemind, timesToSend } from "./times.js";
import { say } from "./texts.js";

/** @typedef {{ user: string, conversation: string, content: string, reply: string | undefined }} Unsent */
/** @typedef {Row & { text: string, at: string, state: string }} ScheduledRow */
/** @typedef {Row & { remind_at: string }} ReminderRow */

/**
 * Ask when to send a message, and schedule it. Return what was done in words, "" where it was not.
 * @param {Unsent} unsent
 */
export async function sendLater({ user, conversation, content, reply }) {
  // The same for every try: an answer may be lost.
  const client_id = newId();
  const choices = timesToSend(serverNow());
  let done = "";
  await askForTime({
    title: say("Send later"),
    submit: say("Schedule"),
    choices,
    at: choices[0].at,
    save: async (at) => {
      const send_at = at.toISOString();
      const body = { client_id, conversation_id: conversation, content, reply_to: reply, send_at };
      /** @type {Record<string, unknown>} */
      let made = {};
      const isAnswer = (/** @type {Record<string, unknown>} */ found) => (made = found).client_id === client_id;
      let problem = problemIn(await call("POST", "/api/scheduled", { body, user, isAnswer }));
      // An earlier try may have arrived, with another time.
      const isOther = !problem && Date.parse(String(made.send_at)) !== at.getTime();
      if (isOther) problem = await change(String(made.id), { send_at });
      if (!problem) done = say("Scheduled: {time}.", { time: timeAhead(send_at, serverNow().getTime()) });
      return problem;
    },
  });
  return done;
}

/**
 * Ask for another text and time of a scheduled message, and change it.
 * @param {ScheduledRow} row
 */
export async function changeScheduled({ id, text, at: iso, state }) {
  const now = serverNow();
  const before = new Date(iso);
  const shown = before > now ? before : timesToSend(now)[0].at;
  await askForTime({
    title: say("Edit scheduled message"),
    submit: say("Save"),
    choices: [],
    at: shown,
    text,
    problemOfText,
    save: (at, words) => {
      // The field holds no seconds.
      const isSameTime = before > now && fieldValue(at) === fieldValue(before);
      const content = clean(words);
      const isSameText = content === text;
      if (isSameTime && isSameText && state === "waiting") return Promise.resolve("");
      return change(id, {
        ...(isSameText ? {} : { content }),
        send_at: isSameTime ? iso : at.toISOString(),
      });
    },
  });
}

/**
 * Set a reminder of a message, in `minutes`, tomorrow, or at a time that is asked for. Return what was done
 * in words, or the problem.
 * @param {string} id
 * @param {string} when one of those in the menu
 * @returns {Promise<{ said?: string, problem?: string }>}
 */
export async function remind(id, when) {
  const choices = timesToRemind(serverNow());
  if (when === "own") return { said: await askToRemind(id, say("Remind me"), choices[1].at) };
  const { at } = choices[["soon", "hour", "tomorrow"].indexOf(when)];
  const problem = await setReminder(id, at.toISOString());
  return problem ? { problem } : { said: remindedAt(at) };
}

/**
 * Ask for another time of a reminder, and change it. Return what was done in words, "" where it was not.
 * @param {ReminderRow} row
 */
export function changeReminder({ id, remind_at }) {
  const now = serverNow();
  const before = new Date(remind_at);
  return askToRemind(id, say("Change the reminder"), before > now ? before : timesToRemind(now)[1].at);
}

/**
 * @param {string} id
 * @param {string} title
 * @param {Date} shown
 */
async function askToRemind(id, title, shown) {
  let done = "";
  await askForTime({
    title,
    submit: say("Remind me"),
    choices: timesToRemind(serverNow()),
    at: shown,
    save: async (at) => {
      const problem = await setReminder(id, at.toISOString());
      if (!problem) done = remindedAt(at);
      return problem;
    },
  });
  return done;
}

/** @param {Date} at */
const remindedAt = (at) => say("You will be reminded: {time}.", { time: timeAhead(at.toISOString(), serverNow().getTime()) });

/**
 * @param {string} id
 * @param {object} changes
 */
const change = (id, changes) => ask("PATCH", `/api/scheduled/${id}`, changes, (body) => body.id === id);

/** @param {string} text */
function problemOfText(text) {
  const content = clean(text);
  return content ? excessOf(content) : say("Write something, or delete the message instead.");
}
