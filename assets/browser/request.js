// Calls to the chat's HTTP API. Each names the user that its page believes to be signed in: a cookie
// belongs to the whole browser, and another tab may have signed in somebody else. The server refuses
// such a call, and `chat:other-account` is dispatched.

import { said } from "./texts.js";

const PATIENCE = 15_000;
const PROBLEM = "application/problem+json";
const JSON_BODY = { "content-type": "application/json" };

/**
 * The body of a refused request (RFC 9457).
 * @typedef {{ code: string, detail?: string, errors?: { field: string, message: string }[] }} Problem
 */

/**
 * The server's answer to a call: done, or refused because of a problem. `retryAfter` is in ms.
 * @typedef {{ status: number, retryAfter: number, problem?: Problem }} Answer
 */

/**
 * What a call sends, and how its answer is recognised. Without `isAnswer` it is 204, without a body.
 * @typedef {object} Call
 * @property {object} [body] sent as JSON
 * @property {string} [user] the user that is believed to be signed in, if not that of the page
 * @property {number} [patience] ms
 * @property {boolean} [outlivesPage] whether it is sent even if the page is left meanwhile
 * @property {(body: Record<string, unknown>) => boolean} [isAnswer]
 */

/** The user that the page shows, "" while nobody is signed in. */
let pageUser = "";

/**
 * Set the user whom the page shows.
 * @param {string} userId
 */
export function setPageUser(userId) {
  pageUser = userId;
}

/** Return the user whom the page shows, "" while nobody is signed in. */
export const getPageUser = () => pageUser;

/**
 * Send a request to the chat's server. The server is the origin of the page, unless `server.js` of a
 * static host names another one; cookies are sent to another origin only if that is asked for. Use
 * `call` where the answer matters: other programs on the way may answer, too.
 * @param {string} path
 * @param {RequestInit} [options]
 * @param {string} [user]
 * @returns {Promise<Response>}
 */
export async function request(path, options, user = pageUser) {
  const server = globalThis.chatServer;
  const headers = new Headers(options?.headers);
  if (user) headers.set("X-Chat-User", user);
  const credentials = server ? "include" : "same-origin";
  // The chat never redirects; a sign-in page of somebody else must not be taken for its answer.
  const reply = await fetch((server ?? "") + path, { redirect: "manual", ...options, headers, credentials });
  if (reply.status === 409 && (await readProblem(reply.clone()))?.code === "other_account") {
    dispatchEvent(new CustomEvent("chat:other-account"));
  }
  return reply;
}

/**
 * Call the API. Return undefined if the chat did not answer: what a captive portal or a proxy answers
 * instead is not the chat's, whatever its status.
 * @param {string} method
 * @param {string} path
 * @param {Call} [details]
 * @returns {Promise<Answer | undefined>}
 */
export async function call(method, path, { body, user, patience = PATIENCE, outlivesPage, isAnswer } = {}) {
  try {
    const reply = await request(
      path,
      {
        method,
        headers: body && JSON_BODY,
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout?.(patience),
        keepalive: outlivesPage,
      },
      user,
    );
    const answer = { status: reply.status, retryAfter: 1000 * (Number(reply.headers.get("retry-after")) || 0) };
    if (reply.ok) return (await isExpected(reply, isAnswer)) ? answer : undefined;
    const problem = await readProblem(reply);
    return problem && { ...answer, problem };
  } catch {
    return undefined;
  }
}

/**
 * Return the sentence about a problem, as the server has it.
 * @param {Problem} problem
 */
export const detailOf = (problem) => problem.errors?.[0]?.message || problem.detail || "";

/**
 * Return the sentence about a problem that the user sees.
 * @param {Problem} problem
 */
export const sentenceOf = (problem) => said(detailOf(problem));

/**
 * Return why the chat refused a request; undefined if the refusal is not the chat's.
 * @param {Response} reply
 * @returns {Promise<Problem | undefined>}
 */
async function readProblem(reply) {
  if (!reply.headers.get("content-type")?.startsWith(PROBLEM)) return undefined;
  const body = await readObject(reply);
  return typeof body?.code === "string" ? /** @type {Problem} */ (body) : undefined;
}

/**
 * @param {Response} reply
 * @param {Call["isAnswer"]} isAnswer
 */
async function isExpected(reply, isAnswer) {
  if (!isAnswer) return reply.status === 204;
  const body = reply.status === 204 ? undefined : await readObject(reply);
  return body !== undefined && isAnswer(body);
}

/**
 * Return the JSON object in a body, undefined for anything else.
 * @param {Response} reply
 */
async function readObject(reply) {
  /** @type {unknown} */
  const body = await reply.json().catch(() => undefined);
  return typeof body === "object" && body !== null ? /** @type {Record<string, unknown>} */ (body) : undefined;
}
