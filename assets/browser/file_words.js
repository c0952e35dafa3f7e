// Files in words: their kinds, types and sizes.

import { numberText, say } from "./texts.js";

/** @typedef {{ name: string, type: string }} Named */
/** @typedef {"picture" | "video" | "voice" | "audio" | "file"} Kind */

/** How the names of recorded voice messages begin: nothing else tells them from other sounds. */
export const VOICE = "Voice message";
// As chat_app/files/media_types.py has them: others are downloaded.
const PICTURES = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"];
const VIDEOS = ["video/mp4", "video/webm"];
const SOUNDS = ["audio/mpeg", "audio/ogg", "audio/mp4", "audio/wav", "audio/webm"];
const UNITS = ["{n} byte|{n} bytes", "{size} KB", "{size} MB", "{size} GB"];

/**
 * Return how a file is shown. What a browser records has the type of a video, also without a picture.
 * @param {Named} file
 * @returns {Kind}
 */
export function kindOf({ name, type }) {
  const [plain] = type.split(";", 1);
  const isPlayed = VIDEOS.includes(plain) || SOUNDS.includes(plain);
  if (PICTURES.includes(plain)) return "picture";
  if (isPlayed && name.startsWith(VOICE)) return "voice";
  if (VIDEOS.includes(plain)) return "video";
  return isPlayed ? "audio" : "file";
}

/**
 * Return how a picture is called where it is not seen.
 * @param {{ name: string, description?: string }} file
 */
export const pictureText = ({ name, description }) => (description ? say("Picture {name}: {description}", { name, description }) : say("Picture {name}", { name }));

/**
 * Return a size in words: "1.4 MB". A MB has 2²⁰ bytes.
 * @param {number} bytes
 */
export function sizeText(bytes) {
  let [size, unit] = [bytes, 0];
  for (; size >= 999.5 && unit < UNITS.length - 1; unit++) size /= 1024;
  const digits = unit === 0 || size >= 10 ? 0 : 1;
  return unit === 0 ? say(UNITS[0], { n: size }) : say(UNITS[unit], { size: numberText(size, { maximumFractionDigits: digits }) });
}

/**
 * Return the type of a file in a word: what follows the last dot of its name.
 * @param {Named} file
 */
export function typeText({ name, type }) {
  const [, ending] = /\.([\p{L}\p{N}]{1,8})$/u.exec(name) ?? [];
  return ending ? ending.toUpperCase() : type.startsWith("image/") ? say("Picture") : say("File");
}

/**
 * Return a time as minutes and seconds: "1:05".
 * @param {number} seconds
 */
export function lengthText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/**
 * Return what a message without a text has: as `files_text` in chat_app/ui/files/rows.py.
 * @param {readonly Named[]} files
 */
export function filesText(files) {
  if (!files.length) return "";
  const kinds = new Set(files.map(kindOf));
  if (files.length > 1) return say(kinds.size > 1 || !kinds.has("picture") ? "{n} file|{n} files" : "{n} photo|{n} photos", { n: files.length });
  const [[kind], [{ name }]] = [[...kinds], files];
  if (kind === "picture") return say("Photo");
  if (kind === "voice") return say("Voice message");
  return kind === "file" ? say("File: {name}", { name }) : kind === "video" ? say("Video") : say("Audio: {name}", { name });
}
