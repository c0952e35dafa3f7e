// A browser as far as the outbox and the drafts need one: its storage, its tabs, and the chat's server.

import "fake-indexeddb/auto";
import { mock } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

/** @typedef {typeof import("../../assets/browser/outbox.js")} OutboxModule */
/** @typedef {typeof import("../../assets/browser/drafts.js")} DraftsModule */
/** @typedef {import("../../assets/browser/outbox.js").Outbox} Outbox */
/** @typedef {{ client_id: string, conversation_id: string, content: string, reply_to?: string, file_ids?: string[] }} Sent */
/** @typedef {(sent: Sent) => Response | Promise<Response>} Answer */

const PATIENCE_MS = 20_000;
/** Replacements of the functions of the database that do not work. @type {{ restore(): void }[]} */
const failures = [];
let tabs = 0;
let browsers = 0;

/** Replaces a storage of the page. */
class MemoryStorage {
  /** @type {Map<string, string>} */
  #items = new Map();
  /** @param {string} key */
  getItem = (key) => this.#items.get(key) ?? null;
  /**
   * @param {string} key
   * @param {string} value
   */
  setItem(key, value) {
    this.#items.set(key, value);
    // As in a browser, where `Object.keys` lists what is stored.
    Object.defineProperty(this, key, { value, enumerable: true, configurable: true });
  }
  /** @param {string} key */
  removeItem(key) {
    this.#items.delete(key);
    Reflect.deleteProperty(this, key);
  }
}

/** The chat's server: it stores each client_id once, and refuses requests of another account. */
export class Server {
  // Each test has users of its own: tabs of earlier tests are still there.
  alice = `alice-${++browsers}`;
  bob = `bob-${browsers}`;
  /** The user of the browser's cookie. */
  user = this.alice;
  /** @type {(Sent & { sender: string })[]} */
  messages = [];
  /** The posts that arrived, and how they were answered. @type {string[]} */
  posts = [];
  /** Answers instead of the server, while it is set. @type {Answer | undefined} */
  instead;

  get texts() {
    return this.messages.map((message) => message.content);
  }

  /**
   * @param {string} _path
   * @param {RequestInit} options
   */
  fetch = async (_path, options) => {
    /** @type {unknown} */
    const body = JSON.parse(/** @type {string} */ (options.body));
    const sent = /** @type {Sent} */ (body);
    const expected = new Headers(options.headers).get("x-chat-user");
    if (expected !== this.alice && expected !== this.bob) return unreachable();
    this.posts.push(sent.content);
    return this.instead ? this.instead(sent) : this.answer(sent, expected);
  };

  /**
   * Store a message and answer it.
   * @param {Sent} sent
   * @param {string} [expected]
   */
  answer(sent, expected = this.user) {
    if (expected !== this.user) return problem(409, "other_account");
    const isThere = this.messages.some((message) => message.client_id === sent.client_id);
    if (!isThere) this.messages.push({ ...sent, sender: this.user });
    return Response.json(sent, { status: isThere ? 200 : 201 });
  }
}

/** Return the answer of no network. */
export const unreachable = () => Promise.reject(new TypeError("Failed to fetch"));

/**
 * Return a refusal of the chat.
 * @param {number} status
 * @param {string} code
 * @param {Record<string, string>} [headers]
 */
export function problem(status, code, headers = {}) {
  const type = { "content-type": "application/problem+json" };
  return new Response(JSON.stringify({ code, detail: `It is ${code}.` }), { status, headers: { ...type, ...headers } });
}

/** The events and addresses that the pages have caused. */
export const page = {
  target: new EventTarget(),
  document: new EventTarget(),
  /** @type {string[]} */
  addresses: [],
};

/** Begin with an empty browser, and return the server that its pages call. */
export function newBrowser() {
  const server = new Server();
  page.target = new EventTarget();
  page.document = Object.assign(new EventTarget(), { hidden: false });
  page.addresses = [];
  mendStorage();
  const target = page.target;
  replace({
    indexedDB: new IDBFactory(),
    localStorage: new MemoryStorage(),
    sessionStorage: new MemoryStorage(),
    document: page.document,
    fetch: server.fetch,
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
    dispatchEvent: target.dispatchEvent.bind(target),
    location: {
      pathname: "/chat/c",
      search: "",
      assign: (/** @type {string} */ address) => page.addresses.push(address),
      replace: (/** @type {string} */ address) => page.addresses.push(address),
    },
  });
  return server;
}

/**
 * Replace what the page finds in its global scope.
 * @param {Record<string, unknown>} names
 */
export function replace(names) {
  for (const [name, value] of Object.entries(names)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}

/** Open a tab: the scripts are loaded anew, and share storage and server with the others. */
export async function openTab() {
  const tab = `?tab=${++tabs}`;
  /** @type {unknown} */
  const outbox = await import(`../../assets/browser/outbox.js${tab}`);
  /** @type {unknown} */
  const drafts = await import(`../../assets/browser/drafts.js${tab}`);
  return {
    outboxOf: /** @type {OutboxModule} */ (outbox).outboxOf,
    drafts: /** @type {DraftsModule} */ (drafts),
  };
}

/** Let the browser have no room left. */
export function fillStorage() {
  failWith(IDBObjectStore.prototype, "add", "QuotaExceededError");
}

/** Let the browser have room for words, and none for files. */
export function fillFileStorage() {
  /** @type {unknown} */
  const found = Reflect.get(IDBObjectStore.prototype, "put");
  const put = /** @type {(this: IDBObjectStore, value: unknown) => IDBRequest} */ (found);
  /** @this {IDBObjectStore} */
  function putWords(/** @type {unknown} */ value) {
    if (this.name === "files") throw new DOMException("It does not fit.", "QuotaExceededError");
    return put.call(this, value);
  }
  failures.push(mock.method(IDBObjectStore.prototype, "put", putWords).mock);
}

/** Let the browser end what would store a draft, as that of a page that is left. */
export function lockDrafts() {
  failWith(IDBObjectStore.prototype, "put", "AbortError");
}

/** Let the browser keep what it has: return how often something could not be deleted. */
export function lockStorage() {
  const failure = failWith(IDBObjectStore.prototype, "delete", "UnknownError");
  return () => failure.callCount();
}

/** Let the browser have no database, as in some private windows. */
export function blockDatabase() {
  failWith(IDBFactory.prototype, "open", "SecurityError");
}

/** Let the browser's storage work again. */
export function mendStorage() {
  for (const failure of failures.splice(0)) failure.restore();
}

/**
 * @template {object} T
 * @param {T} object
 * @param {keyof T} name
 * @param {string} error
 */
function failWith(object, name, error) {
  const { mock: failure } = mock.method(object, /** @type {never} */ (name), () => {
    throw new DOMException("It does not work.", error);
  });
  failures.push(failure);
  return failure;
}

/** Tell the page that the network is back: it posts what waits now. */
export const comeOnline = () => page.target.dispatchEvent(new Event("online"));

/**
 * Wait until a condition is met.
 * @param {() => boolean | Promise<boolean>} condition
 * @param {string} what
 */
export async function until(condition, what) {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Not in ${PATIENCE_MS} ms: ${what}`);
    await pause(5);
  }
}

/**
 * Wait until nothing of a conversation waits.
 * @param {Outbox} outbox
 */
export const emptied = (outbox) => until(() => outbox.of("c").length === 0, "the outbox is empty");

/**
 * Return the texts that wait in a conversation.
 * @param {Outbox} outbox
 */
export const waiting = (outbox) => outbox.of("c").map((entry) => entry.content);
