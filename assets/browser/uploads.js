// Uploads the files of messages that wait, one after the other, by tus: after a reload or a break it goes on
// where it was. It is loaded with the first file.

/** @import { Attached } from "./attached_files.js" */
/** @import { Outbox } from "./outbox.js" */
/** @import { UploadOutcome } from "./upload.js" */

import { blobOf } from "./attached_files.js";
import { transact } from "./database.js";
import { filesOf } from "./outbox_entry.js";
import { isSignInPage, signInPath } from "./paths.js";
import { inTurn, Repeated } from "./turns.js";
import { uploaded } from "./upload.js";
import { endReport, report } from "./upload_progress.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

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
    const address = file.again ? "" : await readAddress(file.id);
    const blob = /** @type {Blob} */ (blobOf(file.id));
    const outcome = await uploaded(this.#userId, { name: file.name, description: file.description, blob }, address, {
      isWanted,
      onAddress: (found) => void keepAddress(file.id, found),
      onProgress: (bytes) => report(file.id, bytes, file.size),
    });
    if (outcome.restart || outcome.refused) await keepAddress(file.id, "");
    return outcome.restart ? { wait: 0 } : outcome;
  }

  /** @param {number} atLeast ms */
  #later(atLeast) {
    const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), atLeast + Math.random() * ceiling);
  }
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
