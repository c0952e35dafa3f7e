// Uploads a file by tus, and waits until the server has checked it. It is loaded with the first file.

/** @import { DetailedError } from "tus-js-client" */
/** @import { Outcome } from "./post_message.js" */
/** @import { Problem } from "./request.js" */

import { Upload } from "tus-js-client";
import { outcomeOf } from "./post_message.js";
import { request, sentenceOf } from "./request.js";
import { say } from "./texts.js";

const PATH = "/api/uploads";
// A request is short enough for every proxy on the way.
const CHUNK = 4 * 1024 * 1024;
const SILENCE = 30_000; // ms without progress after which a link counts as broken
const CHECKED_EVERY = 250;
const LONGEST_NAME = 1_000; // characters: more would not fit into the header of an upload
const PROBLEM = "application/problem+json";
// Refusals that end by themselves: another request writes to the upload, or its place has moved.
const MOVED = [409, 423, 460];
const DISK_FULL = 507;

/** Why the check of a file refused it. @type {Record<string, string>} */
const REASONS = {
  too_many_pixels: say("This picture has more than 50 million pixels."),
  unreadable_picture: say("This picture is damaged, or of a kind that the chat cannot read."),
  infected: say("The virus scanner of this chat has refused this file."),
  not_scanned: say("This file could not be checked for viruses."),
};

/** @typedef {Outcome & { fileId?: string, restart?: boolean, dropped?: boolean }} UploadOutcome */

/** A file to upload. @typedef {{ name: string, description?: string, blob: Blob }} Sent */

/**
 * Who follows an upload: `isWanted` is asked all the time, `onProgress` gets the bytes that are sent.
 * @typedef {{ isWanted: () => boolean, onAddress: (address: string) => void, onProgress: (bytes: number) => void }} Watcher
 */

/**
 * Upload a file, and wait until the server has checked it.
 * @param {string} userId
 * @param {Sent} file
 * @param {string} address of the upload, "" before there is one
 * @param {Watcher} watcher
 * @returns {Promise<UploadOutcome>}
 */
export async function uploaded(userId, file, address, watcher) {
  let place = address;
  const onAddress = (/** @type {string} */ found) => watcher.onAddress((place = found));
  const sent = await send(userId, file, address, { ...watcher, onAddress });
  return Object.keys(sent).length ? sent : checked(userId, place, watcher.isWanted);
}

/**
 * Send what the server does not have yet of a file.
 * @param {string} userId
 * @param {Sent} file
 * @param {string} address of the upload, "" before there is one
 * @param {Watcher} watcher
 * @returns {Promise<UploadOutcome>}
 */
function send(userId, { name, description, blob }, address, { isWanted, onAddress, onProgress }) {
  const server = globalThis.chatServer || location.origin;
  return new Promise((resolve) => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const end = (/** @type {UploadOutcome} */ outcome) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const stop = (/** @type {UploadOutcome} */ outcome, isFinal = false) => {
      // The bytes that the server has are of no use any more.
      void upload.abort(isFinal).catch(() => undefined);
      end(outcome);
    };
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => stop({ wait: 0 }), SILENCE);
    };
    const upload = new Upload(blob, {
      endpoint: server + PATH,
      uploadUrl: address ? server + address : undefined,
      chunkSize: CHUNK,
      metadata: { filename: sentName(name), ...(description ? { description } : {}) },
      headers: { "X-Chat-User": userId },
      // The caller tries again, and keeps the address.
      retryDelays: null,
      storeFingerprintForResuming: false,
      onBeforeRequest(sent) {
        /** @type {unknown} */
        const xhr = sent.getUnderlyingObject();
        /** @type {XMLHttpRequest} */ (xhr).withCredentials = Boolean(globalThis.chatServer);
      },
      onUploadUrlAvailable: () => onAddress(new URL(upload.url ?? "", server).pathname),
      onProgress(sent) {
        if (!isWanted()) stop({ dropped: true }, true);
        else {
          onProgress(sent);
          watch();
        }
      },
      onSuccess: () => end({}),
      onError: (error) => end(failureOf(error)),
    });
    onProgress(0);
    watch();
    upload.start();
  });
}

/**
 * Return the name under which a file is sent: the server shortens a long one before its extension.
 * @param {string} name
 */
export const sentName = (name) => [...name].slice(-LONGEST_NAME).join("") || "file";

/**
 * Return what an error of the upload means.
 * @param {Error | DetailedError} error
 * @returns {UploadOutcome}
 */
function failureOf(error) {
  const answer = "originalResponse" in error ? error.originalResponse : null;
  if (!answer?.getHeader("content-type")?.startsWith(PROBLEM)) return { wait: 0 };
  const status = answer.getStatus();
  const retryAfter = 1000 * (Number(answer.getHeader("retry-after")) || 0);
  const problem = problemIn(answer.getBody());
  if (status === 404) return { restart: true };
  if (MOVED.includes(status) && problem.code !== "other_account") return { wait: retryAfter };
  if (status === DISK_FULL) return { refused: sentenceOf(problem) };
  return outcomeOf(status, problem, retryAfter) ?? { refused: sentenceOf(problem) || say("The file was refused.") };
}

/**
 * @param {string} body
 * @returns {Problem}
 */
function problemIn(body) {
  try {
    /** @type {unknown} */
    const problem = JSON.parse(body);
    return /** @type {Problem} */ (problem);
  } catch {
    return { code: "" };
  }
}

/**
 * Wait until the server has checked an upload.
 * @param {string} userId
 * @param {string} address
 * @param {() => boolean} isWanted
 * @returns {Promise<UploadOutcome>}
 */
async function checked(userId, address, isWanted) {
  for (let until = Date.now() + SILENCE; Date.now() < until; ) {
    if (!isWanted()) return { dropped: true };
    const reply = await request(address, { signal: AbortSignal.timeout?.(SILENCE) }, userId).catch(() => undefined);
    if (!reply) return { wait: 0 };
    /** @type {unknown} */
    const body = await reply.json().catch(() => ({}));
    if (!reply.ok) {
      const problem = /** @type {Problem} */ (body);
      return outcomeOf(reply.status, problem, 0) ?? { wait: 0, restart: reply.status === 404 };
    }
    const { state, file, code } = /** @type {{ state?: string, file?: { id: string }, code?: string }} */ (body);
    if (state === "ready" && file) return { fileId: file.id };
    if (state === "refused") return { refused: REASONS[code ?? ""] ?? say("The chat has refused this file.") };
    if (state !== "checking") return { wait: 0 };
    await new Promise((resolve) => setTimeout(resolve, CHECKED_EVERY));
  }
  return { wait: 0 };
}
