// The lines around the box of the composer: what it replies to, another draft, what still fits, and a
// warning where the browser stores nothing.

/** @import { Quote } from "./messages.js" */

import { clean, LIMIT } from "./content.js";
import { plainText } from "./markdown.js";
import { say } from "./texts.js";

const NEAR_LIMIT = 500;
const VOLATILE = say(
  "This browser cannot store anything right now. What you write here is lost when you close or leave this page before it is sent.",
);

/**
 * Show what the draft replies to, undefined for nothing.
 * @param {HTMLElement} composer
 * @param {Quote | undefined} message
 * @param {string} user
 */
export function showReply(composer, message, user) {
  const bar = partOf(composer, "[data-replying]");
  bar.className = `replying ${message?.tone ?? ""}`;
  const name = message?.name ?? "";
  partOf(bar, "[data-reply-name]").textContent = message?.sender_id === user ? say("Reply to yourself") : say("Reply to {name}", { name });
  partOf(bar, "[data-reply-excerpt]").textContent = plainText(message?.excerpt ?? "");
}

/**
 * Show that there is another draft, in the words `text`.
 * @param {HTMLElement} composer
 * @param {string | undefined} text
 */
export function showOther(composer, text) {
  const bar = partOf(composer, "[data-other-draft]");
  const words = plainText(text || say("A reply without words"));
  const place = partOf(bar, "[data-other-text]");
  if (place.textContent !== words) place.textContent = words;
  if (bar.hidden !== (text === undefined)) bar.hidden = text === undefined;
}

/**
 * Show how many characters still fit, near the limit.
 * @param {HTMLElement} composer
 * @param {HTMLTextAreaElement} box
 */
export function showRoom(composer, box) {
  const { value } = box;
  // A character takes one unit of the value or two.
  const room = value.length < LIMIT - NEAR_LIMIT ? LIMIT : LIMIT - [...clean(value)].length;
  const place = partOf(composer, "[data-composer-room]");
  const isFar = room > NEAR_LIMIT;
  // A change in the page at each key would let the browser style its rows anew.
  if (isFar && place.hidden) return;
  place.hidden = isFar;
  place.classList.toggle("error-text", room < 0);
  place.textContent = room < 0 ? say("{n} too many|{n} too many", { n: -room }) : say("{n} left|{n} left", { n: room });
  if (place.hidden) box.removeAttribute("aria-describedby");
  else box.setAttribute("aria-describedby", place.id);
}

/**
 * Show that this browser stores nothing, while it does not.
 * @param {HTMLElement} composer
 * @param {boolean} isVolatile
 */
export function warn(composer, isVolatile) {
  /** @type {HTMLElement | null} */
  let line = composer.querySelector(".composer-warning");
  if (!line && !isVolatile) return;
  if (!line) {
    line = document.createElement("p");
    line.className = "error-text composer-warning";
    line.setAttribute("role", "alert");
    composer.append(line);
  }
  line.hidden = !isVolatile;
  line.textContent = isVolatile ? VOLATILE : "";
}

/**
 * Show what was done, until the box changes.
 * @param {HTMLElement} composer
 * @param {string} words
 */
export function confirm(composer, words) {
  const place = partOf(composer, "[data-composer-done]");
  if (place.hidden === !words) return;
  partOf(place, "span").textContent = words;
  place.hidden = !words;
}

/**
 * Show what is wrong, "" for nothing.
 * @param {HTMLElement} composer
 * @param {string} words
 */
export function showProblem(composer, words) {
  const place = partOf(composer, "[data-composer-error]");
  place.textContent = words;
  place.hidden = !words;
}

/**
 * Show an error no more, unless it is another one by now.
 * @param {HTMLElement} composer
 * @param {string} words
 */
export function hideProblem(composer, words) {
  if (partOf(composer, "[data-composer-error]").textContent === words) showProblem(composer, "");
}

/**
 * @param {HTMLElement} element
 * @param {string} selector
 */
const partOf = (element, selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
