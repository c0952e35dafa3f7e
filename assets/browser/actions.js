// <chat-actions>: the menu that all messages share, the confirmation before one is deleted, and who has
// read one. The messages only hold buttons; this element handles their clicks.

/** @import { TimelineElement } from "./timeline.js" */

import { autoUpdate, computePosition, flip, hide, offset, shift } from "@floating-ui/dom";
import { FocusKeys, focusZone } from "@primer/behaviors";
import { ask } from "./ask.js";
import { store } from "./replica.js";
import { request } from "./request.js";

/** How long a list may take, in ms. */
const PATIENCE = 15_000;

class ChatActions extends (globalThis.HTMLElement ?? class {}) {
  /** @type {TimelineElement | null} */
  #timeline = null;
  /** The button whose menu is open. @type {HTMLElement | undefined} */
  #opener;
  /** Ends what the open menu does. */
  #opened = new AbortController();
  /** The article that the menu is about. @type {HTMLElement | undefined} */
  #message;

  connectedCallback() {
    this.#timeline = this.closest("chat-timeline");
    this.#timeline?.addEventListener("click", this);
    this.#menu.addEventListener("keydown", this);
    document.addEventListener("pointerdown", this, true);
  }

  disconnectedCallback() {
    this.#opened.abort();
    document.removeEventListener("pointerdown", this, true);
  }

  /** @param {Event} event */
  handleEvent(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.type === "keydown") this.#key(/** @type {KeyboardEvent} */ (event));
    else if (event.type === "click") this.#click(target);
    else if (!target.closest?.("[role=menu], [data-menu]")) this.#close();
  }

  get #menu() {
    return /** @type {HTMLElement} */ (this.querySelector("[role=menu]"));
  }

  get #question() {
    return /** @type {HTMLDialogElement} */ (this.querySelector("dialog"));
  }

  get #readers() {
    return /** @type {HTMLDialogElement} */ (this.querySelector("[data-readers]")?.closest("dialog"));
  }

  /** @param {Element} target */
  #click(target) {
    const opener = /** @type {HTMLElement | null} */ (target.closest("[data-menu]"));
    const item = /** @type {HTMLElement | null} */ (target.closest("[data-do]"));
    if (opener) {
      if (opener === this.#opener) this.#close();
      else this.#open(opener);
      return;
    }
    if (item) {
      this.#do(item.dataset.do);
      return;
    }
    // A finger does not hover: a tap on a message shows its button.
    const message = target.closest("article");
    this.#timeline?.querySelector("[data-tapped]")?.removeAttribute("data-tapped");
    message?.setAttribute("data-tapped", "");
  }

  /** @param {HTMLElement} opener */
  #open(opener) {
    this.#close();
    this.#opener = opener;
    this.#message = /** @type {HTMLElement} */ (opener.closest("article"));
    const mine = this.#message.classList.contains("mine");
    const hidden = new Set(mine ? ["unread"] : ["edit", "delete", "readers"]);
    if (!this.#isGroup) hidden.add("readers");
    for (const item of this.#entries) item.hidden = hidden.has(item.dataset.do ?? "");
    opener.setAttribute("aria-expanded", "true");
    this.#say("");
    this.#menu.hidden = false;
    this.#opened = new AbortController();
    const { signal } = this.#opened;
    const bindKeys = FocusKeys.ArrowVertical | FocusKeys.HomeAndEnd;
    focusZone(this.#menu, { bindKeys, focusOutBehavior: "wrap", abortSignal: signal });
    // A message that arrives moves the others.
    signal.addEventListener("abort", autoUpdate(opener, this.#menu, () => void this.#place(opener)));
    this.#items[0].focus();
  }

  /**
   * Put the menu below its button, or above it where there is no room; never outside the timeline. Close
   * it when its button is scrolled out of sight.
   * @param {HTMLElement} opener
   */
  async #place(opener) {
    const area = { boundary: this.#timeline ?? undefined, padding: 8 };
    const { x, y, middlewareData } = await computePosition(opener, this.#menu, {
      placement: "bottom-start",
      middleware: [offset(4), flip(area), shift(area), hide()],
    });
    if (opener !== this.#opener) return;
    if (middlewareData.hide?.referenceHidden) this.#close();
    else Object.assign(this.#menu.style, { left: `${x}px`, top: `${y}px` });
  }

  #close() {
    if (!this.#opener) return;
    this.#opened.abort();
    const hadFocus = this.#menu.contains(document.activeElement);
    this.#menu.hidden = true;
    this.#opener.removeAttribute("aria-expanded");
    if (hadFocus) this.#opener.focus({ preventScroll: true });
    this.#opener = undefined;
  }

  get #entries() {
    return /** @type {HTMLElement[]} */ ([...this.#menu.children]);
  }

  get #items() {
    return this.#entries.filter((item) => !item.hidden);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" && event.key !== "Tab") return;
    this.#close();
    event.preventDefault();
  }

  /** @param {string | undefined} action */
  #do(action) {
    this.#close();
    if (!this.#message) return;
    const { id, seq } = this.#message.dataset;
    if (action === "unread") void this.#markUnread(Number(seq));
    else if (action === "edit") edit(this.#message);
    else if (action === "delete") this.#question.showModal();
    else if (action === "delete-now") void this.#delete(id);
    else if (action === "readers") void this.#showReaders(id);
    else if (action === "close-readers") this.#readers.close();
    else this.#question.close();
  }

  /**
   * Mark a message unread and leave the chat: a message that stays visible is marked read at once.
   * @param {number} seq
   */
  async #markUnread(seq) {
    const timeline = /** @type {TimelineElement} */ (this.#timeline);
    await timeline.stopReading();
    const problem = await ask("POST", `/api/conversations/${timeline.getAttribute("conversation-id")}/unread`, { seq });
    if (problem) timeline.readAgain();
    else /** @type {HTMLElement | null} */ (document.querySelector("a.back"))?.click();
    this.#say(problem);
  }

  /** @param {string | undefined} id */
  async #delete(id) {
    this.#question.close();
    this.#say(await ask("DELETE", `/api/messages/${id}`));
  }

  get #isGroup() {
    const here = this.#timeline?.getAttribute("conversation-id");
    return store.read("chats").rows.some((row) => row.id === here && row.kind === "group");
  }

  /**
   * Show who has read a message: the first hundred by name, and how many there are.
   * @param {string | undefined} id
   */
  async #showReaders(id) {
    const dialog = this.#readers;
    const count = /** @type {HTMLElement} */ (dialog.querySelector("[data-readers-count]"));
    const list = /** @type {HTMLElement} */ (dialog.querySelector("[data-readers]"));
    list.replaceChildren();
    count.textContent = "Loading…";
    dialog.showModal();
    const page = await readersOf(id);
    if (this.#message?.dataset.id !== id) return;
    if (!page) {
      count.textContent = "This could not be loaded. Please try again.";
      return;
    }
    const { read, read_count: readers, delivered_count: delivered } = page;
    const others = delivered > readers ? ` It has reached ${delivered - readers} more.` : "";
    count.textContent = readers ? `${readers} of the others ${readers === 1 ? "has" : "have"} read it.${others}` : `Nobody yet.${others}`;
    for (const { user } of read) {
      const name = document.createElement("bdi");
      name.textContent = user.display_name;
      const row = document.createElement("li");
      row.append(name);
      list.append(row);
    }
  }

  /** @param {string} words */
  #say(words) {
    const place = /** @type {HTMLElement} */ (this.querySelector("[data-actions-error]"));
    place.textContent = words;
    place.hidden = !words;
  }
}

/**
 * The readers of a message, see `GET /api/messages/{id}/receipts`.
 * @typedef {{ read: { user: { display_name: string } }[], read_count: number, delivered_count: number }} Readers
 */

/**
 * Return who has read a message; undefined where that cannot be loaded.
 * @param {string | undefined} id
 * @returns {Promise<Readers | undefined>}
 */
async function readersOf(id) {
  try {
    const reply = await request(`/api/messages/${id}/receipts?limit=100`, { signal: AbortSignal.timeout(PATIENCE) });
    return reply.ok ? /** @type {Readers} */ (await reply.json()) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A message that the composer edits.
 * @typedef {{ id: string | undefined, text: string }} EditedMessage
 */

/**
 * Ask the composer to edit one of the user's own messages.
 * @param {HTMLElement} article
 */
export function edit(article) {
  const { id } = article.dataset;
  const list = `messages:${article.closest("chat-timeline")?.getAttribute("conversation-id")}`;
  // As it was written: the bubble shows it without its marks.
  const row = store.read(list).rows.find((one) => one.id === id);
  /** @type {EditedMessage} */
  const detail = { id, text: typeof row?.text === "string" ? row.text : "" };
  dispatchEvent(new CustomEvent("chat:edit-message", { detail }));
}

/** Return the newest message that the user can edit. */
export function lastOwn() {
  const own = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("article.mine[data-id]:not(.deleted)"));
  return [...own].at(-1);
}

globalThis.customElements?.define("chat-actions", ChatActions);
