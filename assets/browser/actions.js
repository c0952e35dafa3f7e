// <chat-actions>: the one menu of all messages, and the question before one is deleted. The rows
// hold buttons only; what was pressed is found out here.

import { ask } from "./ask.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

class ChatActions extends (globalThis.HTMLElement ?? class {}) {
  #timeline;
  #opener; // the button whose menu is open
  #message; // the article it is about

  connectedCallback() {
    this.#timeline = this.closest("chat-timeline");
    this.#timeline.addEventListener("click", this);
    this.#timeline.querySelector("[role=log]").addEventListener("scroll", this, { passive: true });
    this.#menu.addEventListener("keydown", this);
    document.addEventListener("pointerdown", this, true);
  }

  disconnectedCallback() {
    document.removeEventListener("pointerdown", this, true);
  }

  handleEvent(event) {
    if (event.type === "keydown") this.#key(event);
    else if (event.type === "click") this.#click(event.target);
    else if (event.type === "scroll" || !event.target.closest?.("[role=menu], [data-menu]")) this.#close();
  }

  get #menu() {
    return this.querySelector("[role=menu]");
  }

  get #question() {
    return this.querySelector("dialog");
  }

  #click(target) {
    const opener = target.closest("[data-menu]");
    const item = target.closest("[data-do]");
    if (opener) return opener === this.#opener ? this.#close() : this.#open(opener);
    if (item) return this.#do(item.dataset.do);
    // A finger does not hover: a tap on a message shows its button.
    const message = target.closest("article");
    this.#timeline.querySelector("[data-tapped]")?.removeAttribute("data-tapped");
    message?.setAttribute("data-tapped", "");
  }

  #open(opener) {
    this.#close();
    this.#opener = opener;
    this.#message = opener.closest("article");
    const mine = this.#message.classList.contains("mine");
    for (const item of this.#menu.children) item.hidden = mine === (item.dataset.do === "unread");
    opener.setAttribute("aria-expanded", "true");
    this.#say("");
    this.#menu.hidden = false;
    this.#place();
    this.#items[0].focus();
  }

  /** Below its button, or above it where there is no room; never outside the timeline. */
  #place() {
    const area = this.#timeline.getBoundingClientRect();
    const button = this.#opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#menu;
    const below = button.bottom - area.top + 4;
    const top = below + height > area.height ? button.top - area.top - height - 4 : below;
    const left = Math.min(button.left - area.left, area.width - width - 8);
    this.#menu.style.top = `${Math.max(8, top)}px`;
    this.#menu.style.left = `${Math.max(8, left)}px`;
  }

  #close() {
    if (!this.#opener) return;
    const hadFocus = this.#menu.contains(document.activeElement);
    this.#menu.hidden = true;
    this.#opener.removeAttribute("aria-expanded");
    if (hadFocus) this.#opener.focus({ preventScroll: true });
    this.#opener = undefined;
  }

  get #items() {
    return [...this.#menu.children].filter((item) => !item.hidden);
  }

  #key(event) {
    const items = this.#items;
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape" || event.key === "Tab") this.#close();
    else if (event.key in STEPS) items.at((at + STEPS[event.key]) % items.length).focus();
    else if (event.key === "Home") items[0].focus();
    else if (event.key === "End") items.at(-1).focus();
    else return;
    event.preventDefault();
  }

  #do(action) {
    this.#close();
    const { id, seq } = this.#message.dataset;
    if (action === "unread") this.#markUnread(Number(seq));
    else if (action === "edit") edit(this.#message);
    else if (action === "delete") this.#question.showModal();
    else if (action === "delete-now") this.#delete(id);
    else this.#question.close();
  }

  /** The chat is left then: what stays in front would be read again at once. */
  async #markUnread(seq) {
    await this.#timeline.stopReading();
    const problem = await ask("POST", `/api/conversations/${this.#timeline.getAttribute("conversation-id")}/unread`, { seq });
    if (problem) this.#timeline.readAgain();
    else document.querySelector("a.back").click();
    this.#say(problem);
  }

  async #delete(id) {
    this.#question.close();
    this.#say(await ask("DELETE", `/api/messages/${id}`));
  }

  #say(words) {
    const place = this.querySelector("[data-actions-error]");
    place.textContent = words;
    place.hidden = !words;
  }
}

/** Have the composer change a message of one's own. */
export function edit(article) {
  const detail = { id: article.dataset.id, text: article.querySelector(".bubble").textContent };
  dispatchEvent(new CustomEvent("chat:edit-message", { detail }));
}

/** The newest message that can be edited. */
export function lastOwn() {
  return [...document.querySelectorAll("article.mine[data-id]:not(.deleted)")].at(-1);
}

globalThis.customElements?.define("chat-actions", ChatActions);
