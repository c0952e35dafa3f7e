// The service worker: keeps the pages and their files, so that the chat opens without a connection.
// Pages come from the network where it answers; files under /assets/ never change under their name.
// Nothing of the API is kept here, and the pages hold nothing private. Others may answer in place of
// the chat (captive portals, proxies): only what looks like ours is kept.

(() => {
  const PAGES = "chat-pages";
  const FILES = "chat-files";
  const PATIENCE = 3_000; // ms for an answer, until what is kept is shown
  const MOST_FILES = 200;
  /** The types of our files, by the ends of their names. @type {Record<string, RegExp>} */
  const TYPES = { js: /javascript/, css: /^text\/css/, svg: /^image\/svg/, json: /^application\/json/ };
  /** Every page of ours names this script. */
  const OURS = "/home.js";
  const PRODUCT = "Chat";
  const SHARE = "/share";
  const OTHER_FILES = /^\/(chat|icons|reload|server|home|icon)\.(css|js|svg)$|^\/emoji\/[a-z]+\.json$/;

  // Safari takes a subscription away after some pushes that show nothing (WWDC 2022, "Meet Web Push for Safari").
  const MUST_SHOW = /AppleWebKit/.test(navigator.userAgent) && !/Chrom/.test(navigator.userAgent);

  const worker = /** @type {ChatWorker} */ (/** @type {unknown} */ (self));

  worker.addEventListener("install", () => void worker.skipWaiting());
  worker.addEventListener("activate", (event) => event.waitUntil(Promise.all([worker.clients.claim(), dropSecrets()])));
  worker.addEventListener("message", (event) => event.waitUntil(keepAll(event.data)));
  worker.addEventListener("fetch", (event) => {
    const { method, mode, url } = event.request;
    const { origin, pathname } = new URL(url);
    if (method !== "GET" || origin !== location.origin) return;
    if (mode === "navigate" && !/^\/(api|ws|_event)(\/|$)/.test(pathname)) event.respondWith(page(event.request));
    else if (pathname.startsWith("/assets/")) event.respondWith(file(event.request));
    else if (OTHER_FILES.test(pathname)) event.respondWith(freshFile(event.request));
  });

  worker.addEventListener("push", (event) => event.waitUntil(onPush(readPush(event.data))));
  worker.addEventListener("notificationclick", (event) => {
    event.notification.close();
    event.waitUntil(openChat(factsOf(event.notification).conversation_id));
  });

  // ---- Push

  /**
   * Show the notification of a conversation, or withdraw it: it was read elsewhere. Later versions may push
   * what this one does not know.
   * @param {ChatPush | undefined} push
   */
  async function onPush(push) {
    if (!push) return;
    const { type, conversation_id: tag, unread, title = PRODUCT } = push;
    const body = plainBody(push) || wordsOf(unread);
    const isSeen = await isAnyVisible();
    if (type === "message" && (!isSeen || MUST_SHOW)) {
      await worker.registration.showNotification(title, {
        body,
        tag,
        renotify: !isSeen,
        silent: isSeen,
        icon: "/icons/192.png",
        badge: "/icons/badge.png",
        data: { conversation_id: tag, unread },
      });
    } else if (type === "read") {
      for (const note of await worker.registration.getNotifications({ tag })) note.close();
    }
    await showBadge(type === "read" ? tag : "");
  }

  /**
   * @param {{ json(): unknown } | null} data
   * @returns {ChatPush | undefined}
   */
  function readPush(data) {
    try {
      const push = /** @type {ChatPush | null | undefined} */ (data?.json());
      return typeof push?.conversation_id === "string" ? push : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Return the body as people read it, without the marks of Markdown.
   * @param {ChatPush} push
   */
  function plainBody({ body = "", before = "" }) {
    const written = body.startsWith(before) ? body.slice(before.length) : body;
    const plain = self.chatPlainText?.(written, written.endsWith("…")) || written;
    return body.slice(0, body.length - written.length) + plain;
  }

  /** @param {number} unread */
  const wordsOf = (unread) => (unread > 1 ? say("{n} unread messages", unread) : say("New message", unread));

  /**
   * Return a text in the language of this worker: chat_app/languages/pages.js puts its texts before it.
   * @param {string} key
   * @param {number} n
   */
  function say(key, n) {
    const { language, texts } = self.chatWords ?? { language: "en", texts: {} };
    const text = texts[key] ?? key;
    const form = typeof text === "string" ? text : text[new Intl.PluralRules(language).select(n)];
    return form.replace("{n}", n.toLocaleString(language));
  }

  /** Return whether somebody looks at the chat: there they see what is new. */
  async function isAnyVisible() {
    return (await chatPages()).some((one) => one.visibilityState === "visible");
  }

  /** Return the pages that show conversations: those before a sign-in do not. */
  async function chatPages() {
    const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
    return pages.filter(({ url }) => !/^\/(login|register|reset|invite)(\/|$)/.test(new URL(url).pathname));
  }

  /**
   * Show on the app's icon how many messages the notifications tell of; an open page knows of all.
   * @param {string} withdrawn the conversation whose notification may not be gone yet
   */
  async function showBadge(withdrawn) {
    const notes = (await worker.registration.getNotifications()).filter(({ tag }) => tag !== withdrawn);
    const unread = notes.reduce((sum, note) => sum + factsOf(note).unread, 0);
    // An app that is not installed has no badge.
    await (unread ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.())?.catch(() => undefined);
  }

  /**
   * Show a conversation in a page that is open, or in a new one.
   * @param {string} id
   */
  async function openChat(id) {
    const address = `/chat/${encodeURIComponent(id)}`;
    const [opened] = await chatPages();
    if (!opened) {
      await worker.clients.openWindow(address);
      return;
    }
    await opened.focus().catch(() => undefined);
    // The page goes there by itself: what is being written in it stays.
    opened.postMessage({ open: address });
  }

  /**
   * Return what a notification of ours is about.
   * @param {Notification} note
   */
  const factsOf = (note) => /** @type {{ data: { conversation_id: string, unread: number } }} */ (note).data;

  // ---- Pages and files

  /**
   * Keep files and pages that were loaded before this worker was there.
   * @param {{ files: string[], pages: string[] }} wanted
   */
  async function keepAll({ files, pages }) {
    for (const path of files) if (!(await kept(FILES, path))) await fetch(path).then(keepFile, () => undefined);
    for (const path of pages) await fetch(path).then((reply) => keepPage(path, reply), () => undefined);
  }

  /**
   * Return a page from the network, or the kept one where it does not answer in time, or not as the chat.
   * @param {Request} request
   */
  async function page(request) {
    const name = nameOf(new URL(request.url).pathname);
    const before = await kept(PAGES, name);
    // The address holds the text that another app shares: the page takes it from there, the server need not see it.
    const fetching = name === SHARE ? fetch(SHARE, { redirect: "manual" }) : fetch(request);
    if (before && !(await inTime(fetching))) return before;
    const reply = await fetching;
    await keepPage(name, reply.clone());
    return reply;
  }

  /**
   * @param {string} path
   * @param {Response} reply
   */
  async function keepPage(path, reply) {
    if (!reply.ok || reply.redirected || !typeOf(reply).startsWith("text/html")) return;
    const copy = reply.clone();
    if ((await reply.text()).includes(OURS)) await put(PAGES, nameOf(path), copy);
  }

  /**
   * Return the name under which a page is kept: that of all conversations is the same, and so are those of all
   * invitations and of all links for a new password, whose addresses are secret.
   * @param {string} pathname
   */
  const nameOf = (pathname) => ["/chat/", "/invite/", "/reset/"].find((start) => pathname.startsWith(start)) ?? pathname;

  /** Remove the pages of secret addresses that earlier versions have kept. */
  async function dropSecrets() {
    const pages = await caches.open(PAGES);
    for (const { url } of await pages.keys()) if (/^\/reset\/./.test(new URL(url).pathname)) await pages.delete(url);
  }

  /** @param {Request} request */
  async function file(request) {
    const before = await kept(FILES, request);
    if (before) return before;
    const reply = await fetch(request);
    await keepFile(reply.clone());
    return reply;
  }

  /** @param {Request} request */
  async function freshFile(request) {
    const before = await kept(FILES, request);
    const fetching = fetch(request);
    if (before && !(await inTime(fetching))) return before;
    const reply = await fetching;
    await keepFile(reply.clone());
    return reply;
  }

  /**
   * Return whether the chat answers in time; an error of something in front of it is no answer.
   * @param {Promise<Response>} fetching
   */
  async function inTime(fetching) {
    /** @type {Promise<undefined>} */
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    const first = await Promise.race([fetching.catch(() => undefined), late]);
    return first !== undefined && first.status < 500;
  }

  /** @param {Response} reply */
  async function keepFile(reply) {
    const { pathname } = new URL(reply.url);
    const isOurs = TYPES[pathname.split(".").at(-1) ?? ""]?.test(typeOf(reply));
    if (!reply.ok || reply.redirected || !isOurs) return;
    await put(FILES, pathname, reply);
    const files = await caches.open(FILES);
    const names = await files.keys();
    for (const name of names.slice(0, Math.max(0, names.length - MOST_FILES))) await files.delete(name);
  }

  /** @param {Response} reply */
  const typeOf = (reply) => reply.headers.get("content-type") ?? "";

  /**
   * Return what is kept, whatever the headers of the request: scripts and pages ask with different ones.
   * @param {string} cache
   * @param {RequestInfo} name
   */
  const kept = async (cache, name) => (await caches.open(cache)).match(name, { ignoreVary: true });

  /**
   * Keep a reply. Without room for it, the chat needs a connection to open.
   * @param {string} cache
   * @param {string} name
   * @param {Response} reply
   */
  async function put(cache, name, reply) {
    try {
      await (await caches.open(cache)).put(name, reply);
    } catch {
      // The storage is full.
    }
  }
})();
