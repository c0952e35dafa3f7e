// The dialog "Report": tells the admins of a message or a person, with the reason. It is loaded when it is first
// opened.

import { ask } from "./ask.js";
import { notify } from "./notice.js";
import { newSheet, textOf } from "./sheet.js";
import { say } from "./texts.js";

const MOST = 1_000;

/**
 * Ask for the reason, and report. It stays open, with what is wrong, until the server has it.
 * @param {"messages" | "users"} what
 * @param {string} id
 */
export function report(what, id) {
  const { dialog, box } = newSheet(say("Report"), "report-title", "");
  const form = document.createElement("form");
  form.noValidate = true;
  const label = textOf("label", say("What is wrong?"), "field-label");
  const field = document.createElement("textarea");
  Object.assign(field, { id: "report-reason", className: "input", rows: 4, maxLength: MOST, dir: "auto" });
  field.setAttribute("aria-describedby", "report-error");
  label.htmlFor = field.id;
  const error = textOf("p", "", "error-text");
  Object.assign(error, { id: "report-error", role: "alert" });
  const cancel = textOf("button", say("Cancel"), "button quiet");
  cancel.type = "button";
  cancel.addEventListener("click", () => dialog.close());
  const send = textOf("button", say("Send report"), "button primary");
  send.type = "submit";
  const row = textOf("div", "", "sheet-buttons");
  row.append(cancel, send);
  const about = 
    what === "messages"
      ? say("Whoever runs this chat sees the message and what you write here. The other person is not told.")
      : say("Whoever runs this chat sees what you write here. The other person is not told.");
  form.append(textOf("p", about, "sheet-text"), label, field, error, row);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });

  async function submit() {
    send.disabled = true;
    const reason = field.value.trim();
    error.textContent = reason
      ? await ask("POST", `/api/${what}/${id}/report`, { reason }, (reported) => typeof reported.id === "string")
      : say("Write what is wrong first.");
    send.disabled = false;
    if (error.textContent) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return;
    }
    dialog.close();
    notify(say("Thank you. The report is sent."));
  }

  box.append(form);
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
}
