// How fast an upload is, and how long it will take.

import { sizeText } from "./file_words.js";
import { say } from "./texts.js";

// Earlier bytes say nothing about the present speed.
const WINDOW = 5_000;

export class TransferRate {
  /** @type {{ at: number, sent: number }[]} */
  #notes = [];

  /**
   * Note how many bytes were sent at a time.
   * @param {number} sent
   * @param {number} at ms
   */
  note(sent, at) {
    this.#notes.push({ sent, at });
    while (this.#notes.length > 2 && this.#notes[0].at < at - WINDOW) this.#notes.shift();
  }

  /** Bytes a second, 0 where that is not known yet. */
  get speed() {
    const [first, last] = [this.#notes[0], this.#notes.at(-1)];
    if (!first || !last || last.at - first.at < 200 || last.sent <= first.sent) return 0;
    return ((last.sent - first.sent) * 1000) / (last.at - first.at);
  }
}

/**
 * Return the progress of an upload in words: "45 %, 1.2 MB a second, 10 seconds left".
 * @param {{ sent: number, size: number, speed: number }} progress
 */
export function progressText({ sent, size, speed }) {
  const percent = percentOf(sent, size);
  if (!speed || sent >= size) return say("{percent} %", { percent });
  return say("{percent} %, {size} a second, {time} left", { percent, size: sizeText(speed), time: restText((size - sent) / speed) });
}

/**
 * @param {number} sent
 * @param {number} size
 */
export const percentOf = (sent, size) => (size ? Math.min(100, Math.floor((100 * sent) / size)) : 0);

/** @param {number} seconds */
function restText(seconds) {
  const whole = Math.max(1, Math.ceil(seconds));
  if (whole < 60) return say("{n} second|{n} seconds", { n: whole });
  return say("{n} minute|{n} minutes", { n: Math.round(whole / 60) });
}
