// The words of the screens, in the language of the page. English is written where a text is shown and is
// the key of the catalogues (chat_app/languages/); a text with a number has both English forms:
// say("{n} member|{n} members", { n }). A note after "#" tells texts apart that are equal in English.
//
// The pages are rendered ahead once, for all languages: there `say` leaves a mark, and
// chat_app/languages/pages.js writes the page of each language.

/** @typedef {string | number | readonly string[]} Place */
/** @typedef {Record<string, Place>} Places */
/** A text, or its forms by the plural categories of CLDR. @typedef {string | Record<string, string>} Text */

/** Around a text of a page that is rendered ahead. */
export const MARK = { begin: "\ue000", end: "\ue001" };
/** Before a text that the server leaves to the page (chat_app/ui/told.py): no text of people has a NUL. */
const TOLD = "\0";
/** Nobody can have this name (chat_app/accounts/rules.py). */
const DELETED = "Deleted user";
/** Fields of rows with the name of a person. */
const NAMES = new Set(["name", "author", "forwarded", "pinned"]);
const NUMBER = /\d+(?:,\d{3})*/g;
const FIRST = "a".charCodeAt(0);
/** A letter that is written from right to left. */
const TURNED = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const RIGHT_TO_LEFT = ["ar", "fa", "he", "ur"];

/** The texts of one language. */
export class Language {
  #texts;
  #locale;
  #isTurned;
  #numbers;
  #plurals;
  #lists;

  /**
   * @param {string} locale
   * @param {Record<string, Text>} texts by the short names of their keys
   */
  constructor(locale, texts) {
    this.#texts = texts;
    this.#locale = locale;
    this.#isTurned = directionOf(locale) === "rtl";
    this.#numbers = new Intl.NumberFormat(locale);
    this.#plurals = new Intl.PluralRules(locale);
    // "A, B and C", as everything else is written here.
    this.#lists = new Intl.ListFormat(locale.startsWith("en") ? "en-GB" : locale);
  }

  /** The language and region by which times and numbers are written. */
  get locale() {
    return this.#locale;
  }

  /**
   * Return a text, with its places filled. A place that is a number is written as one, a list as a list;
   * `n` chooses the plural form.
   * @param {string} key
   * @param {Places} [places]
   * @returns {string}
   */
  say(key, places = {}) {
    const text = this.#texts[shortName(key)];
    const n = Number(places.n ?? 0);
    const form = typeof text === "object" ? (text[this.#plurals.select(n)] ?? text.other) : (text ?? english(key, n));
    return form.replace(/\{(\w+)\}/g, (whole, name) => this.#placed(places[String(name)] ?? whole));
  }

  /**
   * Return a text of the server: a told one with its places, or any that the catalogue has. The numbers of an
   * error are places {a}, {b} …
   * @param {string} text
   * @returns {string}
   */
  said(text) {
    if (!text.startsWith(TOLD)) return this.#known(text);
    /** @type {unknown} */
    const told = JSON.parse(text.slice(TOLD.length));
    const [key, places] = /** @type {[string, Places?]} */ (told);
    return this.say(key, places);
  }

  /** @param {string} text */
  #known(text) {
    if (shortName(text) in this.#texts) return this.say(text);
    /** @type {Record<string, number>} */
    const numbers = {};
    const key = text.replace(NUMBER, (number) => {
      const name = String.fromCharCode(FIRST + Object.keys(numbers).length);
      numbers[name] = Number(number.replaceAll(",", ""));
      return `{${name}}`;
    });
    return shortName(key) in this.#texts ? this.say(key, numbers) : text;
  }

  /**
   * Return parts as one list: "Anna, Bob and 3 more".
   * @param {readonly string[]} parts
   */
  listed(parts) {
    return this.#lists.format(parts.map((part) => this.#isolated(part)));
  }

  /**
   * @param {Place} place
   * @returns {string}
   */
  #placed(place) {
    if (typeof place === "number") return this.#numbers.format(place);
    if (typeof place !== "string") return this.listed(place.map((part) => this.#part(part)));
    return this.#isolated(this.#part(place));
  }

  /**
   * Return a text in a place: another told one, or that of people, which is nothing but itself.
   * @param {string} text
   * @returns {string}
   */
  #part(text) {
    if (text === DELETED) return this.say(DELETED);
    return text.startsWith(TOLD) ? this.said(text) : text;
  }

  /**
   * Return a text that does not turn those around it (UAX #9, FSI and PDI).
   * @param {string} text
   */
  #isolated(text) {
    return text && (this.#isTurned || TURNED.test(text)) ? `\u2068${text}\u2069` : text;
  }
}

/**
 * Return the direction of a language.
 * @param {string} locale
 */
export const directionOf = (locale) => (RIGHT_TO_LEFT.includes(locale.split("-", 1)[0]) ? "rtl" : "ltr");

/**
 * Return the name of a text in the catalogues of the pages: FNV-1a, four letters long. English keys would
 * double what a language costs.
 * @param {string} key
 */
export function shortName(key) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193) >>> 0;
  return (hash % 36 ** 4).toString(36);
}

/**
 * @param {string} key
 * @param {number} n
 */
function english(key, n) {
  const [one, other = one] = key.split("#", 1)[0].split("|");
  return n === 1 ? one : other;
}

/** Return the first language of the browser that the page is in, with its region: en-GB writes other dates. */
function ownLocale() {
  const preferred = globalThis.navigator?.languages ?? [];
  return preferred.find((one) => one.split("-", 1)[0].toLowerCase() === language) ?? language;
}

/** The language of the page. */
export const language = globalThis.document?.documentElement?.lang || "en";
const page = new Language(ownLocale(), globalThis.chatTexts ?? {});

/** The language and region by which the page writes times and numbers. */
export const locale = page.locale;

/**
 * Return a text in the language of the page.
 * @param {string} key
 * @param {Places} [places]
 * @returns {string}
 */
export function say(key, places) {
  if (import.meta.env?.SSR) return MARK.begin + JSON.stringify([key, places ?? {}]) + MARK.end;
  return page.say(key, places);
}

/**
 * Return a text of the server in the language of the page; one that the catalogue has not stays as it is.
 * @param {string} text
 */
export const said = (text) => page.said(text);

/**
 * Return parts of a sentence as a list.
 * @param {readonly string[]} parts
 */
export const listed = (parts) => page.listed(parts);

/**
 * Return a number as it is written in the page's language.
 * @param {number} number
 * @param {Intl.NumberFormatOptions} [options]
 */
export const numberText = (number, options) => number.toLocaleString(locale, options);

/**
 * Return rows and facts of the server with the texts that it left to the page.
 * @template T
 * @param {T} value
 * @returns {T}
 */
export function worded(value) {
  /** @type {unknown} */
  let result = value;
  if (typeof value === "string") {
    if (value.startsWith(TOLD)) result = said(value);
  } else if (Array.isArray(value)) {
    result = value.map((one) => worded(/** @type {unknown} */ (one)));
  } else if (typeof value === "object" && value) {
    const fields = /** @type {[string, unknown][]} */ (Object.entries(value));
    result = Object.fromEntries(fields.map(([name, one]) => [name, NAMES.has(name) && one === DELETED ? said(DELETED) : worded(one)]));
  }
  return /** @type {T} */ (result);
}
