// Shows the files of a message as React elements: pictures in a grid whose place is known before they are
// loaded, players, and a row for everything else. Those of a message that waits are shown from this browser.

/** @import { ReactElement, ReactNode } from "react" */

import { createElement } from "react";
import { urlOf, writeAgain } from "./attached_files.js";
import { kindOf, lengthText, pictureText, sizeText, typeText } from "./file_words.js";
import { outboxOf } from "./outbox.js";
import { said, say } from "./texts.js";

// CSS pixels; a thumbnail has 320 at most.
const WIDEST = 320;
const HIGHEST = 400;
const NARROWEST = 120;
/** Of more pictures the last one shown says how many there are, unless they are being uploaded. */
const SHOWN = 4;
// A picture of so few bytes is shown itself: it is sharper.
const SMALL = 200_000;

/**
 * What is known of a file that waits: of which user, whether it is to be uploaded, or why it was refused.
 * @typedef {{ user: string, isUploading: boolean, reason: string, canRetry: boolean, isUnkept: boolean }} Waits
 */

/**
 * A file as it is shown: see FileRow in chat_app/ui/files/rows.py.
 * @typedef {{
 *   id: string, name: string, description?: string, type: string, size: number, width: number, height: number, duration: number,
 *   thumb: string, placeholder: string, url: string, waits?: Waits,
 * }} ShownFile
 */

/**
 * Return the files of a message as children for React.
 * @param {readonly ShownFile[]} files
 * @param {string} clientId
 * @returns {ReactNode}
 */
export function attachedFiles(files, clientId) {
  if (!files?.length) return null;
  const pictures = files.filter(isPicture);
  const others = files.filter((file) => !isPicture(file));
  return createElement(
    "div",
    { className: "attached" },
    pictures.length ? grid(pictures, clientId) : null,
    others.map((file, at) => createElement("div", { key: at, className: "attached-file" }, other(file), ...waiting(file, clientId))),
    ...files.filter((file) => file.waits?.reason).map((file) => refusal(file, clientId)),
    files.some((file) => file.waits?.isUnkept) ? UNKEPT : null,
  );
}

const UNKEPT = createElement(
  "p",
  { key: "unkept", className: "upload-note" },
  say("This browser has no room to keep these files. Keep this page open until they are sent."),
);

/** @param {ShownFile} file */
const isPicture = (file) => kindOf(file) === "picture" && file.width > 0 && file.height > 0;

/**
 * Return the address of what the server has, or of this page's own bytes: a picture that was just sent
 * is not loaded anew.
 * @param {ShownFile} file
 * @param {string} path
 */
export const addressOf = ({ id }, path) => urlOf(id) || (path.startsWith("/") ? (globalThis.chatServer ?? "") + path : path);

/**
 * @param {ShownFile[]} pictures
 * @param {string} clientId
 */
function grid(pictures, clientId) {
  // Each upload has its progress, and can be cancelled.
  const showsAll = pictures.length <= SHOWN || pictures.some((file) => file.waits?.isUploading);
  const shown = showsAll ? pictures : pictures.slice(0, SHOWN);
  const style = shown.length === 1 ? boxOf(shown[0]) : undefined;
  return createElement(
    "div",
    { className: `pictures of-${shown.length > SHOWN ? "more" : shown.length}`, style },
    shown.map((file, at) => {
      const unshown = at === SHOWN - 1 ? pictures.length - shown.length : 0;
      return createElement("div", { key: at, className: "picture-place" }, picture(file, pictures, unshown), ...waiting(file, clientId));
    }),
  );
}

/**
 * Return the place of a picture that stands alone.
 * @param {ShownFile} file
 */
export function boxOf({ width, height }) {
  const scale = Math.min(1, WIDEST / width, HIGHEST / height);
  const inlineSize = Math.max(NARROWEST, Math.round(width * scale));
  const ratio = Math.min(3, Math.max(inlineSize / HIGHEST, width / height));
  return { inlineSize: `${inlineSize}px`, aspectRatio: String(Math.round(ratio * 1000) / 1000) };
}

/**
 * @param {ShownFile} file
 * @param {ShownFile[]} all
 * @param {number} unshown
 */
function picture(file, all, unshown) {
  const still = addressOf(file, file.thumb || file.url);
  const isMoving = file.type === "image/gif" || file.type === "image/webp";
  const whole = addressOf(file, file.url);
  const source = file.size <= SMALL || isMoving ? whole : still;
  const image = createElement("img", {
    src: source,
    alt: "",
    width: file.width,
    height: file.height,
    loading: "lazy",
    decoding: "async",
    draggable: false,
  });
  return createElement(
    "button",
    {
      type: "button",
      className: "picture",
      "aria-label": unshown ? say("{picture}, and {n} more", { picture: pictureText(file), n: unshown }) : pictureText(file),
      "aria-haspopup": "dialog",
      title: file.description || file.name,
      style: file.placeholder ? { backgroundImage: `url("${file.placeholder}")` } : undefined,
      onClick: () => void openPictures(all, file),
    },
    // Movement is not for everybody.
    isMoving && file.thumb
      ? createElement("picture", null, createElement("source", { media: "(prefers-reduced-motion: reduce)", srcSet: still }), image)
      : image,
    unshown ? createElement("span", { className: "picture-more", "aria-hidden": "true" }, `+${unshown}`) : null,
  );
}

/**
 * @param {ShownFile[]} all
 * @param {ShownFile} file
 */
async function openPictures(all, file) {
  try {
    const { showPictures } = await import("./picture_dialog.js");
    showPictures(all, file.id);
  } catch {
    // Never loaded, and no connection: the picture is not there, either.
  }
}

/**
 * @param {ShownFile} file
 * @returns {ReactElement}
 */
function other(file) {
  const kind = kindOf(file);
  const src = addressOf(file, file.url);
  if (kind === "video") {
    const aspectRatio = file.width && file.height ? `${file.width} / ${file.height}` : "16 / 9";
    const poster = file.thumb && !file.waits ? addressOf(file, file.thumb) : undefined;
    // The preload of a video that has a poster is not shown.
    return createElement("video", {
      src,
      poster,
      controls: true,
      playsInline: true,
      preload: "metadata",
      className: "video",
      style: { aspectRatio },
      "aria-label": say("Video {name}", { name: file.name }),
    });
  }
  if (kind === "voice") {
    void import("./voice_player.js").catch(() => undefined);
    return createElement("chat-voice", { key: src, file: file.id, src, size: file.size, duration: file.duration || undefined });
  }
  if (kind === "audio") return sound(file, src);
  return fileRow(file, src);
}

/**
 * @param {ShownFile} file
 * @param {string} src
 */
function sound(file, src) {
  const title = createElement("span", { className: "sound-name one-line" }, createElement("bdi", null, file.name));
  const player = createElement("audio", { src, controls: true, preload: "metadata", "aria-label": say("Audio {name}", { name: file.name }) });
  return createElement("div", { className: "sound" }, title, player);
}

/**
 * Hide a picture that does not come: the icon behind it says enough.
 * @param {{ currentTarget: HTMLElement }} event
 */
const hide = ({ currentTarget }) => (currentTarget.hidden = true);

/**
 * @param {ShownFile} file
 * @param {string} href
 */
function fileRow(file, href) {
  const about = [typeText(file), sizeText(file.size), file.duration ? lengthText(file.duration) : ""].filter(Boolean).join(" · ");
  const content = [
    createElement(
      "span",
      { key: "icon", className: "file-icon", "aria-hidden": "true" },
      createElement("span", { className: "icon icon-file" }),
      file.thumb && !file.waits
        ? createElement("img", { src: addressOf(file, file.thumb), alt: "", loading: "lazy", decoding: "async", onError: hide })
        : null,
    ),
    createElement(
      "span",
      { key: "words", className: "file-words" },
      createElement("span", { className: "file-name" }, createElement("bdi", null, file.name)),
      createElement("span", { className: "file-about" }, about),
    ),
  ];
  if (file.waits) return createElement("div", { className: "file-row" }, content);
  // A download does not leave the page, nor its live link.
  return createElement("a", { className: "file-row", href, download: file.name, title: say("Download {name}", { name: file.name }) }, content);
}

// ---- Files that wait

/**
 * Return the progress of a file that is uploaded, and the button that cancels it.
 * @param {ShownFile} file
 * @param {string} clientId
 * @returns {ReactNode[]}
 */
function waiting({ id, name, waits }, clientId) {
  if (!waits?.isUploading) return [];
  const cancel = createElement(
    "button",
    {
      key: "cancel",
      type: "button",
      className: "upload-cancel",
      "aria-label": say("Cancel the upload of {name}", { name }),
      title: say("Cancel"),
      onClick: () => void cancelUpload(waits.user, clientId, id),
    },
    createElement("span", { className: "icon icon-cross", "aria-hidden": "true" }),
  );
  const ring = createElement("chat-upload", { key: "ring", file: id, "aria-label": say("Upload of {name}", { name }) });
  return [createElement("span", { key: "upload", className: "upload" }, ring, cancel)];
}

/**
 * Send the message without a file. If that was all that it had besides its words, these are written again.
 * @param {string} user
 * @param {string} clientId
 * @param {string} id
 */
async function cancelUpload(user, clientId, id) {
  const outbox = outboxOf(user);
  const entry = outbox.find(clientId);
  if (!entry) return;
  const others = (entry.files ?? []).filter((file) => file.id !== id);
  if (others.length) await outbox.changeFile(clientId, id);
  else {
    outbox.remove(clientId);
    writeAgain({ ...entry, files: undefined });
  }
}

/**
 * Return why a file was refused, and what can be done.
 * @param {ShownFile} file
 * @param {string} clientId
 */
function refusal({ id, name, waits }, clientId) {
  const { user, reason, canRetry } = /** @type {Waits} */ (waits);
  const outbox = () => outboxOf(user);
  const isAlone = () => (outbox().find(clientId)?.files ?? []).length === 1 && !outbox().find(clientId)?.content;
  const act = (/** @type {string} */ label, /** @type {() => void} */ onClick) =>
    createElement("button", { key: label, type: "button", className: "button quiet", onClick, "aria-label": `${label} ${name}` }, label);
  return createElement(
    "div",
    { key: id, className: "upload-refused" },
    createElement("span", { role: "alert" }, createElement("bdi", null, name), `: ${said(reason)}`),
    canRetry ? act(say("Retry"), () => void outbox().changeFile(clientId, id, { reason: undefined })) : null,
    act(say("Remove"), () => void (isAlone() ? outbox().remove(clientId) : outbox().changeFile(clientId, id))),
  );
}
