// Messages between the tabs of this browser, by BroadcastChannel. Where the browser has none, they go
// through local storage, whose changes the other tabs receive as events.

const NAME = "chat.unsent";

/**
 * A change of what a user has written: in the outbox (`sent` and `removed` are the ids of a message that
 * is no longer there), in the draft of a conversation, or the removal of all drafts (`forgotten`); or the
 * message of a reminder that was `dismissed`.
 * @typedef {{ user: string, sent?: string, removed?: string, draft?: string, forgotten?: boolean, dismissed?: string }} TabMessage
 */

/** @type {Set<(message: TabMessage) => void>} */
const listeners = new Set();
/** @type {BroadcastChannel | undefined} */
let channel;
let isListening = false;

/**
 * Send a message to the other tabs.
 * @param {TabMessage} message
 */
export function publish(message) {
  listen();
  if (channel) {
    channel.postMessage(message);
    return;
  }
  try {
    localStorage.setItem(NAME, JSON.stringify({ message, at: Math.random() }));
  } catch {
    // Storage is blocked, too: the other tabs read what is stored when they come to the front.
  }
}

/**
 * Call `listener` for each message of another tab, and return a function that ends that.
 * @param {(message: TabMessage) => void} listener
 */
export function subscribe(listener) {
  listen();
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function listen() {
  if (isListening) return;
  isListening = true;
  if (globalThis.BroadcastChannel) {
    channel = new BroadcastChannel(NAME);
    channel.onmessage = (/** @type {MessageEvent<TabMessage>} */ event) => deliver(event.data);
    return;
  }
  addEventListener("storage", (event) => {
    if (event.key !== NAME || !event.newValue) return;
    /** @type {unknown} */
    const written = JSON.parse(event.newValue);
    deliver(/** @type {{ message: TabMessage }} */ (written).message);
  });
}

/** @param {TabMessage} message */
function deliver(message) {
  for (const listener of listeners) listener(message);
}
