// <chat-share>: shows a text that another app has shared, and writes it into the draft of the conversation that
// is chosen. It came in the address, from which a script in the page's head has taken it (early_scripts.py);
// any page may lead here with any text, so it is only shown, and nothing is sent.

/** @import { Target } from "./targets.js" */

import { ask, AWAY } from "./ask.js";
import { clean } from "./content.js";
import { keepDraft, readDraft } from "./drafts.js";
import { openPage } from "./place.js";
import { store } from "./replica.js";
import { getPageUser } from "./request.js";
import { errorLine, pressable, textOf } from "./sheet.js";
import { Targets } from "./targets.js";
import { say } from "./texts.js";

const KEPT = "chat.shared";
const KEPT_FOR = 3_600_000; // ms after which a text that nobody has placed is not offered any more
const MOST = 20_000; // characters; what no message holds is shortened in the composer
const CONVERSATIONS = "conversations";

class ChatShare extends (globalThis.HTMLElement ?? class {}) {
  /** @type {Targets | undefined} */
  #targets;
  #error = errorLine();
  #isOpening = false;
  #text = "";
  /** @type {(() => void) | undefined} */
  #unsubscribe;

  connectedCallback() {
    this.#text = readShared(getPageUser());
    if (this.#text) this.#offer();
    else this.replaceChildren(textOf("p", say("Nothing was shared. Choose this app where another one shares a text or a link."), "field-hint"));
  }

  disconnectedCallback() {
    this.#targets?.stop();
    this.#unsubscribe?.();
  }

  #offer() {
    const what = textOf("blockquote", this.#text, "report-text");
    what.dir = "auto";
    what.tabIndex = 0;
    what.ariaLabel = say("The shared text");
    what.setAttribute("role", "group");
    const field = document.createElement("input");
    Object.assign(field, { type: "search", className: "input", maxLength: 64, dir: "auto", autocomplete: "off", spellcheck: false });
    Object.assign(field, { placeholder: say("Search conversations and people"), ariaLabel: say("Share with") });
    field.dataset.search = "true";
    const search = textOf("div", "", "search");
    search.setAttribute("role", "search");
    // The side pane has a search of its own.
    search.ariaLabel = say("Share with");
    const icon = textOf("span", "", "icon icon-search");
    icon.ariaHidden = "true";
    search.append(icon, field);
    const list = textOf("ul", "", "forward-list share-list");
    list.ariaLabel = say("Conversations and people");
    list.dataset.arrows = "true";
    const none = textOf("p", "", "field-hint");
    none.setAttribute("role", "status");
    this.#targets = new Targets(field, list, (target) => void this.#choose(target), () => (this.#error.textContent = AWAY));
    const show = () => {
      none.textContent = this.#targets?.show() || field.value ? "" : say("No conversations yet. Find someone to talk to.");
    };
    field.addEventListener("input", () => {
      this.#error.textContent = "";
      none.textContent = "";
    });
    this.#unsubscribe = store.subscribe(CONVERSATIONS, show);
    const hint = textOf("p", say("Choose where to write this. Nothing is sent yet."), "field-hint");
    const cancel = pressable(say("Cancel"), "quiet", () => {
      forget();
      openPage("/");
    });
    this.replaceChildren(hint, what, search, this.#error, list, none, cancel);
    show();
  }

  /** @param {Target} target */
  async #choose({ address }) {
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#error.textContent = "";
    try {
      const id = "conversation_id" in address ? address.conversation_id : await this.#begin(address.receiver_id);
      if (!id) return;
      await addToDraft(getPageUser(), id, this.#text);
      forget();
      openPage(`/chat/${encodeURIComponent(id)}`);
    } finally {
      this.#isOpening = false;
    }
  }

  /**
   * Return the id of the conversation with a person, which may not be there yet; "" after a failure.
   * @param {string} personId
   */
  async #begin(personId) {
    let id = "";
    this.#error.textContent = await ask("POST", "/api/conversations", { user_id: personId }, (made) => {
      if (typeof made.id === "string") id = made.id;
      return id !== "";
    });
    return id;
  }
}

/**
 * Write a text behind what is begun in a conversation.
 * @param {string} userId
 * @param {string} conversationId
 * @param {string} text
 */
async function addToDraft(userId, conversationId, text) {
  const draft = await readDraft(userId, conversationId);
  const row = /** @type {{ draft?: { text?: string } } | undefined} */ (store.read(CONVERSATIONS).rows.find(({ id }) => id === conversationId));
  // That of another device, where this one has none.
  const begun = draft.text || (draft.reply ? "" : (row?.draft?.text ?? ""));
  await keepDraft(userId, conversationId, [begun, text].filter(Boolean).join("\n"), draft.tab, draft.reply);
}

/**
 * Return the text that was shared to this tab, "" without one. It is of the first account that sees it.
 * @param {string} user
 */
function readShared(user) {
  try {
    /** @type {unknown} */
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    const { at, seen_by: seenBy = user, ...parts } = /** @type {Record<string, unknown>} */ (kept ?? {});
    if (typeof at === "number" && Math.abs(Date.now() - at) < KEPT_FOR && seenBy === user) {
      if (user) sessionStorage.setItem(KEPT, JSON.stringify({ ...parts, at, seen_by: user }));
      return sharedText(parts);
    }
    if (user) forget();
  } catch {
    // The storage is blocked, or holds something else.
  }
  return "";
}

/**
 * Return what is shared as one text: apps repeat the title, or the address, in the text.
 * @param {{ title?: unknown, text?: unknown, url?: unknown }} parts
 */
function sharedText({ title, text, url }) {
  const [head, body, link] = [title, text, url].map((one) => (typeof one === "string" ? clean([...one.slice(0, 2 * MOST)].slice(0, MOST).join("")) : ""));
  // Whole words only: one address may begin with another.
  const isSaid = (/** @type {string} */ part) => spaced(body).includes(spaced(part));
  return [isSaid(head) ? "" : head, body, isSaid(link) || head === link ? "" : link].filter(Boolean).join("\n");
}

/** @param {string} text */
const spaced = (text) => ` ${text.split(/\s+/).filter(Boolean).join(" ")} `;

function forget() {
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // It was never there.
  }
}

globalThis.customElements?.define("chat-share", ChatShare);
