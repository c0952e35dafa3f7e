// How the tabs of a browser agree that one of them does something: by Web Locks, which exist on secure
// origins only; over plain HTTP by messages between the tabs, which may be late, so that very rarely two
// of them do it.

const HEAR_OUT = 300; // ms in which the tabs name themselves
const VISIBLE = "chat.visible";

/** @typedef {{ subject: string, rank?: number, asks?: boolean, visible?: boolean }} Word */

/** The words of other tabs about a subject, while this tab waits for them. @type {Map<string, Word[]>} */
const told = new Map();
/** @type {BroadcastChannel | undefined} */
let channel;

function tabs() {
  if (channel || !globalThis.BroadcastChannel) return channel;
  channel = new BroadcastChannel("chat.agreement");
  channel.onmessage = (/** @type {MessageEvent<Word>} */ { data: word }) => {
    told.get(word.subject)?.push(word);
    if (word.asks && document.visibilityState === "visible") channel?.postMessage({ subject: word.subject, visible: true });
  };
  return channel;
}

// From now on this tab answers the others.
if (globalThis.document) tabs();

/**
 * Say a word about a subject, and return what the other tabs say about it for a moment.
 * @param {Word} word
 */
async function confer(word) {
  const said = told.get(word.subject) ?? [];
  told.set(word.subject, said);
  tabs()?.postMessage(word);
  await pause(HEAR_OUT);
  told.delete(word.subject);
  return said;
}

/**
 * Return whether this tab is the one to deal with a subject. Where there are locks, each may try: only
 * one of them gets the lock of `alone`.
 * @param {string} subject
 */
export async function elected(subject) {
  if (navigator.locks) return true;
  const rank = Math.random();
  const others = await confer({ subject, rank });
  return others.every((other) => other.rank === undefined || other.rank > rank);
}

/**
 * Do work in one tab only, and keep the other tabs from it for some time: a tab can read the storage
 * of another only a moment later, but its locks at once.
 * @param {string} name
 * @param {number} ms
 * @param {() => void | Promise<void>} work
 */
export async function alone(name, ms, work) {
  if (!navigator.locks) {
    await work();
    return;
  }
  /** @type {Promise<void>} */
  const worked = new Promise((done) => {
    void navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock) await work();
      done();
      if (lock) await pause(ms);
    });
  });
  await worked;
}

/** Releases the lock of a visible tab. @type {(() => void) | undefined} */
let release;

/** Hold a shared lock for as long as this tab is visible. */
export function holdVisible() {
  if (document.visibilityState !== "visible") {
    release?.();
    release = undefined;
  } else if (navigator.locks && !release) {
    /** @type {Promise<void>} */
    const hidden = new Promise((resolve) => (release = resolve));
    void navigator.locks.request(VISIBLE, { mode: "shared" }, () => hidden);
  }
}

/** Return whether any tab of this chat is visible. */
export async function isAnyVisible() {
  if (document.visibilityState === "visible") return true;
  if (navigator.locks) return Boolean((await navigator.locks.query()).held?.some(({ name }) => name === VISIBLE));
  const answers = await confer({ subject: VISIBLE, asks: true });
  return answers.some((answer) => answer.visible);
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
