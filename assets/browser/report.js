// The dialog "Report": tells the admins of a message or a person, with the reason. It is loaded when it is first
// opened.

import { ask } from "./ask.js";
import { notify } from "./notice.js";
import { newSheet, textOf } from "./sheet.js";

const MOST = 1_000;

/**
 * Ask for the reason, and report. It stays open, with what is wrong, until the server has it.
 * @param {"messages" | "users"} what
 * @param {string} id
 */
export function report(what, id) {
  const { dialog, box } = newSheet("Report", "report-title", "");
  const form = document.createElement("form");
  form.noValidate = true;
  const label = textOf("label", "What is wrong?", "field-label");
  const field = document.createElement("textarea");
  Object.assign(field, { id: "report-reason", className: "input", rows: 4, maxLength: MOST, dir: "auto" });
  field.setAttribute("aria-describedby", "report-error");
  label.htmlFor = field.id;
  const error = textOf("p", "", "error-text");
  Object.assign(error, { id: "report-error", role: "alert" });
  const cancel = textOf("button", "Cancel", "button quiet");
  cancel.type = "button";
  cancel.addEventListener("click", () => dialog.close());
  const send = textOf("button", "Send report", "button primary");
  send.type = "submit";
  const row = textOf("div", "", "sheet-buttons");
  row.append(cancel, send);
  const about = what === "messages" ? "Whoever runs this chat sees the message and what you write here." : "Whoever runs this chat sees what you write here.";
  form.append(textOf("p", `${about} The other person is not told.`, "sheet-text"), label, field, error, row);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });

  async function submit() {
    send.disabled = true;
    const reason = field.value.trim();
    error.textContent = reason
      ? await ask("POST", `/api/${what}/${id}/report`, { reason }, (reported) => typeof reported.id === "string")
      : "Write what is wrong first.";
    send.disabled = false;
    if (error.textContent) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return;
    }
    dialog.close();
    notify("Thank you. The report is sent.");
  }

  box.append(form);
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
}
