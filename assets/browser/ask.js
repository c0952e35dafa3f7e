// Calls to the HTTP API whose failure is shown to the user.

/** @import { Answer, Call } from "./request.js" */

import { call, sentenceOf } from "./request.js";
import { say } from "./texts.js";

export const AWAY = say("The chat cannot be reached right now. Please try again.");

/**
 * Call the API, and return "" on success or an error message for the user.
 * @param {string} method
 * @param {string} path
 * @param {object} [body] sent as JSON
 * @param {Call["isAnswer"]} [isAnswer] recognises the answer; without it, it is 204
 * @returns {Promise<string>}
 */
export async function ask(method, path, body, isAnswer) {
  return problemIn(await call(method, path, { body, isAnswer }));
}

/**
 * Return an error message for the user about an answer, "" for success.
 * @param {Answer | undefined} answer
 */
export function problemIn(answer) {
  if (!answer) return AWAY;
  return answer.problem ? sentenceOf(answer.problem) || AWAY : "";
}
