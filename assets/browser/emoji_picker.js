// The dialog in which an emoji is picked: emoji-picker-element, loaded when it is first opened, with its
// data from the chat itself.

/** @import { Picker } from "emoji-picker-element" */

import { computePosition, flip, offset, shift } from "@floating-ui/dom";
import { EMOJI_DATA } from "./emoji_data.js";
import { language, say } from "./texts.js";

/** @type {EmojiDialog | undefined} */
let dialog;

/**
 * Open the dialog at a button; return the emoji that is picked, undefined where none is.
 * @param {HTMLElement} opener
 * @returns {Promise<string | undefined>}
 */
export function pickEmoji(opener) {
  dialog ??= new EmojiDialog();
  return dialog.open(opener);
}

class EmojiDialog {
  #element = document.createElement("dialog");
  #place = document.createElement("div");
  /** @type {Picker | undefined} */
  #picker;
  /** Ends what the open dialog does. */
  #opened = new AbortController();
  /** @type {string | undefined} */
  #picked;

  constructor() {
    const title = document.createElement("h2");
    title.textContent = say("Emoji");
    title.id = "emoji-dialog";
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "icon-button", title: say("Close"), ariaLabel: say("Close") });
    const cross = document.createElement("span");
    cross.className = "icon icon-cross";
    cross.setAttribute("aria-hidden", "true");
    close.append(cross);
    const head = document.createElement("header");
    head.className = "emoji-head";
    head.append(title, close);
    this.#place.className = "emoji-place";
    this.#element.className = "emoji-dialog";
    this.#element.setAttribute("aria-labelledby", title.id);
    this.#element.append(head, this.#place);
    this.#element.addEventListener("click", (event) => {
      // A click outside has the dialog itself as its target.
      if (event.target === this.#element || close.contains(/** @type {Node} */ (event.target))) this.#element.close();
    });
  }

  /**
   * @param {HTMLElement} opener
   * @returns {Promise<string | undefined>}
   */
  open(opener) {
    this.#opened.abort();
    this.#opened = new AbortController();
    const { signal } = this.#opened;
    this.#picked = undefined;
    document.body.append(this.#element);
    this.#element.showModal();
    void this.#position(opener);
    void this.#load();
    return new Promise((resolve) => {
      const end = () => {
        resolve(this.#picked);
        this.#opened.abort();
        this.#element.remove();
      };
      this.#element.addEventListener("close", end, { signal });
    });
  }

  /**
   * Put the dialog beside its button; on a phone it is at the lower end of the screen.
   * @param {HTMLElement} opener
   */
  async #position(opener) {
    this.#element.style.removeProperty("left");
    this.#element.style.removeProperty("top");
    if (matchMedia("(max-width: 767px)").matches) return;
    const middleware = [offset(8), flip(), shift({ padding: 8, crossAxis: true })];
    const { x, y } = await computePosition(opener, this.#element, { strategy: "fixed", placement: "top-end", middleware });
    Object.assign(this.#element.style, { left: `${x}px`, top: `${y}px` });
  }

  async #load() {
    if (!this.#picker) {
      this.#say(say("Loading…"));
      try {
        this.#picker = await newPicker();
      } catch {
        this.#say(say("The emoji could not be loaded. Please try again."));
        return;
      }
      this.#picker.addEventListener("emoji-click", ({ detail }) => {
        this.#picked = detail.unicode;
        this.#element.close();
      });
      this.#picker.addEventListener("keydown", takeFirst, true);
      this.#place.replaceChildren(this.#picker);
    }
    const search = await searchFieldOf(this.#picker);
    search.value = "";
    search.dispatchEvent(new Event("input"));
    // On a touch screen the keyboard would cover the emoji.
    if (matchMedia("(pointer: fine)").matches) search.focus();
  }

  /** @param {string} words */
  #say(words) {
    const line = document.createElement("p");
    line.textContent = words;
    line.setAttribute("role", "status");
    this.#place.replaceChildren(line);
  }
}

/**
 * Pick the first hit by Enter, where none is chosen: the picker itself would only choose it.
 * @param {Event} event
 */
function takeFirst(event) {
  const { key, isComposing } = /** @type {KeyboardEvent} */ (event);
  const inside = /** @type {HTMLElement} */ (event.currentTarget).shadowRoot;
  const field = inside?.activeElement;
  if (key !== "Enter" || isComposing || !field?.matches("input[type=search]")) return;
  /** @type {HTMLElement | null | undefined} */
  const first = inside?.querySelector("#search-results [role=option]");
  if (!first || field.getAttribute("aria-activedescendant")) return;
  event.preventDefault();
  event.stopPropagation();
  first.click();
}

/** The picker's own words. @type {Record<string, () => Promise<{ default: import("emoji-picker-element/shared.js").I18n }>>} */
const WORDS = {
  ar: () => import("emoji-picker-element/i18n/ar.js"),
  de: () => import("emoji-picker-element/i18n/de.js"),
};

async function newPicker() {
  const [{ Picker: Element }, { default: words }] = await Promise.all([
    import("emoji-picker-element"),
    (WORDS[language] ?? (() => import("emoji-picker-element/i18n/en.js")))(),
  ]);
  return new Element({ dataSource: EMOJI_DATA, locale: language, i18n: { ...words, searchLabel: say("Search emoji") } });
}

/**
 * Return the picker's search field, once it is there. The picker calls it a combobox, though its list is
 * always shown: it is a search field.
 * @param {Picker} picker
 * @returns {Promise<HTMLInputElement>}
 */
async function searchFieldOf(picker) {
  for (;;) {
    /** @type {HTMLInputElement | null | undefined} */
    const field = picker.shadowRoot?.querySelector("input[type=search]");
    if (field) {
      if (field.role !== "searchbox") {
        field.setAttribute("role", "searchbox");
        // Only a combobox is expanded, and what it controls may be missing.
        field.removeAttribute("aria-controls");
        const withoutState = () => field.removeAttribute("aria-expanded");
        new MutationObserver(withoutState).observe(field, { attributeFilter: ["aria-expanded"] });
        withoutState();
      }
      return field;
    }
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}
