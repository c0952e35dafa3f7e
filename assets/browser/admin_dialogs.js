// Dialogs of the owner's page: a question before what hurts, a link that is shown once, an invitation to
// make, and what can be done with an account.

import { ask } from "./ask.js";
import { copyText } from "./clipboard.js";
import { notify } from "./notice.js";
import { getPageUser } from "./request.js";
import { errorLine, newSheet, pressable, textOf } from "./sheet.js";
import { say } from "./texts.js";

/**
 * An account as the API has it.
 * @typedef {{
 *   id: string, username: string, display_name: string, created_at: string, last_seen_at: string | null,
 *   admin: boolean, disabled: boolean, sessions: number, storage_bytes: number,
 * }} Account
 */

/**
 * Ask before something that hurts; the promise is kept with whether it was confirmed.
 * @param {string} title
 * @param {string} text
 * @param {string} label of the button that confirms
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, label) {
  const { dialog, box } = newSheet(title, "admin-question", "");
  let confirmed = false;
  const cancel = pressable(say("Cancel"), "quiet", () => dialog.close());
  const go = pressable(label, "danger", () => {
    confirmed = true;
    dialog.close();
  });
  box.append(textOf("p", text, "sheet-text"), buttons(cancel, go));
  show(dialog);
  // Not on what cannot be taken back.
  cancel.focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(confirmed)));
}

/**
 * Show a link that cannot be shown again, and its QR code where there is one.
 * @param {string} title
 * @param {string} text
 * @param {string} url
 * @param {string} [qr]
 */
export function showLink(title, text, url, qr) {
  const { dialog, box } = newSheet(title, "admin-link", "");
  const field = document.createElement("input");
  Object.assign(field, { className: "input", value: url, readOnly: true, dir: "ltr", ariaLabel: say("Link") });
  field.addEventListener("focus", () => field.select());
  const done = textOf("p", "", "field-hint");
  done.setAttribute("role", "status");
  const copyLink = async () => {
    if (await copyText(url)) done.textContent = say("The link is copied.");
    else {
      field.focus();
      done.textContent = say("This browser copies nothing by itself: the link is selected.");
    }
  };
  const copy = pressable(say("Copy"), "primary", () => void copyLink());
  const picture = document.createElement("img");
  Object.assign(picture, { className: "qr-code", src: qr ?? "", alt: say("QR code of the invitation link") });
  box.append(textOf("p", text, "sheet-text"), field, done, ...(qr ? [picture] : []), buttons(pressable(say("Close"), "quiet", () => dialog.close()), copy));
  show(dialog);
  copy.focus();
}

/** @param {number} n */
const people = (n) => say("{n} person|{n} people", { n });

/** How long an invitation is good, in seconds, and how often. */
const TIMES = { 86400: say("1 day"), 604800: say("1 week"), 2592000: say("30 days") };
const USES = { 1: people(1), 5: people(5), 25: people(25), "": say("Everybody who has the link") };

/**
 * Ask for an invitation to register, and show its link; `onMade` is called then.
 * @param {() => void} onMade
 */
export function invite(onMade) {
  const { dialog, box } = newSheet(say("Invite somebody"), "admin-invite", "");
  const [time, timeField] = choice(say("Good for"), TIMES, "604800");
  const [uses, usesField] = choice(say("May be used by"), USES, "1");
  const error = errorLine();
  const make = pressable(say("Make link"), "primary", async () => {
    make.disabled = true;
    let url = "";
    let qr = "";
    const body = { expires_in: Number(time.value), max_uses: uses.value ? Number(uses.value) : null };
    error.textContent = await ask("POST", "/api/admin/invites", body, (made) => {
      if (typeof made.url === "string") url = made.url;
      if (typeof made.qr === "string") qr = made.qr;
      return url !== "";
    });
    make.disabled = false;
    if (!url) return;
    dialog.close();
    onMade();
    showLink(say("Invitation"), say("Whoever has this link may register. It is shown this once."), url, qr);
  });
  box.append(timeField, usesField, error, buttons(pressable(say("Cancel"), "quiet", () => dialog.close()), make));
  show(dialog);
  time.focus();
}

/**
 * Show what can be done with an account; `onChanged` is called with what it has become, null for deleted.
 * @param {Account} account
 * @param {(changed: Account | null) => void} onChanged
 */
export function manage(account, onChanged) {
  const { dialog, box } = newSheet(account.display_name, "admin-manage", "");
  const path = `/api/admin/users/${account.id}`;
  const name = account.display_name;
  const isOwn = account.id === getPageUser();
  const error = errorLine();

  /**
   * @param {string} method
   * @param {string} where
   * @param {object} [body]
   * @param {(answer: Record<string, unknown>) => boolean} [isAnswer]
   */
  const act = async (method, where, body, isAnswer) => {
    // A second press would, say, make a link that ends the first.
    if (dialog.hasAttribute("aria-busy")) return false;
    dialog.setAttribute("aria-busy", "true");
    const problem = await ask(method, path + where, body, isAnswer);
    dialog.removeAttribute("aria-busy");
    error.textContent = problem;
    return !problem;
  };
  /** @param {{ admin?: boolean, disabled?: boolean }} fields */
  const change = async (fields) => {
    /** @type {Account | undefined} */
    let changed;
    const done = await act("PATCH", "", fields, (answer) => {
      changed = /** @type {Account} */ (/** @type {unknown} */ (answer));
      return typeof answer.id === "string";
    });
    if (!done || !changed) return;
    dialog.close();
    onChanged(changed);
  };
  const signOut = async () => {
    if (!(await confirm(say("Sign {name} out everywhere?", { name }), say("All their devices have to sign in again."), say("Sign out")))) return;
    if (!(await act("DELETE", "/sessions"))) return;
    dialog.close();
    onChanged({ ...account, sessions: 0 });
    notify(say("Signed out everywhere."));
  };
  const reset = async () => {
    let url = "";
    const done = await act("POST", "/reset", undefined, (made) => {
      if (typeof made.url === "string") url = made.url;
      return url !== "";
    });
    if (!done) return;
    dialog.close();
    onChanged(account);
    showLink(say("Reset link"), say("Send this to {name} alone. It sets a new password, once and within a day.", { name }), url);
  };
  const disable = async () => {
    const text = say("They are signed out everywhere and cannot sign in until you enable the account again.");
    if (await confirm(say("Disable {name}?", { name }), text, say("Disable"))) await change({ disabled: true });
  };
  const demote = async () => {
    const text = say("They can no longer open this page.");
    if (await confirm(say("Remove {name} from the admins?", { name }), text, say("Remove"))) await change({ admin: false });
  };
  const remove = async () => {
    const text = say("Their profile, friends and devices go at once, and nobody can take that back. Their messages stay, as from “Deleted user”.");
    if (!(await confirm(say("Delete {name} for ever?", { name }), text, say("Delete")))) return;
    if (!(await act("DELETE", ""))) return;
    dialog.close();
    onChanged(null);
  };

  box.append(
    textOf("p", `@${account.username}`, "sheet-text"),
    offer(say("Sign out everywhere"), say("Ends all their sessions."), signOut),
    ...(isOwn ? [] : [offer(say("Make a reset link"), say("Lets them set a new password where they have forgotten theirs."), reset)]),
    account.admin
      ? offer(say("Remove from admins"), say("They keep their account."), demote)
      : offer(say("Make admin"), say("They can do everything that you can do here."), () => change({ admin: true })),
    account.disabled
      ? offer(say("Enable"), say("They can sign in again."), () => change({ disabled: false }))
      : offer(say("Disable"), say("Keeps the account, and lets nobody sign in to it."), disable),
    // Settings ask for the password, and tidy this browser up.
    ...(isOwn ? [] : [offer(say("Delete account"), say("Everything personal goes; nobody can take that back."), remove)]),
    error,
  );
  show(dialog);
}

/**
 * @param {string} label
 * @param {string} meaning
 * @param {() => unknown} act
 */
function offer(label, meaning, act) {
  const place = textOf("div", "", "sheet-choice");
  const text = textOf("p", meaning);
  text.id = `means-${label.toLowerCase().replaceAll(" ", "-")}`;
  const button = pressable(label, "plain", act);
  button.setAttribute("aria-describedby", text.id);
  place.append(button, text);
  return place;
}

/**
 * @param {string} label
 * @param {Record<string, string>} options texts by value
 * @param {string} chosen
 * @returns {[HTMLSelectElement, HTMLElement]}
 */
function choice(label, options, chosen) {
  const place = textOf("label", label, "field-label");
  const select = document.createElement("select");
  select.className = "input";
  for (const [value, text] of Object.entries(options)) select.append(new Option(text, value, false, value === chosen));
  place.append(select);
  return [select, place];
}

/** @param {HTMLElement[]} content */
export function buttons(...content) {
  const row = textOf("div", "", "sheet-buttons");
  row.append(...content);
  return row;
}

/** @param {HTMLDialogElement} dialog */
function show(dialog) {
  document.body.append(dialog);
  dialog.showModal();
}
