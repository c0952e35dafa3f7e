// The forms to sign up, in and out, to change or reset the password and to delete the account. They call the
// HTTP API: scripts cannot see the cookie that it sets. A full page load follows a change of the
// cookie, because the page's live link sends it only when it opens.

/** @import { Problem } from "./request.js" */

import { forgetDrafts } from "./drafts.js";
import { accept } from "./invitation.js";
import { isSignInPage, nextPath } from "./paths.js";
import { forget, pauseAll } from "./push.js";
import { inviteToken } from "./registration.js";
import { forgetAccount } from "./replica.js";
import { call, getPageUser } from "./request.js";
import { said, say } from "./texts.js";

const PATIENCE = 60_000; // passwords are hashed in turn
const TIDYING = 5_000;
const LEAVING = "chat.leaving"; // the user whose drafts are to be removed

/** Drop this tab's key to its state on the server: the next user to sign in gets a new one. */
function forgetTab() {
  try {
    sessionStorage.removeItem("token");
  } catch {
    // Storage is blocked: then no key was kept either.
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} words
 */
function write(element, words) {
  element.textContent = words;
  element.hidden = !words;
}

/**
 * Show an error beside a field, and return whether the form has that field.
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {string} words
 */
function showFieldError(form, name, words) {
  const input = form.elements.namedItem(name);
  /** @type {HTMLElement | null} */
  const place = form.querySelector(`[id="${CSS.escape(name)}-error"]`);
  if (!(input instanceof HTMLInputElement) || !place) return false;
  write(place, words);
  input.setAttribute("aria-invalid", "true");
  return true;
}

/** @param {HTMLFormElement} form */
function clearErrors(form) {
  const errors = /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[role=alert]"));
  for (const place of errors) write(place, "");
  for (const place of form.querySelectorAll("[data-form-done]")) place.textContent = "";
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

/**
 * Show an error that belongs to no field.
 * @param {HTMLFormElement} form
 * @param {string} words
 */
function showFormError(form, words) {
  write(/** @type {HTMLElement} */ (form.querySelector("[data-form-error]")), words);
}

/**
 * @param {HTMLFormElement} form
 * @param {Problem} problem
 */
function showProblem(form, problem) {
  const general = [];
  for (const { field, message } of problem.errors ?? []) {
    const words = said(message);
    if (!showFieldError(form, field, words)) general.push(words);
  }
  if (problem.code === "username_taken") showFieldError(form, "username", said(problem.detail ?? ""));
  else if (!problem.errors?.length) general.push(said(problem.detail ?? "Something went wrong. Please try again."));
  showFormError(form, general.join(" "));
  /** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid]"))?.focus();
}

/**
 * Return the user who is about to leave, and note it: the end of the session may load another page before
 * their drafts are removed.
 */
async function beginLeaving() {
  let user = getPageUser();
  if (!user) {
    await call("GET", "/api/auth/me", {
      isAnswer: ({ id }) => {
        if (typeof id === "string") user = id;
        return user !== "";
      },
    });
  }
  noteLeaving(user);
  return user;
}

/**
 * Remove the drafts of a user who has left; messages that wait stay until they sign in again.
 * @param {string} user
 */
async function forgetUser(user) {
  forgetTab();
  const late = new Promise((resolve) => setTimeout(resolve, TIDYING));
  const forgetting = user ? Promise.all([forgetDrafts(user), forget(user)]).then(() => noteLeaving("")) : undefined;
  await Promise.race([Promise.all([forgetAccount(), forgetting]), late]);
}

/** @param {string} user */
function noteLeaving(user) {
  try {
    if (user) localStorage.setItem(LEAVING, user);
    else localStorage.removeItem(LEAVING);
  } catch {
    // Storage is blocked: then no draft was stored either.
  }
}

/** Remove the drafts of somebody who has left, where another page was loaded before that was done. */
function finishLeaving() {
  try {
    const user = localStorage.getItem(LEAVING);
    if (user && isSignInPage()) void forgetUser(user);
    else if (isSignInPage()) void pauseAll();
  } catch {
    // The same.
  }
}

/** @type {Record<string, { method: string, path: string, done: (form: HTMLFormElement, user: string) => void | Promise<void> }>} */
const CALLS = {
  register: { method: "POST", path: "register", done: enterInvited },
  login: { method: "POST", path: "login", done: enter },
  password: { method: "POST", path: "password", done: passwordChanged },
  leave: { method: "DELETE", path: "me", done: left },
  reset: { method: "POST", path: "reset", done: () => location.assign("/login") },
};

function enter() {
  forgetTab();
  location.assign(nextPath());
}

/** Open the group that the new user was invited to: its link may be used up by now. */
async function enterInvited() {
  const token = inviteToken();
  if (!token) {
    enter();
    return;
  }
  forgetTab();
  const { path } = await accept(token);
  location.assign(path || "/");
}

/**
 * @param {HTMLFormElement} _form
 * @param {string} user
 */
async function left(_form, user) {
  await forgetUser(user);
  location.assign("/login");
}

/** @param {HTMLFormElement} form */
function passwordChanged(form) {
  form.reset();
  /** @type {HTMLElement} */ (form.querySelector("[data-form-done]")).textContent = say("Your password is changed.");
  /** @type {HTMLElement | null} */ (document.querySelector("[data-refresh]"))?.click();
}

/** @param {HTMLFormElement} form */
async function submit(form) {
  const kind = CALLS[form.dataset.auth ?? ""];
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]"));
  clearErrors(form);
  button.disabled = true;
  /** @type {Record<string, FormDataEntryValue | boolean>} */
  const body = signsIn(kind) ? { tokens: false } : {};
  const invite = kind.done === enterInvited ? inviteToken() : "";
  if (invite) body.invite = invite;
  for (const [name, value] of new FormData(form)) {
    // An empty optional field is not sent: an empty display name would be set.
    const input = /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
    if (value !== "" || input.required) body[name] = value;
  }
  const user = kind.done === left ? await beginLeaving() : "";
  const answer = await call(kind.method, `/api/auth/${kind.path}`, {
    body,
    patience: PATIENCE,
    isAnswer: signsIn(kind) ? isSignedIn : undefined,
  });
  if (answer && !answer.problem) {
    await kind.done(form, user);
    // Where a page load follows, the button stays as it is until then.
    button.disabled = kind.done !== passwordChanged;
    return;
  }
  if (user) noteLeaving("");
  if (answer?.problem) showProblem(form, answer.problem);
  else showFormError(form, say("The chat cannot be reached. Check the connection and try again."));
  button.disabled = false;
}

/** @param {{ done: unknown }} kind */
const signsIn = ({ done }) => done === enter || done === enterInvited;

/**
 * Recognise the answer to a sign-in.
 * @param {Record<string, unknown>} body
 */
const isSignedIn = (body) => typeof body.user === "object" && body.user !== null && "id" in body.user;

/**
 * Send the drafts that other tabs have begun in the last seconds: with the session this browser forgets them.
 * @param {string} user
 */
async function sendBegun(user) {
  try {
    const { sendDrafts } = await import("./drafts_everywhere.js");
    await Promise.race([sendDrafts(user), new Promise((resolve) => setTimeout(resolve, TIDYING))]);
  } catch {
    // The script or the storage is away: signing out comes first.
  }
}

/** @param {HTMLButtonElement} button */
async function signOut(button) {
  button.disabled = true;
  const user = await beginLeaving();
  if (user) await sendBegun(user);
  const answer = await call("POST", "/api/auth/logout");
  // 401: the session had already ended, which is the wanted result.
  if (answer && (!answer.problem || answer.status === 401)) {
    await forgetUser(user);
    location.assign("/login");
    return;
  }
  noteLeaving("");
  button.disabled = false;
  const place = /** @type {HTMLElement} */ (document.querySelector("[data-sign-out-error]"));
  write(place, say("You are still signed in. Please try again."));
}

/** Load the chat of the user who is signed in now: nothing of the page's user may stay on the screen. */
function showOtherAccount() {
  document.documentElement.hidden = true;
  forgetTab();
  location.replace("/");
}

/**
 * Keep ?next= on the way between the pages to sign in and to sign up.
 * @param {Event} event
 * @param {HTMLAnchorElement} link
 */
function takeNextAlong(event, link) {
  if (!location.search) return;
  event.preventDefault();
  location.assign(link.pathname + location.search);
}

/** @param {HTMLElement} button */
function reveal(button) {
  const input = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.reveals ?? ""));
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
}

if (typeof document !== "undefined") {
  addEventListener("chat:other-account", showOtherAccount);
  finishLeaving();
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.dataset.auth) return;
    event.preventDefault();
    void submit(form);
  });
  // A script in the page's head keeps a form that was sent before this script was loaded.
  window.chatForms = true;
  const early = window.chatEarlyForm;
  const current = early?.isConnected ? early : document.querySelector("[data-auth]");
  if (early && current) void submit(/** @type {HTMLFormElement} */ (current));
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const pressed = /** @type {HTMLElement | null} */ (
      target.closest?.("[data-reveals], [data-sign-out], [data-other-door]")
    );
    if (!pressed) return;
    if (pressed.dataset.reveals) reveal(pressed);
    else if (pressed.dataset.signOut) void signOut(/** @type {HTMLButtonElement} */ (pressed));
    else takeNextAlong(event, /** @type {HTMLAnchorElement} */ (pressed));
  });
}
