// <chat-emoji-names>: completes the names of emoji after a colon in the composer around it; a name that a
// colon ends becomes its emoji at once.

/** @import { Emoji, FoundEmoji } from "./emoji_data.js" */

import { Completion, wordsIn } from "./completion.js";
import { emojiNamed, findEmoji, loadEmoji } from "./emoji_data.js";
import { emojiWord } from "./emoji_word.js";
import { say } from "./texts.js";

class ChatEmojiNames extends (globalThis.HTMLElement ?? class {}) {
  /** @type {readonly Emoji[]} */
  #all = [];
  /** @type {Completion<FoundEmoji>} */
  #completion = new Completion(this, {
    label: say("Emoji to insert"),
    wordAt: (text, caret) => {
      const word = emojiWord(text, caret);
      return word?.ended ? undefined : word;
    },
    candidates: ({ query }) => findEmoji(this.#all, query),
    wordChanged: (word) => {
      if (word && !this.#all.length) void this.#load();
    },
    textOf: ({ emoji }) => `${emoji} `,
    contentOf,
  });
  /** @type {HTMLTextAreaElement | null | undefined} */
  #box;

  connectedCallback() {
    this.#completion.connect();
    this.#box = this.closest("chat-composer")?.querySelector("textarea");
    this.#box?.addEventListener("input", this);
  }

  disconnectedCallback() {
    this.#completion.disconnect();
    this.#box?.removeEventListener("input", this);
  }

  /**
   * Put an emoji in the place of its name, if that was just ended.
   * @param {InputEvent} event
   */
  handleEvent({ data }) {
    const box = /** @type {HTMLTextAreaElement} */ (this.#box);
    const word = data === ":" ? emojiWord(box.value, box.selectionEnd) : undefined;
    const emoji = word?.ended && emojiNamed(this.#all, word.query);
    if (!word || !emoji) return;
    box.setRangeText(emoji, word.start, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async #load() {
    this.#all = await loadEmoji();
    this.#completion.show();
  }
}

/** @param {FoundEmoji} found */
function contentOf({ emoji, name, shortcode }) {
  const picture = wordsIn("span", emoji, "emoji");
  picture.setAttribute("aria-hidden", "true");
  return [picture, wordsIn("span", name, "row-name one-line"), wordsIn("span", `:${shortcode}:`, "row-preview one-line")];
}

globalThis.customElements?.define("chat-emoji-names", ChatEmojiNames);
