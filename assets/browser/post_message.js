// Posting a message of the outbox, and what the server's answer means for it.

/** @import { Entry } from "./database.js" */

import { filesOf, isReply } from "./outbox_entry.js";
import { call, detailOf } from "./request.js";

// Of our refusals, those that end by themselves.
const FOR_A_WHILE = [408, 429];

/**
 * The outcome of posting a message, or of uploading a file: stored ({}), refused for good, the account is
 * not signed in here, try again after `wait` ms, or the server has these files of the message no more.
 * @typedef {{ wait?: number, signedOut?: boolean, otherAccount?: boolean, refused?: string, expired?: number[] }} Outcome
 */

/**
 * Post one message.
 * @param {Entry} entry
 * @returns {Promise<Outcome>}
 */
export async function post(entry) {
  const { user_id, client_id, conversation_id, content, reply } = entry;
  const files = filesOf(entry).map((file) => file.file_id);
  const answer = await call("POST", "/api/messages", {
    // A field without a value is not sent.
    body: {
      client_id,
      conversation_id,
      content,
      reply_to: isReply(reply) ? reply?.id : undefined,
      file_ids: files.length ? files : undefined,
    },
    user: user_id,
    isAnswer: (message) => message.client_id === client_id,
  });
  if (!answer) return { wait: 0 };
  const { status, problem, retryAfter } = answer;
  if (!problem) return {};
  const expired = (problem.errors ?? []).map(({ field }) => Number(/^file_ids\.(\d+)$/.exec(field)?.[1] ?? -1)).filter((at) => at >= 0);
  if (status === 422 && expired.length) return { expired };
  return outcomeOf(status, problem, retryAfter) ?? { refused: detailOf(problem) || "The message was refused." };
}

/**
 * Return what a problem means where it is no refusal for good; undefined where it is one.
 * @param {number} status
 * @param {{ code?: string }} problem
 * @param {number} retryAfter
 * @returns {Outcome | undefined}
 */
export function outcomeOf(status, problem, retryAfter) {
  if (status === 401) return { signedOut: true };
  if (problem.code === "other_account") return { otherAccount: true };
  if (FOR_A_WHILE.includes(status) || status >= 500) return { wait: retryAfter };
  return undefined;
}
