// The dialog in which a time is chosen: by one press, or in a field. It stays open, with what is wrong under
// the field, until the time is taken.

/** @import { Choice } from "./times.js" */

import { timeAhead } from "./clock.js";
import { serverNow } from "./server_clock.js";
import { textOf } from "./sheet.js";
import { fieldValue, latest, problemOf } from "./times.js";
import { say } from "./texts.js";

/**
 * What the dialog asks for. `save` returns what is wrong, "" for nothing; the `text` is asked for, too, where
 * there is one, and `problemOfText` checks it.
 * @typedef {object} Wanted
 * @property {string} title
 * @property {string} submit the words of the button
 * @property {Choice[]} choices
 * @property {Date} at the time in the field at first
 * @property {string} [text]
 * @property {(text: string) => string} [problemOfText]
 * @property {(at: Date, text: string) => Promise<string>} save
 */

/**
 * Open the dialog; the promise is kept when it is closed.
 * @param {Wanted} wanted
 * @returns {Promise<void>}
 */
export const askForTime = (wanted) => new TimeDialog(wanted).open();

class TimeDialog {
  #wanted;
  #dialog = document.createElement("dialog");
  #form = document.createElement("form");
  #time = document.createElement("input");
  #timeProblem = problemLine("later-time-problem");
  /** @type {HTMLTextAreaElement | undefined} */
  #text;
  #textProblem = problemLine("later-text-problem");
  #isSaving = false;

  /** @param {Wanted} wanted */
  constructor(wanted) {
    this.#wanted = wanted;
    const title = textOf("h2", wanted.title);
    title.id = "later-title";
    this.#dialog.className = "sheet";
    this.#dialog.setAttribute("aria-labelledby", title.id);
    this.#form.className = "sheet-box";
    this.#form.noValidate = true;
    this.#form.append(title);
    if (wanted.text !== undefined) this.#form.append(this.#textField(wanted.text));
    if (wanted.choices.length) this.#form.append(this.#choices());
    this.#form.append(this.#timeField(), this.#buttons());
    this.#dialog.append(this.#form);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#save(new Date(this.#time.value));
    });
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leave();
    });
    this.#dialog.addEventListener("click", (event) => {
      // A click outside has the dialog itself as its target; a text that was changed is not thrown away.
      if (event.target === this.#dialog && !this.#text) this.#leave();
    });
  }

  /** @returns {Promise<void>} */
  open() {
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    return new Promise((resolve) => {
      this.#dialog.addEventListener("close", () => {
        this.#dialog.remove();
        resolve();
      });
    });
  }

  /** Close without a time; what is on its way is waited for: it may be taken. */
  #leave() {
    if (!this.#isSaving) this.#dialog.close();
  }

  /** @param {Date} at */
  async #save(at) {
    if (this.#isSaving) return;
    const text = this.#text?.value ?? "";
    const problemOfText = (this.#text && this.#wanted.problemOfText?.(text)) ?? "";
    show(this.#text, this.#textProblem, problemOfText);
    show(this.#time, this.#timeProblem, problemOf(at, serverNow()));
    if (problemOfText) this.#text?.focus();
    else if (this.#timeProblem.textContent) this.#time.focus();
    else await this.#try(at, text);
  }

  /**
   * @param {Date} at
   * @param {string} text
   */
  async #try(at, text) {
    this.#isSaving = true;
    this.#form.setAttribute("aria-busy", "true");
    const problem = await this.#wanted.save(at, text);
    this.#isSaving = false;
    this.#form.removeAttribute("aria-busy");
    if (!problem) {
      this.#dialog.close();
      return;
    }
    show(this.#time, this.#timeProblem, problem);
    this.#time.focus();
  }

  /** @param {string} value */
  #textField(value) {
    const field = document.createElement("textarea");
    Object.assign(field, { id: "later-text", className: "input later-text", rows: 4, value, dir: "auto" });
    field.setAttribute("aria-describedby", this.#textProblem.id);
    this.#text = field;
    return labelled(say("Text"), field, this.#textProblem);
  }

  #timeField() {
    const now = serverNow();
    const field = this.#time;
    Object.assign(field, { id: "later-time", type: "datetime-local", className: "input", value: fieldValue(this.#wanted.at) });
    field.min = fieldValue(now);
    field.max = fieldValue(latest(now));
    field.setAttribute("aria-describedby", `later-zone ${this.#timeProblem.id}`);
    const zone = textOf("p", say("Your time zone: {zone}", { zone: new Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ") }), "field-hint");
    zone.id = "later-zone";
    return labelled(say("Time"), field, zone, this.#timeProblem);
  }

  #choices() {
    const list = textOf("div", "", "time-choices");
    list.setAttribute("role", "group");
    list.setAttribute("aria-label", say("Often chosen"));
    for (const { label, at } of this.#wanted.choices) {
      const choice = textOf("button", "", "time-choice");
      choice.setAttribute("type", "button");
      // "Tomorrow" stands there already.
      const words = timeAhead(at.toISOString(), serverNow().getTime()).replace(label, "").trim();
      choice.append(textOf("span", label), " ", textOf("span", words, "row-time"));
      choice.addEventListener("click", () => void this.#save(at));
      list.append(choice);
    }
    return list;
  }

  #buttons() {
    const cancel = textOf("button", say("Cancel"), "button quiet");
    cancel.setAttribute("type", "button");
    cancel.addEventListener("click", () => this.#leave());
    const submit = textOf("button", this.#wanted.submit, "button primary");
    submit.setAttribute("type", "submit");
    const row = textOf("div", "", "sheet-buttons");
    row.append(cancel, submit);
    return row;
  }
}

/**
 * Show what is wrong with a field.
 * @param {HTMLElement | undefined} field
 * @param {HTMLElement} line
 * @param {string} words
 */
function show(field, line, words) {
  line.textContent = words;
  line.hidden = !words;
  if (words) field?.setAttribute("aria-invalid", "true");
  else field?.removeAttribute("aria-invalid");
}

/** @param {string} id */
function problemLine(id) {
  const line = textOf("p", "", "error-text");
  line.id = id;
  line.hidden = true;
  line.setAttribute("role", "alert");
  return line;
}

/**
 * @param {string} words
 * @param {HTMLElement} field
 * @param {...HTMLElement} lines
 */
function labelled(words, field, ...lines) {
  const label = textOf("label", words, "field-label");
  label.setAttribute("for", field.id);
  const place = textOf("div", "", "field");
  place.append(label, field, ...lines);
  return place;
}
