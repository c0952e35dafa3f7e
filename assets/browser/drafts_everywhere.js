// Drafts on every device: brings what another device wrote into the box, and sends what was written here.
// A text that was changed here and elsewhere is shown beside the box, and never replaces what is in it
// unasked, nor comes into a box that was just used; nor does this browser overwrite a text that its user has
// not seen.

/** @import { Agreed } from "./database.js" */
/** @import { Answer } from "./request.js" */
/** @import { Row, Store } from "./store.js" */

import { keepShared, readShared, unsharedDrafts } from "./drafts.js";
import { call } from "./request.js";

const PAUSE = 2_000; // ms without a key, after which a draft is sent
const RETRY = 10_000;
const LIST = "conversations";
/** @type {Agreed} */
const NONE = { text: "", reply_to: "", version: 0 };
/** The steps of all drafts of this page, one after the other: two at once would conflict. */
let work = Promise.resolve();

/** @typedef {Pick<Agreed, "text" | "reply_to">} Words */

/**
 * The box of a conversation. `take` replaces its draft, `showOther` shows the words that another draft
 * has, undefined for none, and `dropped` tells that one was removed, and how to bring it back.
 * @typedef {{ words(): Words, take(words: Words): Promise<void>, showOther(text: string | undefined): void,
 *   dropped(undo: () => Promise<string>): void }} Box
 */

/**
 * Return what is to be done: nothing ("rest"), "write" what is here over what was agreed on, note that
 * both are the same ("agree"), "take" what is there, or show both ("conflict").
 * @param {Agreed} agreed
 * @param {Words} mine
 * @param {Agreed} theirs what the server has
 */
export function decide(agreed, mine, theirs) {
  const isKnown = theirs.version > 0 && theirs.version <= agreed.version;
  if (isKnown || (isSame(theirs, agreed) && theirs.version === agreed.version)) return isSame(mine, agreed) ? "rest" : "write";
  if (isSame(mine, theirs)) return "agree";
  if (isSame(mine, agreed)) return "take";
  // Nothing is there that could be overwritten; and what was sent or removed here has been used.
  if (isEmpty(theirs)) return "write";
  return isEmpty(mine) ? "take" : "conflict";
}

export class DraftEverywhere {
  #store;
  #user;
  #conversation;
  #box;
  /** The draft on the server; undefined until the page knows. @type {Agreed | undefined} */
  #theirs;
  /** The words that this page sent last: an answer may have been lost. @type {Words | undefined} */
  #sent;
  /** Whether the user has written here since the conversation was opened. */
  #isWritten = false;
  /** Whether what was written is to be sent without a pause. */
  #isDue = false;
  #isOver = false;
  /** The words that the server refused: they are sent no more. @type {Words | undefined} */
  #refused;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {(() => void)[]} */
  #watch;

  /**
   * @param {Store} store where the list of conversations says what the server has
   * @param {string} user
   * @param {string} conversation
   * @param {Box} box
   */
  constructor(store, user, conversation, box) {
    this.#store = store;
    this.#user = user;
    this.#conversation = conversation;
    this.#box = box;
    const send = () => this.send();
    const hidden = () => document.hidden && this.send();
    addEventListener("online", send);
    document.addEventListener("visibilitychange", hidden);
    this.#watch = [
      store.subscribe(LIST, () => this.#follow()),
      () => removeEventListener("online", send),
      () => document.removeEventListener("visibilitychange", hidden),
    ];
    this.#follow();
    this.#look();
  }

  /** Note that the user has written: it is sent when they pause. */
  written() {
    this.#isWritten = true;
    this.#later(PAUSE);
  }

  /** Send what was written now. */
  send() {
    this.#isDue = true;
    this.#look();
  }

  /** Put the other draft into the box; what was in it is shown in its place. */
  useOther() {
    void inTurn(async () => {
      const { agreed, aside, mine, theirs, isBeside } = await this.#state();
      const other = isBeside ? theirs : aside.at(-1);
      if (!other) return;
      const others = isBeside ? aside : aside.slice(0, -1);
      const next = isEmpty(mine) ? others : [...others, { ...mine, version: 0 }];
      // Stored first: at no moment is one of the two only on the screen.
      await this.#note(agreed, isBeside ? next : [...next, other]);
      await this.#box.take(other);
      await this.#note(isBeside ? theirs : agreed, next);
      await this.#settleNow();
    });
  }

  /** Remove the other draft: what is in the box may replace it on the server, too. */
  dropOther() {
    void inTurn(async () => {
      const { agreed, aside, theirs, isBeside } = await this.#state();
      const other = isBeside ? theirs : aside.at(-1);
      if (isBeside) await this.#note(theirs, aside);
      else await this.#note(agreed, aside.slice(0, -1));
      await this.#settleNow();
      if (other) this.#box.dropped(() => this.#bringBack(other));
    });
  }

  /** @param {Agreed} draft */
  async #bringBack(draft) {
    await inTurn(async () => {
      const { agreed, aside } = await readShared(this.#user, this.#conversation);
      await this.#note(agreed, [...aside, { ...draft, version: 0 }]);
      await this.#settle();
    });
    return "";
  }

  /** Follow the conversation no more; what was written and not sent is sent. */
  end() {
    if (this.#isOver) return;
    for (const stop of this.#watch) stop();
    clearTimeout(this.#timer);
    this.#isOver = true;
    const mine = wordsOf(this.#box.words());
    if (!this.#isWritten) return;
    void inTurn(async () => {
      const { agreed } = await readShared(this.#user, this.#conversation);
      if (decide(agreed, mine, this.#theirs ?? agreed) === "write") await this.#write(agreed, mine);
    });
  }

  /** Take note of what the list of conversations says, where that is new. */
  #follow() {
    const { rows, about } = this.#store.read(LIST);
    // A kept list may be older than the words that this browser has sent since.
    if (!about.loaded || about.kept) return;
    const row = rows.find((one) => one.id === this.#conversation);
    const theirs = draftOf(row);
    if (theirs && theirs.version !== this.#theirs?.version) this.#theirs = theirs;
    else if (row || this.#theirs) return;
    this.#look();
  }

  #look() {
    void inTurn(() => this.#settle());
  }

  /** @param {number} wait */
  #later(wait) {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.send(), wait);
  }

  async #state() {
    const { agreed: noted, aside } = await readShared(this.#user, this.#conversation);
    const theirs = this.#theirs ?? noted;
    const isOwn = this.#sent && isSame(theirs, this.#sent) && theirs.version > noted.version;
    const agreed = isOwn ? theirs : noted;
    const mine = wordsOf(this.#box.words());
    const step = decide(agreed, mine, theirs);
    // In a box that is in use, as after sending, another text would be sent by the next Enter.
    const isInUse = step === "take" && this.#isWritten && isEmpty(mine) && !isEmpty(theirs);
    return { agreed, aside, mine, theirs, step, isBeside: step === "conflict" || isInUse };
  }

  /**
   * @param {Agreed} agreed
   * @param {Agreed[]} aside
   */
  async #note(agreed, aside) {
    await keepShared(this.#user, this.#conversation, agreed, aside);
  }

  async #settleNow() {
    this.#isWritten = true;
    this.#isDue = true;
    await this.#settle();
  }

  async #settle() {
    if (this.#isOver) return;
    const { agreed, aside, mine, theirs, step, isBeside } = await this.#state();
    this.#box.showOther((isBeside ? theirs : aside.at(-1))?.text);
    const { about, rows } = this.#store.read(LIST);
    const isUnlisted = about.loaded && !about.kept && !rows.some((row) => row.id === this.#conversation);
    if (!this.#theirs && isUnlisted) {
      // An older conversation, which the list does not hold.
      this.#theirs = await this.#ask();
      if (this.#theirs) await this.#settle();
    } else if (step === "agree") {
      await this.#note(theirs, aside);
    } else if (step === "take" && !isBeside) {
      await this.#take(mine, theirs);
    } else if (step === "write" && this.#isWritten && this.#isDue && !(this.#refused && isSame(mine, this.#refused))) {
      this.#isDue = false;
      await this.#write(agreed, mine);
    }
  }

  /**
   * @param {Words} mine
   * @param {Agreed} theirs
   */
  async #take(mine, theirs) {
    // A list that was read before this browser's last words is no reason to remove them.
    if (isEmpty(theirs)) {
      const found = await this.#ask();
      if (!found || !isEmpty(found)) return;
    }
    // The user may have written, or left, meanwhile.
    if (this.#isOver || !isSame(mine, wordsOf(this.#box.words()))) return;
    await this.#box.take(theirs);
    const { aside } = await readShared(this.#user, this.#conversation);
    await this.#note(theirs, aside);
  }

  /** Ask the server for the draft that it has; undefined where it does not answer. */
  async #ask() {
    /** @type {Agreed | undefined} */
    let found;
    await call("GET", `/api/conversations/${this.#conversation}`, {
      isAnswer: (body) => {
        found = body.draft === null ? NONE : sharedDraft(body.draft);
        return found !== undefined;
      },
    });
    return found;
  }

  /**
   * @param {Agreed} agreed
   * @param {Words} mine
   */
  async #write(agreed, mine) {
    this.#sent = mine;
    const { answer, version } = await put(this.#conversation, mine, agreed);
    if (!answer || answer.status === 429 || answer.status >= 500) {
      this.#later(Math.max(answer?.retryAfter ?? 0, RETRY));
    } else if (answer.problem) {
      const theirs = sharedDraft(/** @type {{ draft?: unknown }} */ (answer.problem).draft);
      if (answer.problem.code === "draft_conflict" && theirs) {
        this.#theirs = theirs;
        this.#look();
      } else {
        this.#refused = mine;
      }
    } else {
      const { aside } = await readShared(this.#user, this.#conversation);
      await this.#note({ ...mine, version }, aside);
    }
  }
}

/**
 * Send the drafts that no page has sent: they were written offline, or just before a page was closed. What
 * another device has written meanwhile stays, and is shown when the conversation is opened.
 * @param {string} user
 */
export const sendDrafts = (user) =>
  inTurn(async () => {
    for (const { conversation_id: conversation, draft, agreed } of await unsharedDrafts(user)) {
      const mine = wordsOf({ text: draft.text, reply_to: draft.reply?.id ?? "" });
      if (isSame(mine, agreed)) continue;
      const { answer, version } = await put(conversation, mine, agreed);
      if (!answer) return;
      if (answer.problem) continue;
      const { aside } = await readShared(user, conversation);
      await keepShared(user, conversation, { ...mine, version }, aside);
    }
  });

/** @param {() => Promise<void>} next */
function inTurn(next) {
  const step = work.then(next);
  // A step that fails must not end those after it.
  work = step.catch(() => undefined);
  return step;
}

/**
 * @param {string} conversation
 * @param {Words} mine
 * @param {Agreed} agreed
 * @returns {Promise<{ answer: Answer | undefined, version: number }>}
 */
async function put(conversation, mine, agreed) {
  let version = 0;
  const answer = await call("PUT", `/api/conversations/${conversation}/draft`, {
    body: { content: mine.text, reply_to: mine.reply_to || null, base: agreed.version },
    outlivesPage: true,
    isAnswer: (body) => {
      version = Number(body.version);
      return Number.isInteger(body.version);
    },
  });
  return { answer, version };
}

/**
 * Return the draft in a row of the list of conversations; undefined without a row.
 * @param {Row | undefined} row
 * @returns {Agreed | undefined}
 */
function draftOf(row) {
  const { text, reply_to: replyTo, version } = /** @type {Record<string, unknown>} */ (row?.draft ?? {});
  const isDraft = typeof text === "string" && typeof replyTo === "string" && typeof version === "number";
  return isDraft ? { text, reply_to: replyTo, version } : undefined;
}

/**
 * Return a draft as the API gives it; undefined for anything else.
 * @param {unknown} value
 * @returns {Agreed | undefined}
 */
function sharedDraft(value) {
  const { content, reply_to: replyTo, version } = /** @type {Record<string, unknown>} */ (value ?? {});
  if (typeof content !== "string" || typeof version !== "number") return undefined;
  return { text: content, reply_to: typeof replyTo === "string" ? replyTo : "", version };
}

/**
 * Return words as the server has them: blanks alone are none.
 * @param {Words} words
 * @returns {Words}
 */
const wordsOf = ({ text, reply_to }) => ({ text: text.trim() ? text : "", reply_to });

/**
 * @param {Words} one
 * @param {Words} other
 */
const isSame = (one, other) => one.text === other.text && one.reply_to === other.reply_to;

/** @param {Words} words */
const isEmpty = ({ text, reply_to: replyTo }) => !text && !replyTo;
