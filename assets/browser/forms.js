// Signing up, in and out, a new password, and leaving. These are calls to the HTTP API: the cookie
// they set is invisible to scripts, and after one that changed it a full page load follows, because
// the page's live link has to open anew to carry it.

import { request } from "./request.js";

/** Where to go after signing in: the local path in ?next=, and never anywhere else. */
export function nextPath(search = location.search, origin = location.origin) {
  const wanted = new URLSearchParams(search).get("next") ?? "/";
  try {
    const url = new URL(wanted, origin);
    if (url.origin !== origin || !wanted.startsWith("/")) return "/";
    if (/^\/(api|ws|login|register)(\/|$)/.test(url.pathname)) return "/";
    return url.pathname + url.search;
  } catch {
    return "/";
  }
}

/** The sign-in page that comes back to where the visitor is now. */
export function signInPath() {
  const here = location.pathname + location.search;
  return here === "/" ? "/login" : `/login?next=${encodeURIComponent(here)}`;
}

/** Forget which server-side tab this was: whoever signs in next gets a fresh one. */
function forgetTab() {
  try {
    sessionStorage.removeItem("token");
  } catch {
    // Storage is blocked: then nothing was remembered either.
  }
}

function say(element, words) {
  element.textContent = words;
  element.hidden = !words;
}

function showFieldError(form, name, words) {
  const input = form.elements.namedItem(name);
  const place = form.querySelector(`[id="${CSS.escape(name)}-error"]`);
  if (!(input instanceof HTMLInputElement) || !place) return false;
  say(place, words);
  input.setAttribute("aria-invalid", "true");
  return true;
}

function clearErrors(form) {
  for (const place of form.querySelectorAll("[role=alert]")) say(place, "");
  for (const place of form.querySelectorAll("[data-form-done]")) place.textContent = "";
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

function showProblem(form, problem) {
  const homeless = [];
  for (const { field, message } of problem.errors ?? []) {
    if (!showFieldError(form, field, message)) homeless.push(message);
  }
  if (problem.code === "username_taken") showFieldError(form, "username", problem.detail);
  else if (!problem.errors?.length) homeless.push(problem.detail ?? "Something went wrong. Please try again.");
  say(form.querySelector("[data-form-error]"), homeless.join(" "));
  form.querySelector("[aria-invalid]")?.focus();
}

const CALLS = {
  register: { method: "POST", path: "register", done: enter },
  login: { method: "POST", path: "login", done: enter },
  password: { method: "POST", path: "password", done: passwordChanged },
  leave: { method: "DELETE", path: "me", done: left },
};

function enter() {
  forgetTab();
  location.assign(nextPath());
}

function left() {
  forgetTab();
  location.assign("/login");
}

function passwordChanged(form) {
  form.reset();
  form.querySelector("[data-form-done]").textContent = "Your password is changed.";
  document.querySelector("[data-load-devices]")?.click();
}

async function submit(form) {
  const call = CALLS[form.dataset.auth];
  const button = form.querySelector("[type=submit]");
  clearErrors(form);
  button.disabled = true;
  try {
    const body = call.done === enter ? { tokens: false } : {};
    for (const [name, value] of new FormData(form)) {
      // What is optional and empty is not sent: an empty display name would be one.
      if (value !== "" || form.elements.namedItem(name).required) body[name] = value;
    }
    const reply = await request(`/api/auth/${call.path}`, {
      method: call.method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (reply.ok) {
      call.done(form);
      // Where a page load follows, the button stays as it is until then.
      button.disabled = call.done !== passwordChanged;
      return;
    }
    showProblem(form, await reply.json().catch(() => ({})));
  } catch {
    const words = "The chat cannot be reached. Check the connection and try again.";
    say(form.querySelector("[data-form-error]"), words);
  }
  button.disabled = false;
}

async function signOut(button) {
  button.disabled = true;
  try {
    const reply = await request("/api/auth/logout", { method: "POST" });
    // 401: the session had already ended, which is what was asked for.
    if (!reply.ok && reply.status !== 401) throw new Error(`logout answered ${reply.status}`);
    forgetTab();
    location.assign("/login");
  } catch {
    button.disabled = false;
    say(document.querySelector("[data-sign-out-error]"), "You are still signed in. Please try again.");
  }
}

/** Between signing in and signing up, remember where the visitor wanted to go. */
function takeNextAlong(event, link) {
  if (!location.search) return;
  event.preventDefault();
  location.assign(link.pathname + location.search);
}

function reveal(button) {
  const input = document.getElementById(button.dataset.reveals);
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
}

if (typeof document !== "undefined") {
  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.auth) return;
    event.preventDefault();
    submit(event.target);
  });
  // The page's head has kept what was sent before this script came.
  window.chatForms = true;
  const early = window.chatEarlyForm;
  if (early) submit(early.isConnected ? early : document.querySelector("[data-auth]"));
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("[data-reveals], [data-sign-out], [data-other-door]");
    if (!pressed) return;
    if (pressed.dataset.reveals) reveal(pressed);
    else if (pressed.dataset.signOut) signOut(pressed);
    else takeNextAlong(event, pressed);
  });
}
