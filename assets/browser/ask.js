// Calls to the HTTP API whose failure is shown to the user.

import { readProblem, request } from "./request.js";

const PATIENCE = 15_000;
const AWAY = "The chat cannot be reached right now. Please try again.";

/**
 * Call the API, and return "" on success or an error message for the user.
 * @param {string} method
 * @param {string} path
 * @param {object} [body] sent as JSON
 * @returns {Promise<string>}
 */
export async function ask(method, path, body) {
  /** @type {Response} */
  let reply;
  try {
    reply = await request(path, {
      method,
      headers: body && { "content-type": "application/json" },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout?.(PATIENCE),
    });
  } catch {
    return AWAY;
  }
  if (reply.ok) return "";
  const problem = await readProblem(reply);
  return problem.errors?.[0]?.message || problem.detail || AWAY;
}
