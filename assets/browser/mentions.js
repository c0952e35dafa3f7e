// <chat-mentions event>: completes names after an @ in the composer around it. The people come from the
// server, as the list "mentions" of the page.

/** @import { Row } from "./store.js" */
/** @import { Word } from "./completion.js" */

import { atWord } from "./at_word.js";
import { faceOf } from "./avatar.js";
import { Completion, wordsIn } from "./completion.js";
import { send, store } from "./replica.js";
import { say } from "./texts.js";

const LIST = "mentions";
const PAUSE = 120; // ms without another letter until the server is asked
const AGAIN = 2_000;

/** @typedef {Row & { name: string, username: string, letters: string, tone: string, picture?: string }} Candidate */

class ChatMentions extends (globalThis.HTMLElement ?? class {}) {
  /** @type {Completion<Candidate>} */
  #completion = new Completion(this, {
    label: say("People to mention"),
    wordAt: atWord,
    candidates: (word) => this.#candidates(word),
    wordChanged: (word) => this.#wordChanged(word),
    textOf: ({ username }) => `@${username} `,
    contentOf,
  });
  /** @type {number | undefined} */
  #timer;
  /** @type {(() => void) | undefined} */
  #unsubscribe;

  connectedCallback() {
    this.#completion.connect();
    this.#unsubscribe = store.subscribe(LIST, () => this.#completion.show());
  }

  disconnectedCallback() {
    this.#completion.disconnect();
    this.#unsubscribe?.();
  }

  get #conversation() {
    return this.closest("chat-composer")?.getAttribute("conversation-id") ?? "";
  }

  /**
   * Return the people who fit the word: none while the server's answer is that to another one.
   * @param {Word} word
   */
  #candidates(word) {
    const { rows, about } = store.read(LIST);
    const isAnswer = about.query === word.query && about.conversation_id === this.#conversation;
    return /** @type {readonly Candidate[]} */ (isAnswer ? rows : []);
  }

  /** @param {Word | undefined} word */
  #wordChanged(word) {
    clearTimeout(this.#timer);
    if (word) this.#timer = setTimeout(() => this.#ask(word), PAUSE);
  }

  /**
   * Ask for the people who fit the word, and again while no answer comes: the link may be down.
   * @param {Word} word
   */
  #ask(word) {
    const { about } = store.read(LIST);
    if (about.query === word.query && about.conversation_id === this.#conversation) return;
    this.#timer = setTimeout(() => this.#ask(word), AGAIN);
    send(this.getAttribute("event") ?? "", { conversation_id: this.#conversation, text: word.query });
  }
}

/** @param {Candidate} person */
function contentOf({ name, username, ...face }) {
  return [faceOf(face), wordsIn("bdi", name, "row-name one-line"), wordsIn("span", `@${username}`, "row-preview one-line")];
}

globalThis.customElements?.define("chat-mentions", ChatMentions);
