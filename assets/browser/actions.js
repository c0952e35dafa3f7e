// <chat-actions>: the menu that all messages share, the quick reactions, and the dialogs about a message.
// The messages only hold buttons; this element handles their clicks. A long press opens the menu, too.

/** @import { TimelineElement } from "./timeline.js" */
/** @import { Chat } from "./offered.js" */

import { FocusKeys, focusZone } from "@primer/behaviors";
import { ask, AWAY } from "./ask.js";
import { copyText } from "./clipboard.js";
import { Forwarding } from "./forwarding.js";
import { pin, save, unpin, unsave } from "./marks.js";
import { MessageList } from "./message_list.js";
import { notify } from "./notice.js";
import { offeredFor } from "./offered.js";
import { react } from "./reacting.js";
import { remind } from "./reminding.js";
import { send, store } from "./replica.js";
import { edit, quoteFrom, rowOf } from "./shown_message.js";
import { watchSwipes } from "./swipe.js";
import { say } from "./texts.js";

/** A finger that stays for so long opens the menu, in ms. */
const LONG_PRESS = 450;
const STILL = 10; // px that it may move meanwhile
const TO_READ = 16_000;
const IDLE = 2_000; // ms after which what opens menus is loaded ahead of need
const loadFloating = () => import("./floating.js");

class ChatActions extends (globalThis.HTMLElement ?? class {}) {
  /** @type {TimelineElement | null} */
  #timeline = null;
  /** The element at which a menu is open. @type {HTMLElement | undefined} */
  #opener;
  /** The menu that is open. @type {HTMLElement | undefined} */
  #shown;
  /** Ends what the open menu does. */
  #opened = new AbortController();
  /** The article that the menu is about. @type {HTMLElement | undefined} */
  #message;
  /** @type {MessageList | undefined} */
  #list;
  /** @type {Forwarding | undefined} */
  #forwarding;
  /** @type {{ timer: number, x: number, y: number } | undefined} */
  #press;
  /** Whether the click that ends a long press is still to come. */
  #wasLong = false;

  connectedCallback() {
    this.#timeline = this.closest("chat-timeline");
    const timeline = this.#timeline;
    for (const type of ["click", "contextmenu", "pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      timeline?.addEventListener(type, this);
    }
    if (timeline) watchSwipes(timeline);
    for (const menu of [this.#menu, this.#quick, this.#times]) menu.addEventListener("keydown", this);
    document.addEventListener("pointerdown", this, true);
    this.#list = new MessageList(this.#dialog("[data-list]"));
    this.#forwarding = new Forwarding(this.#dialog("[data-forward-error]"), notify);
    window.chatLink?.on("connect", this.#follow);
    this.#follow();
    setTimeout(() => void loadFloating().catch(() => undefined), IDLE);
  }

  disconnectedCallback() {
    this.#opened.abort();
    this.#endPress();
    document.removeEventListener("pointerdown", this, true);
    window.chatLink?.off("connect", this.#follow);
  }

  /** Ask which messages are saved. */
  #follow = () => void send(this.getAttribute("saved-event") ?? "", {});

  /** @param {Event} event */
  handleEvent(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.type === "keydown") this.#key(/** @type {KeyboardEvent} */ (event));
    else if (event.type === "click") this.#click(target, event);
    else if (event.type === "contextmenu") this.#contextMenu(target, event);
    else if (event.type === "pointerdown" && event.currentTarget === document) {
      if (!target.closest?.("[data-actions-menu], [data-quick-menu], [data-times-menu], [data-menu]")) this.#close();
    } else this.#pointer(/** @type {PointerEvent} */ (event), target);
  }

  get #menu() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-actions-menu]"));
  }

  get #quick() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-quick-menu]"));
  }

  get #times() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-times-menu]"));
  }

  get #question() {
    return this.#dialog("[data-do=delete-now]");
  }

  /** @param {string} content a selector of something in it */
  #dialog(content) {
    return /** @type {HTMLDialogElement} */ (this.querySelector(content)?.closest("dialog"));
  }

  get #conversation() {
    return this.#timeline?.getAttribute("conversation-id") ?? "";
  }

  get #chat() {
    const row = store.read("chats").rows.find((one) => one.id === this.#conversation);
    return /** @type {(Chat & typeof row) | undefined} */ (row);
  }

  /** The row of the message that the menu is about. */
  get #row() {
    return rowOf(this.#conversation, this.#message?.dataset.id);
  }

  /**
   * @param {Element} target
   * @param {Event} event
   */
  #click(target, event) {
    if (this.#wasLong) {
      this.#wasLong = false;
      event.preventDefault();
      return;
    }
    const pressed = /** @type {HTMLElement | null} */ (target.closest("button"));
    const article = /** @type {HTMLElement | null} */ (target.closest("article"));
    if (article) this.#message = article;
    if (pressed?.dataset.menu) this.#toggle(this.#menu, pressed);
    else if (pressed?.dataset.do === "react" && article) this.#toggle(this.#quick, pressed);
    else if (pressed?.dataset.do) this.#do(pressed.dataset.do);
    else if (pressed?.dataset.reaction) this.#react(pressed.dataset.reaction);
    else if (pressed?.dataset.quick) this.#choose(pressed.dataset.quick);
    else if (pressed?.dataset.remind) void this.#remind(pressed.dataset.remind);
    else if (pressed?.dataset.pick) void this.#pick();
    else if (pressed?.dataset.moreReactions) pressed.closest(".reactions")?.setAttribute("data-all", "");
    else if (!pressed) this.#tap(article);
  }

  /**
   * Show the buttons of a message at a tap: a finger does not hover.
   * @param {HTMLElement | null} article
   */
  #tap(article) {
    this.#timeline?.querySelector("[data-tapped]")?.removeAttribute("data-tapped");
    article?.setAttribute("data-tapped", "");
  }

  // ---- A long press

  /**
   * @param {PointerEvent} event
   * @param {Element} target
   */
  #pointer(event, target) {
    const { type, pointerType, clientX: x, clientY: y } = event;
    if (type === "pointerdown") {
      this.#wasLong = false;
      const article = /** @type {HTMLElement | null} */ (target.closest("article[data-id]"));
      if (pointerType !== "touch" || !article || target.closest("button, a")) return;
      this.#press = { x, y, timer: setTimeout(() => this.#pressedLong(article), LONG_PRESS) };
    } else if (type !== "pointermove" || Math.hypot(x - (this.#press?.x ?? x), y - (this.#press?.y ?? y)) > STILL) {
      this.#endPress();
    }
  }

  #endPress() {
    clearTimeout(this.#press?.timer);
    this.#press = undefined;
  }

  /** @param {HTMLElement} article */
  #pressedLong(article) {
    this.#endPress();
    if (!article.isConnected || !article.querySelector("[data-menu]")) return;
    this.#wasLong = true;
    this.#tap(article);
    this.#message = article;
    this.#open(this.#menu, /** @type {HTMLElement} */ (article.querySelector(".bubble")), true);
  }

  /**
   * Keep the browser's menu away where a long press opens ours.
   * @param {Element} target
   * @param {Event} event
   */
  #contextMenu(target, event) {
    const isTouch = /** @type {PointerEvent} */ (event).pointerType === "touch" || this.#press || this.#wasLong;
    if (isTouch && target.closest("article[data-id]") && !target.closest("a")) event.preventDefault();
  }

  // ---- Menus

  /**
   * @param {HTMLElement} menu
   * @param {HTMLElement} opener
   */
  #toggle(menu, opener) {
    if (menu === this.#shown && opener === this.#opener) this.#close();
    else this.#open(menu, opener);
  }

  /**
   * @param {HTMLElement} menu
   * @param {HTMLElement} opener
   * @param {boolean} [withAll] whether the menu also holds what has buttons of its own
   */
  #open(menu, opener, withAll = false) {
    this.#close();
    this.#opener = opener;
    this.#shown = menu;
    if (menu === this.#menu) this.#offer(withAll);
    else if (menu === this.#quick) this.#showOwn();
    this.#say("");
    opener.setAttribute("aria-expanded", "true");
    menu.hidden = false;
    this.#opened = new AbortController();
    const { signal } = this.#opened;
    const isRow = menu === this.#quick;
    const bindKeys = (isRow ? FocusKeys.ArrowHorizontal : FocusKeys.ArrowVertical) | FocusKeys.HomeAndEnd;
    focusZone(menu, { bindKeys, focusOutBehavior: "wrap", abortSignal: signal });
    // At once: the next key is the menu's.
    this.#itemsOf(menu)[0]?.focus();
    void this.#float(menu, opener, signal);
  }

  /**
   * Show a menu beside what opened it.
   * @param {HTMLElement} menu
   * @param {HTMLElement} opener
   * @param {AbortSignal} signal
   */
  async #float(menu, opener, signal) {
    // Without a connection, and before it was ever loaded, the menu stands where the style has it.
    const floating = await loadFloating().catch(() => undefined);
    if (signal.aborted) return;
    const how = { isRow: menu === this.#quick, boundary: this.#timeline ?? undefined, signal, onHidden: () => this.#close() };
    floating?.floatBeside(menu, opener, how);
  }

  /**
   * Show what the user may do with the message.
   * @param {boolean} withAll
   */
  #offer(withAll) {
    const row = this.#row;
    const isMine = this.#message?.classList.contains("mine") ?? false;
    const isSaved = store.read("saved").rows.some((one) => one.id === row?.id);
    const offered = new Set(offeredFor(row, this.#chat, { isMine, isSaved }));
    if (!withAll) for (const action of ["react", "reply", "copy-text"]) offered.delete(action);
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (this.#menu.querySelectorAll("[data-do]"))) {
      item.hidden = !offered.has(item.dataset.do ?? "");
    }
  }

  /** Show which of the quick reactions are the reader's already. */
  #showOwn() {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.#quick.querySelectorAll("[data-quick]"))) {
      button.setAttribute("aria-pressed", String(this.#isOwn(button.dataset.quick ?? "")));
    }
  }

  #close() {
    if (!this.#opener || !this.#shown) return;
    this.#opened.abort();
    const hadFocus = this.#shown.contains(document.activeElement);
    this.#shown.hidden = true;
    this.#opener.removeAttribute("aria-expanded");
    if (hadFocus) this.#button?.focus({ preventScroll: true });
    this.#opener = this.#shown = undefined;
  }

  /** The button that gets the focus back: a long press had none. */
  get #button() {
    if (this.#opener?.matches("button")) return this.#opener;
    return /** @type {HTMLElement | null | undefined} */ (this.#message?.querySelector("[data-menu]"));
  }

  /** @param {HTMLElement} menu */
  #itemsOf(menu) {
    return /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("button")]).filter((item) => !item.hidden);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" && event.key !== "Tab") return;
    this.#close();
    event.preventDefault();
  }

  // ---- Actions

  /** @param {string} action */
  #do(action) {
    const button = this.#button ?? undefined;
    this.#close();
    const article = this.#message;
    if (!article) return;
    const { id = "", seq } = article.dataset;
    if (action === "unread") void this.#markUnread(Number(seq));
    else if (action === "react") this.#open(this.#quick, /** @type {HTMLElement} */ (button ?? article.querySelector("[data-menu]")));
    else if (action === "remind") this.#open(this.#times, /** @type {HTMLElement} */ (button ?? article.querySelector("[data-menu]")));
    else if (action === "reply") this.#reply();
    else if (action === "edit") edit(article);
    else if (action === "forward") this.#forwarding?.open(id);
    else if (action === "delete") this.#question.showModal();
    else if (action === "delete-now") void this.#delete(id);
    else if (action === "pin") void this.#mark(pin(id));
    else if (action === "unpin") void this.#mark(unpin(id));
    else if (action === "save") void this.#mark(save(id), say("Saved."));
    else if (action === "unsave") void this.#mark(unsave(id));
    else if (action === "copy-link") void this.#copy(`${location.origin}/chat/${this.#conversation}?at=${seq}`, say("The link is copied."));
    else if (action === "copy-text") void this.#copy(this.#row?.text ?? "", say("The text is copied."));
    else if (action === "report") void this.#report(id);
    else if (action === "readers") void this.#list?.showReaders(id);
    else if (action === "reactors") void this.#list?.showReactors(id);
    else if (action === "edits") void this.#list?.showTexts(id);
    else if (action === "close-list") this.#list?.close();
    else if (action === "close-forward") this.#forwarding?.close();
    else this.#question.close();
  }

  /**
   * Mark a message unread and leave the chat: a message that stays visible is marked read at once.
   * @param {number} seq
   */
  async #markUnread(seq) {
    const timeline = /** @type {TimelineElement} */ (this.#timeline);
    await timeline.stopReading();
    const problem = await ask("POST", `/api/conversations/${this.#conversation}/unread`, { seq });
    if (problem) timeline.readAgain();
    else /** @type {HTMLElement | null} */ (document.querySelector("a.back"))?.click();
    this.#say(problem);
  }

  /** @param {string} id */
  async #delete(id) {
    this.#question.close();
    this.#say(await ask("DELETE", `/api/messages/${id}`));
  }

  /**
   * @param {Promise<string>} change
   * @param {string} [words]
   */
  async #mark(change, words) {
    const problem = await change;
    this.#say(problem);
    if (words && !problem) notify(words);
  }

  /** @param {string} when */
  async #remind(when) {
    const id = this.#message?.dataset.id ?? "";
    this.#close();
    const { said, problem = "" } = await remind(id, when);
    this.#say(problem);
    if (said) notify(said);
  }

  /** @param {string} id */
  async #report(id) {
    const dialog = await import("./report.js").catch(() => undefined);
    if (dialog) dialog.report("messages", id);
    else this.#say(AWAY);
  }

  #reply() {
    const row = this.#row;
    if (!row) return;
    dispatchEvent(new CustomEvent("chat:reply", { detail: quoteFrom(row) }));
  }

  /**
   * @param {string} text
   * @param {string} words
   */
  async #copy(text, words) {
    if (await copyText(text)) notify(words);
    else notify(say("This browser copies nothing by itself: {text}", { text }), { shown: TO_READ });
  }

  // ---- Reactions

  /** @param {string} emoji */
  #isOwn(emoji) {
    const buttons = /** @type {NodeListOf<HTMLElement>} */ (this.#message?.querySelectorAll("[data-reaction]") ?? []);
    return [...buttons].some((one) => one.dataset.reaction === emoji && one.ariaPressed === "true");
  }

  /** @param {string} emoji */
  #react(emoji) {
    const id = this.#message?.dataset.id;
    if (!id) return;
    this.#say("");
    void react(id, emoji, !this.#isOwn(emoji)).then((problem) => problem && this.#say(problem));
  }

  /** @param {string} emoji */
  #choose(emoji) {
    this.#close();
    this.#react(emoji);
  }

  async #pick() {
    const message = this.#message;
    const opener = this.#button;
    this.#close();
    const picker = await import("./emoji_picker.js").catch(() => undefined);
    if (!picker) this.#say(AWAY);
    const emoji = await picker?.pickEmoji(/** @type {HTMLElement} */ (opener ?? message));
    if (!emoji || !message?.isConnected) return;
    this.#message = message;
    if (!this.#isOwn(emoji)) this.#react(emoji);
  }

  // ---- Words

  /** @param {string} words */
  #say(words) {
    const place = /** @type {HTMLElement} */ (this.querySelector("[data-actions-error]"));
    place.textContent = words;
    place.hidden = !words;
  }
}

globalThis.customElements?.define("chat-actions", ChatActions);
