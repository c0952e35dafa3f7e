// Reloads a page when one of its scripts or styles is missing: during an upgrade the names of files
// change, and a page that is open for weeks requests files that are gone. A tab reloads by itself at
// most once in ten minutes; otherwise the page says what is wrong and offers a button.
// The text of this file stands in the head of every page, before everything it watches.

(() => {
  const KEY = "chat.reloaded";
  const PAUSE = 600_000;
  const PATIENCE = 5_000;
  const FILES = "script, link[rel=stylesheet]";
  const AHEAD = "link[rel=modulepreload]";
  // The errors of Chromium, Firefox and Safari for an `import()` whose file is missing.
  const FAILED_IMPORT = /module script|imported module/i;
  // In the language of the page.
  const { lost = "", again = "" } = document.currentScript?.dataset ?? {};
  let isHandled = false;

  /** @param {Event} [event] */
  async function recover(event) {
    if (isHandled) return;
    isHandled = true;
    const isAhead = event?.type === "vite:preloadError" && document.readyState === "complete";
    if (await isServed()) {
      if (mayReload()) location.reload();
      else whenRead(showNotice);
    } else if (isAhead) {
      // A part loaded ahead is loaded again when it is needed; the server may be there by then.
      isHandled = false;
    } else {
      whenRead(showNotice);
    }
  }

  /** @param {() => void} work */
  function whenRead(work) {
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", work);
    else work();
  }

  /** Return whether the server would send the page: else the browser would show a page of its own. */
  async function isServed() {
    if (!navigator.onLine) return false;
    try {
      const reply = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout?.(PATIENCE) });
      return reply.status < 500;
    } catch {
      return false;
    }
  }

  function mayReload() {
    try {
      const before = Number(sessionStorage.getItem(KEY));
      sessionStorage.setItem(KEY, String(Date.now()));
      return Date.now() - before > PAUSE;
    } catch {
      return false; // Storage is blocked: nothing would count the reloads.
    }
  }

  function showNotice() {
    const notice = document.createElement("div");
    notice.setAttribute("role", "alert");
    // The style sheet may be what is missing.
    notice.style.cssText =
      "position:fixed;inset:0 0 auto;z-index:99;display:flex;flex-wrap:wrap;gap:8px 16px;" +
      "align-items:center;justify-content:center;padding:12px 16px;font:15px/1.45 system-ui,sans-serif;" +
      "background:var(--danger-soft,Canvas);color:var(--text,CanvasText)";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button plain";
    button.textContent = again;
    button.addEventListener("click", () => location.reload());
    notice.append(lost, button);
    // React owns the body.
    document.documentElement.append(notice);
  }

  addEventListener(
    "error",
    (event) => {
      if (!(event.target instanceof Element)) return;
      // Later, Firefox reports an error for a module that it has loaded already. The import of one that is
      // really missing fails by itself.
      const isOfPage = document.readyState !== "complete" && event.target.matches(AHEAD);
      if (isOfPage || event.target.matches(FILES)) void recover();
    },
    true,
  );
  addEventListener("unhandledrejection", (event) => {
    if (!FAILED_IMPORT.test(String(/** @type {unknown} */ (event.reason)))) return;
    event.preventDefault();
    void recover();
  });
  addEventListener("vite:preloadError", (event) => void recover(event));
  // The router's (see build.py): the file of another page is missing.
  addEventListener("chat:missing", () => void recover());
})();
