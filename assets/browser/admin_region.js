// A region of the owner's page, and the rows in it.

import { ask } from "./ask.js";
import { fullTime, shortTime } from "./clock.js";
import { pressable, textOf } from "./sheet.js";
import { say } from "./texts.js";

/** A region: its heading, what stands above its content, the content, and what failed. */
export class Region {
  section = textOf("section");
  head = textOf("div", "", "admin-head");
  #problem = textOf("div", "", "notice");

  /** @param {string} name */
  constructor(name) {
    this.section.ariaLabel = name;
    this.#problem.setAttribute("role", "alert");
    this.#problem.hidden = true;
    this.section.append(textOf("h2", name), this.head, this.#problem);
  }

  /**
   * Load something; show what failed, with a button that calls `again`.
   * @param {string} path
   * @param {(answer: Record<string, unknown>) => boolean} take
   * @param {() => void} again
   */
  async load(path, take, again) {
    this.section.setAttribute("aria-busy", "true");
    const problem = await ask("GET", path, undefined, take);
    this.section.removeAttribute("aria-busy");
    this.#problem.replaceChildren(textOf("span", problem), pressable(say("Try again"), "plain", again));
    this.#problem.hidden = !problem;
    return !problem;
  }
}

/**
 * Make the row of an item.
 * @param {HTMLElement} title
 * @param {HTMLElement} about
 * @param {HTMLElement[]} more
 */
export function rowOf(title, about, ...more) {
  const row = textOf("li", "", "device");
  const words = textOf("div", "", "row-text");
  words.append(title, about);
  row.append(words, ...more);
  return row;
}

/**
 * Show a time.
 * @param {string} iso
 */
export function timeOf(iso) {
  const time = textOf("time", shortTime(iso));
  Object.assign(time, { dateTime: iso, title: fullTime(iso) });
  return time;
}
