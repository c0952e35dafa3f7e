// The dialog "Go to a date": opens a conversation where a day begins. It is loaded when it is first needed.

import { problemIn } from "./ask.js";
import { call } from "./request.js";
import { newSheet, textOf } from "./sheet.js";
import { isoDay } from "./times.js";
import { say } from "./texts.js";

const SOME = 20; // messages around the beginning of the day

/**
 * Open the dialog.
 * @param {string} conversationId
 * @param {string} shown the time of a message of the day that is shown; "" for today
 * @param {(seq: number) => void} go shows a message in its place
 */
export function askForDate(conversationId, shown, go) {
  const { dialog, box } = newSheet(say("Go to a date"), "date-title", "go-to-date");
  const form = document.createElement("form");
  form.className = "field";
  const label = textOf("label", say("Date"), "field-label");
  const field = document.createElement("input");
  Object.assign(field, { type: "date", id: "go-to-date", className: "input", required: true });
  field.max = isoDay(new Date());
  field.value = isoDay(shown ? new Date(shown) : new Date());
  label.htmlFor = field.id;
  const problem = textOf("p", "", "error-text");
  problem.setAttribute("role", "alert");
  const button = textOf("button", say("Go"), "button primary");
  form.append(label, field, problem, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  box.append(form);
  document.body.append(dialog);
  dialog.showModal();
  field.focus();

  async function submit() {
    problem.textContent = "";
    const found = await firstOf(conversationId, new Date(`${field.value}T00:00`));
    if (typeof found === "string") {
      problem.textContent = found;
      return;
    }
    dialog.close();
    go(found);
  }
}

/**
 * Return the `seq` of the first message from a time on, or of the last one before it; or why it is not known.
 * @param {string} conversationId
 * @param {Date} start
 * @returns {Promise<number | string>}
 */
async function firstOf(conversationId, start) {
  if (Number.isNaN(start.getTime())) return say("Choose a date.");
  /** @type {unknown} */
  let found;
  const query = new URLSearchParams({ at: start.toISOString(), limit: String(SOME) });
  const answer = await call("GET", `/api/conversations/${conversationId}/messages?${query}`, {
    isAnswer: (body) => Array.isArray((found = body.items)),
  });
  const problem = problemIn(answer);
  if (problem) return problem;
  const items = /** @type {{ seq: number, created_at: string }[]} */ (found);
  items.sort((one, other) => one.seq - other.seq);
  const first = items.find((one) => Date.parse(one.created_at) >= start.getTime()) ?? items.at(-1);
  return first ? first.seq : say("There are no messages yet.");
}
