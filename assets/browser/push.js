// Push in this browser: whether the user has switched it on here, and the subscription at the browser's push
// service, which the server is told of. It belongs to the session and ends with it.

import { AWAY, problemIn } from "./ask.js";
import { call } from "./request.js";
import { say } from "./texts.js";

const PATIENCE = 10_000; // ms for the service worker, which a browser may keep from starting
const ON = "chat.push"; // for each account, the id of its subscription in this browser

/** Return whether this browser can receive pushes. On some phones only an installed app can. */
export const isPossible = () => Boolean(globalThis.navigator?.serviceWorker && globalThis.PushManager && globalThis.Notification);

/**
 * Return whether an account receives pushes in this browser.
 * @param {string} user
 */
export const isOn = (user) => Boolean(user && isPossible() && Notification.permission === "granted" && readId(user));

/**
 * Subscribe; return an error message for the user, "" on success.
 * @param {string} user
 */
export async function turnOn(user) {
  if ((await Notification.requestPermission()) !== "granted") {
    return say("Notifications are blocked. Your browser's settings for this page can allow them.");
  }
  try {
    return await subscribe(user);
  } catch {
    return say("The push service of this browser cannot be reached. Please try again later.");
  }
}

/**
 * End the subscription; return an error message for the user, "" on success.
 * @param {string} user
 */
export async function turnOff(user) {
  const answer = await call("DELETE", `/api/push/subscriptions/${readId(user)}`);
  if (answer?.status !== 404 && problemIn(answer)) return problemIn(answer);
  await forget(user);
  return "";
}

/**
 * Tell the server of the subscription anew, once a page: the browser may have changed it, or the user has
 * signed in again.
 * @param {string} user
 */
export async function renew(user) {
  if (!isOn(user)) return;
  try {
    await subscribe(user);
  } catch {
    // The push service is away: the next page tries again.
  }
}

/**
 * Show nothing more of an account in this browser: it signs out.
 * @param {string} user
 */
export async function forget(user) {
  writeId(user, "");
  await rest();
}

/**
 * Show nothing more of other accounts: another person has signed in here since.
 * @param {string} user
 */
export async function forgetOthers(user) {
  const others = accounts().filter((one) => one !== user);
  if (!others.length) return;
  await rest();
  // Only now: where another page is loaded meanwhile, that one does it.
  for (const other of others) writeId(other, "");
}

/** Show nothing while nobody is signed in. Who signs in again subscribes anew. */
export async function pauseAll() {
  if (accounts().length) await rest();
}

/**
 * Close the notifications of conversations in which nothing is unread, as this page knows: what is read
 * here needs no push that withdraws it.
 * @param {(conversationId: string) => boolean} isRead
 */
export async function closeRead(isRead) {
  try {
    const registration = await navigator.serviceWorker.getRegistration();
    for (const note of (await registration?.getNotifications()) ?? []) if (isRead(note.tag)) note.close();
  } catch {
    // The browser is closing, or has no worker any more: nothing is shown then.
  }
}

async function rest() {
  try {
    const registration = await navigator.serviceWorker.getRegistration();
    for (const note of (await registration?.getNotifications()) ?? []) note.close();
    await (await registration?.pushManager.getSubscription())?.unsubscribe();
  } catch {
    // Nothing is subscribed where the browser has no push.
  }
}

/**
 * Subscribe, and return an error message for the user, "" on success.
 * @param {string} user
 */
async function subscribe(user) {
  const key = await keyOfChat();
  if (!key) return AWAY;
  const registration = await worker();
  if (!registration) return say("This browser does not start what receives push notifications. Load the page again.");
  const { pushManager } = registration;
  let present = await pushManager.getSubscription();
  if (present && !isOf(present, key)) {
    await present.unsubscribe();
    present = null;
  }
  const subscription = present ?? (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
  const { endpoint, keys } = subscription.toJSON();
  let id = "";
  const body = { endpoint, keys: { p256dh: keys?.p256dh, auth: keys?.auth } };
  const answer = await call("PUT", "/api/push/subscriptions", {
    body,
    isAnswer: (made) => {
      if (typeof made.id === "string") id = made.id;
      return id !== "";
    },
  });
  if (id) writeId(user, id);
  return id ? "" : problemIn(answer) || AWAY;
}

/** Return the service worker's registration, undefined where it does not start in time. */
function worker() {
  /** @type {Promise<undefined>} */
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  return Promise.race([navigator.serviceWorker.ready, late]);
}

/** Return the key with which browsers subscribe here; undefined where the chat does not answer. */
async function keyOfChat() {
  let key = "";
  await call("GET", "/api/push/key", {
    isAnswer: ({ public_key: found }) => {
      if (typeof found === "string") key = found;
      return key !== "";
    },
  });
  return key ? bytesOf(key) : undefined;
}

/**
 * Return whether a subscription was made with a key: with another one, this chat cannot use it.
 * @param {PushSubscription} subscription
 * @param {Uint8Array} key
 */
function isOf({ options }, key) {
  const own = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return own.length === key.length && own.every((byte, place) => byte === key[place]);
}

/** @param {string} text base64url */
function bytesOf(text) {
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** Return the accounts that have switched push on in this browser. */
function accounts() {
  try {
    const start = `${ON}.`;
    return Object.keys(localStorage).flatMap((key) => (key.startsWith(start) ? [key.slice(start.length)] : []));
  } catch {
    return [];
  }
}

/** @param {string} user */
function readId(user) {
  try {
    return localStorage.getItem(`${ON}.${user}`) ?? "";
  } catch {
    return "";
  }
}

/**
 * @param {string} user
 * @param {string} id
 */
function writeId(user, id) {
  try {
    if (id) localStorage.setItem(`${ON}.${user}`, id);
    else localStorage.removeItem(`${ON}.${user}`);
  } catch {
    // Storage is blocked: the switch is off in the next page.
  }
}
