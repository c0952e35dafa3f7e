// Registers the service worker that opens the chat without a connection, and names the files and pages
// that it shall keep. Browsers have service workers on secure origins only.

// One page serves every conversation.
const PAGES = ["/", "/people", "/settings", "/share", "/chat/0"];

/** The files of this page, and those of the other pages as the router knows them. */
function filesOfPages() {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
  const own = loaded.filter((url) => url.origin === location.origin && /\.(js|css|svg)$/.test(url.pathname));
  const routes = Object.values(window.__reactRouterManifest?.routes ?? {});
  const others = routes.flatMap(({ module, imports = [], css = [] }) => [module, ...imports, ...css]);
  return [...new Set([...own.map((url) => url.pathname), ...others])];
}

async function register() {
  try {
    await navigator.serviceWorker.register("/sw.js");
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage({ files: filesOfPages(), pages: PAGES });
  } catch {
    // Blocked by the browser: the chat needs a connection to open.
  }
}

if (globalThis.navigator?.serviceWorker) {
  // After everything that the page itself needs.
  if (document.readyState === "complete") void register();
  else addEventListener("load", () => void register(), { once: true });
}
