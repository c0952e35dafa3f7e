// The sizes of pictures and the lengths of sounds, so that their place is known before they are shown.

/** @import { Chosen } from "./attached_files.js" */

import { kindOf } from "./file_words.js";
import { say } from "./texts.js";

const PATIENCE = 4_000; // ms

/**
 * Return a chosen file with what its bytes tell: without it where the browser cannot read them.
 * @param {Chosen} file
 * @returns {Promise<Chosen>}
 */
export async function measured(file) {
  const kind = kindOf(file);
  if (kind === "file" || file.width) return file;
  const url = URL.createObjectURL(file.blob);
  try {
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    /** @type {unknown} */
    const known = await Promise.race([kind === "picture" ? ofPicture(url) : ofMedia(url, kind), late]);
    return { ...file, .../** @type {Partial<Chosen>} */ (known) };
  } catch {
    return file;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** @param {string} url */
async function ofPicture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

/**
 * @param {string} url
 * @param {string} kind
 */
async function ofMedia(url, kind) {
  const element = document.createElement(kind === "video" ? "video" : "audio");
  element.preload = "metadata";
  await new Promise((resolve, reject) => {
    element.addEventListener("loadedmetadata", resolve, { once: true });
    element.addEventListener("error", () => reject(new Error(say("The browser cannot play this."))), { once: true });
    element.src = url;
  });
  const duration = Number.isFinite(element.duration) ? element.duration : 0;
  const size = element instanceof HTMLVideoElement ? { width: element.videoWidth, height: element.videoHeight } : {};
  return { duration, ...size };
}
