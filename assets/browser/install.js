// The browser's offer to install the chat as an app. It comes once, early, and is kept for the button in the
// settings. Some browsers offer nothing: there the user finds it in a menu.

/** @type {InstallOffer | undefined} */
let offer;
/** @type {Set<() => void>} */
const listeners = new Set();

/** Return whether the page runs as an app. */
export const isInstalled = () =>
  matchMedia("(display-mode: standalone)").matches || Boolean(/** @type {{ standalone?: boolean }} */ (navigator).standalone);

/**
 * Call a listener when the page is installed; return the function that ends that.
 * @param {() => void} listener
 */
export function onInstalled(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Ask the user to install the chat; return false where the browser offers nothing. */
export async function install() {
  const present = offer;
  if (!present) return false;
  // An offer can be used once; the browser makes another one where the user declines.
  offer = undefined;
  await present.prompt();
  return true;
}

if (globalThis.document) {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = /** @type {InstallOffer} */ (event);
  });
  addEventListener("appinstalled", () => {
    for (const listener of listeners) listener();
  });
}
