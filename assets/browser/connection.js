// <chat-connection>: shows that the browser is offline or the live link is down; else it is empty.
// Where the chat was opened at another address than its own, the link can never be up: it shows which
// address to open. Where the user has too many tabs, it shows that, with a button to try again.
// Reconnecting waits longer after each failure (see build.py). This element reconnects without
// waiting when the browser is online again, the page becomes visible or the machine wakes up.

import { store } from "./replica.js";
import { said, say } from "./texts.js";

const PATIENCE = 400; // ms before a closed link is shown: most links are back by then
const LOOK_EVERY = 5_000;
const TROUBLE = 8_000; // ms for which the reason is shown why an event was refused
const SILENT = 25_000; // ms without a ping, which the server sends every 10 s, until a link is dead

class ChatConnection extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["down"];
  /** @type {ChatLink | undefined} */
  #link;
  #lastSignal = 0;
  /** @type {number | undefined} */
  #watch;
  /** @type {number | undefined} */
  #patience;
  #isOneTooMany = false;
  #trouble = "";
  /** @type {number | undefined} */
  #troubled;
  /** @type {(() => void) | undefined} */
  #unsubscribe;

  connectedCallback() {
    for (const event of ["online", "offline", "chat:link"]) addEventListener(event, this);
    document.addEventListener("visibilitychange", this);
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY);
    this.#unsubscribe = store.subscribe("trouble", () => this.#showTrouble());
    this.#follow();
    this.#show();
  }

  disconnectedCallback() {
    for (const event of ["online", "offline", "chat:link"]) removeEventListener(event, this);
    document.removeEventListener("visibilitychange", this);
    clearInterval(this.#watch);
    clearTimeout(this.#patience);
    clearTimeout(this.#troubled);
    this.#unsubscribe?.();
    this.#leave();
  }

  attributeChangedCallback() {
    this.#show();
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "chat:link") this.#follow();
    if (event.type === "online") this.#link?.reconnect();
    if (event.type === "visibilitychange") this.#look();
    this.#show();
  }

  #follow() {
    this.#leave();
    this.#link = window.chatLink;
    if (this.#link?.connected) this.#noteSignal();
    this.#link?.on("connect", this.#connected);
    this.#link?.on("disconnect", this.#disconnected);
    this.#link?.on("too_many_tabs", this.#refused);
    this.#link?.io.on("ping", this.#noteSignal);
  }

  #leave() {
    this.#link?.off("connect", this.#connected);
    this.#link?.off("disconnect", this.#disconnected);
    this.#link?.off("too_many_tabs", this.#refused);
    this.#link?.io.off("ping", this.#noteSignal);
  }

  #noteSignal = () => (this.#lastSignal = Date.now());

  #refused = () => {
    this.#isOneTooMany = true;
    this.#show();
  };

  #connected = () => {
    this.#isOneTooMany = false;
    this.#noteSignal();
    this.#show();
  };

  #disconnected = () => {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#show(), PATIENCE);
  };

  /** Close a link that is silent: after the machine slept it looks open for half a minute more. */
  #look() {
    if (document.hidden || !this.#link?.connected) return;
    if (Date.now() - this.#lastSignal > SILENT) this.#link.io.engine.close();
  }

  get #isDown() {
    const wasUp = this.#lastSignal > 0;
    return this.getAttribute("down") === "true" || (wasUp && !this.#link?.connected);
  }

  /** Show for a while that the server could not do what was asked. */
  #showTrouble() {
    const words = say("{problem} Nothing was changed.", { problem: said(String(store.read("trouble").about.text)) });
    clearTimeout(this.#troubled);
    this.#trouble = words;
    this.#troubled = setTimeout(() => {
      this.#trouble = "";
      this.#show();
    }, TROUBLE);
    this.#show();
  }

  #show() {
    // Before it has made the link, React has not taken the page over, and must find it as it was built.
    if (!window.chatLink) return;
    if (this.#isDown && chatHome && chatHome !== location.origin) {
      if (!this.childElementCount) this.#showHome(chatHome);
      return;
    }
    if (this.#isOneTooMany && navigator.onLine) {
      if (!this.hasAttribute("refused")) this.#showRefusal();
      return;
    }
    this.removeAttribute("refused");
    const words = !navigator.onLine ? say("Offline") : this.#isDown ? say("Reconnecting…") : this.#trouble;
    if (this.textContent !== words) this.textContent = words;
  }

  #showRefusal() {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = say("Try again");
    button.addEventListener("click", () => this.#link?.reconnect());
    this.replaceChildren(say("Too many tabs are open. Close one and try again."), button);
    this.setAttribute("refused", "");
  }

  /** @param {string} home */
  #showHome(home) {
    const link = document.createElement("a");
    link.href = home + location.pathname + location.search;
    link.textContent = home;
    this.replaceChildren(say("This address does not work. Please open the chat at "), link);
    this.setAttribute("elsewhere", "");
  }
}

globalThis.customElements?.define("chat-connection", ChatConnection);
