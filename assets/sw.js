// The service worker: keeps the pages and their files, so that the chat opens without a connection.
// Pages come from the network where it answers; files under /assets/ never change under their name.
// Nothing of the API is kept here, and the pages hold nothing private.

(() => {
  const PAGES = "chat-pages";
  const FILES = "chat-files";
  const PATIENCE = 4_000; // ms for a page, until the kept one is shown
  const MOST_FILES = 200;
  const OTHER_FILES = /^\/(chat|icons|reload|server|home|icon)\.(css|js|svg)$/;

  const worker = /** @type {ChatWorker} */ (/** @type {unknown} */ (self));

  worker.addEventListener("install", () => void worker.skipWaiting());
  worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
  worker.addEventListener("message", (event) => event.waitUntil(keepAll(event.data)));
  worker.addEventListener("fetch", (event) => {
    const { method, mode, url } = event.request;
    const { origin, pathname } = new URL(url);
    if (method !== "GET" || origin !== location.origin) return;
    if (mode === "navigate" && !/^\/(api|ws|_event)(\/|$)/.test(pathname)) event.respondWith(page(event.request));
    else if (pathname.startsWith("/assets/")) event.respondWith(file(event.request));
    else if (OTHER_FILES.test(pathname)) event.respondWith(freshFile(event.request));
  });

  /**
   * Keep files and pages that were loaded before this worker was there.
   * @param {{ files: string[], pages: string[] }} wanted
   */
  async function keepAll({ files, pages }) {
    const kept = await caches.open(FILES);
    for (const path of files) if (!(await kept.match(path))) await kept.add(path).catch(() => undefined);
    for (const path of pages) await keepPage(path, await fetch(path).catch(() => undefined));
  }

  /** @param {Request} request */
  async function page(request) {
    const { pathname } = new URL(request.url);
    try {
      const reply = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
      await keepPage(pathname, reply.clone());
      return reply;
    } catch (error) {
      const kept = await (await caches.open(PAGES)).match(nameOf(pathname));
      if (kept) return kept;
      throw error;
    }
  }

  /**
   * @param {string} pathname
   * @param {Response | undefined} reply
   */
  async function keepPage(pathname, reply) {
    const isPage = reply?.ok && !reply.redirected && reply.headers.get("content-type")?.startsWith("text/html");
    if (isPage) await (await caches.open(PAGES)).put(nameOf(pathname), reply);
  }

  /**
   * Return the name under which a page is kept: that of all conversations is the same.
   * @param {string} pathname
   */
  const nameOf = (pathname) => (pathname.startsWith("/chat/") ? "/chat/" : pathname);

  /** @param {Request} request */
  async function file(request) {
    const files = await caches.open(FILES);
    const kept = await files.match(request);
    if (kept) return kept;
    const reply = await fetch(request);
    if (reply.ok) {
      await files.put(request, reply.clone());
      const names = await files.keys();
      for (const name of names.slice(0, Math.max(0, names.length - MOST_FILES))) await files.delete(name);
    }
    return reply;
  }

  /** @param {Request} request */
  async function freshFile(request) {
    const files = await caches.open(FILES);
    try {
      const reply = await fetch(request);
      if (reply.ok) await files.put(request, reply.clone());
      return reply;
    } catch (error) {
      const kept = await files.match(request);
      if (kept) return kept;
      throw error;
    }
  }
})();
