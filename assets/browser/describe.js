// The dialog in which a picture is described for people who cannot see it. It is loaded when it is needed.

import { newSheet, textOf } from "./sheet.js";
import { say } from "./texts.js";

// As chat_app/files/names.py has it.
const MOST = 500;
const HINT = say("For people who cannot see it. One sentence is enough.");

/**
 * Ask for the description of a picture.
 * @param {string} name of the picture
 * @param {string} url of it
 * @param {string} before its description so far
 * @param {(description: string) => void} save
 */
export function askForDescription(name, url, before, save) {
  const { dialog, box } = newSheet(say("Describe this picture"), "describe-title", "describe");
  const image = document.createElement("img");
  Object.assign(image, { src: url, alt: name, className: "describe-picture" });
  const form = document.createElement("form");
  form.className = "field";
  const label = textOf("label", say("Description"), "field-label");
  const field = document.createElement("textarea");
  Object.assign(field, { id: "describe-text", className: "input", rows: 3, maxLength: MOST, value: before, dir: "auto" });
  label.htmlFor = field.id;
  const hint = textOf("p", HINT, "field-hint");
  hint.id = "describe-hint";
  field.setAttribute("aria-describedby", hint.id);
  const buttons = textOf("div", "", "sheet-buttons");
  const button = textOf("button", say("Save"), "button primary");
  buttons.append(button);
  form.append(label, field, hint, buttons);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // The focus returns to the button; then the button changes.
    dialog.close();
    save(field.value.trim());
  });
  field.addEventListener("keydown", (event) => {
    // As in the composer.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  box.append(image, form);
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
}
