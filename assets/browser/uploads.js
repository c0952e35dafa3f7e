// Uploads the files of messages that wait, one after the other, by tus: after a reload or a break it goes on
// where it was. It is loaded with the first file.

/** @import { DetailedError } from "tus-js-client" */
/** @import { Attached } from "./attached_files.js" */
/** @import { Outbox } from "./outbox.js" */
/** @import { Outcome } from "./post_message.js" */
/** @import { Problem } from "./request.js" */

import { Upload } from "tus-js-client";
import { blobOf } from "./attached_files.js";
import { transact } from "./database.js";
import { filesOf } from "./outbox_entry.js";
import { isSignInPage, signInPath } from "./paths.js";
import { outcomeOf } from "./post_message.js";
import { request, sentenceOf } from "./request.js";
import { inTurn, Repeated } from "./turns.js";
import { endReport, report } from "./upload_progress.js";

const PATH = "/api/uploads";
// A request is short enough for every proxy on the way.
const CHUNK = 4 * 1024 * 1024;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
const SILENCE = 30_000; // ms without progress after which a link counts as broken
const CHECKED_EVERY = 250;
const PROBLEM = "application/problem+json";
// Refusals that end by themselves: another request writes to the upload, or its place has moved.
const MOVED = [409, 423, 460];
const DISK_FULL = 507;

/** Why the check of a file refused it. @type {Record<string, string>} */
const REASONS = {
  too_many_pixels: "This picture has more than 50 million pixels.",
  unreadable_picture: "This picture is damaged, or of a kind that the chat cannot read.",
  infected: "The virus scanner of this chat has refused this file.",
  not_scanned: "This file could not be checked for viruses.",
};

/** @typedef {Outcome & { fileId?: string, restart?: boolean, dropped?: boolean }} UploadOutcome */

/** @type {Map<string, Uploads>} */
const open = new Map();

/**
 * Return the page's only uploads of a user.
 * @param {string} userId
 * @param {Outbox} outbox
 */
export function uploadsOf(userId, outbox) {
  const uploads = open.get(userId) ?? new Uploads(userId, outbox);
  open.set(userId, uploads);
  return uploads;
}

class Uploads {
  #userId;
  #outbox;
  #running = new Repeated(() => inTurn(`chat.uploads.${this.#userId}`, () => this.#drain()));
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} userId
   * @param {Outbox} outbox
   */
  constructor(userId, outbox) {
    this.#userId = userId;
    this.#outbox = outbox;
  }

  /** Upload what waits; one tab at a time. */
  flush() {
    clearTimeout(this.#timer);
    return this.#running.run();
  }

  async #drain() {
    for (let next = await this.#outbox.nextUpload(); next; next = await this.#outbox.nextUpload()) {
      const { clientId, file } = next;
      const outcome = await this.#upload(clientId, file);
      endReport(file.id);
      if (outcome.signedOut && !isSignInPage()) location.assign(signInPath());
      if (outcome.signedOut || outcome.otherAccount) return;
      if (outcome.wait !== undefined) {
        this.#later(outcome.wait);
        return;
      }
      this.#failures = 0;
      if (outcome.fileId) await this.#outbox.changeFile(clientId, file.id, { file_id: outcome.fileId });
      else if (outcome.refused) await this.#outbox.changeFile(clientId, file.id, { reason: outcome.refused });
    }
  }

  /**
   * Upload one file, and wait until the server has checked it.
   * @param {string} clientId
   * @param {Attached} file
   * @returns {Promise<UploadOutcome>}
   */
  async #upload(clientId, file) {
    const isWanted = () => filesOf(this.#outbox.find(clientId) ?? {}).some(({ id }) => id === file.id);
    let address = file.again ? "" : await readAddress(file.id);
    const sent = await send(this.#userId, file, address, isWanted, (found) => {
      address = found;
      void keepAddress(file.id, found);
    });
    if (sent.restart || sent.refused) await keepAddress(file.id, "");
    if (sent.restart) return { wait: 0 };
    if (Object.keys(sent).length) return sent;
    const outcome = await checked(this.#userId, address, isWanted);
    if (!outcome.fileId && outcome.wait === undefined) await keepAddress(file.id, "");
    return outcome;
  }

  /** @param {number} atLeast ms */
  #later(atLeast) {
    const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), atLeast + Math.random() * ceiling);
  }
}

/**
 * Send what the server does not have yet of a file.
 * @param {string} userId
 * @param {Attached} file
 * @param {string} address of the upload, "" before there is one
 * @param {() => boolean} isWanted
 * @param {(address: string) => void} found
 * @returns {Promise<UploadOutcome>}
 */
function send(userId, { id, name, description, size }, address, isWanted, found) {
  const server = globalThis.chatServer || location.origin;
  const blob = /** @type {Blob} */ (blobOf(id));
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
      metadata: { filename: name.slice(0, 200) || "file", ...(description ? { description } : {}) },
      headers: { "X-Chat-User": userId },
      // The outbox tries again, and keeps the address.
      retryDelays: null,
      storeFingerprintForResuming: false,
      onBeforeRequest(sent) {
        /** @type {unknown} */
        const xhr = sent.getUnderlyingObject();
        /** @type {XMLHttpRequest} */ (xhr).withCredentials = Boolean(globalThis.chatServer);
      },
      onUploadUrlAvailable: () => found(new URL(upload.url ?? "", server).pathname),
      onProgress(sent) {
        if (!isWanted()) stop({ dropped: true }, true);
        else {
          report(id, sent, size);
          watch();
        }
      },
      onSuccess: () => end({}),
      onError: (error) => end(failureOf(error)),
    });
    report(id, 0, size);
    watch();
    upload.start();
  });
}

/**
 * Return what an error of the upload means.
 * @param {Error | DetailedError} error
 * @returns {UploadOutcome}
 */
export function failureOf(error) {
  const answer = "originalResponse" in error ? error.originalResponse : null;
  if (!answer?.getHeader("content-type")?.startsWith(PROBLEM)) return { wait: 0 };
  const status = answer.getStatus();
  const retryAfter = 1000 * (Number(answer.getHeader("retry-after")) || 0);
  const problem = problemIn(answer.getBody());
  if (status === 404) return { restart: true };
  if (MOVED.includes(status) && problem.code !== "other_account") return { wait: retryAfter };
  if (status === DISK_FULL) return { refused: sentenceOf(problem) };
  return outcomeOf(status, problem, retryAfter) ?? { refused: sentenceOf(problem) || "The file was refused." };
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
    if (state === "refused") return { refused: REASONS[code ?? ""] ?? "The chat has refused this file." };
    if (state !== "checking") return { wait: 0 };
    await new Promise((resolve) => setTimeout(resolve, CHECKED_EVERY));
  }
  return { wait: 0 };
}

/** @param {string} id */
async function readAddress(id) {
  try {
    return (await transact((transaction) => transaction.objectStore("files").get(id)))?.address ?? addresses.get(id) ?? "";
  } catch {
    return addresses.get(id) ?? "";
  }
}

/** Addresses of uploads, where the browser stores none. @type {Map<string, string>} */
const addresses = new Map();

/**
 * @param {string} id
 * @param {string} address
 */
async function keepAddress(id, address) {
  addresses.set(id, address);
  try {
    await transact(async (transaction) => {
      const store = transaction.objectStore("files");
      const stored = await store.get(id);
      if (stored) await store.put({ ...stored, address });
    });
  } catch {
    // After a reload it begins anew.
  }
}
