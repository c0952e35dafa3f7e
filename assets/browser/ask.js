// Asking the API from a script, with an answer that can be shown.

import { request } from "./request.js";

const PATIENCE = 15_000;
const AWAY = "The chat cannot be reached right now. Please try again.";

/** Resolves to "" once it is done, or to why it was not, in words for people. */
export async function ask(method, path, body) {
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
  const problem = await reply.json().catch(() => ({}));
  return problem.errors?.[0]?.message || problem.detail || AWAY;
}
