// <chat-push user-id quiet-event>: the switch of push in this browser, the quiet hours, whose time zone only the
// browser knows, and the button that installs the chat.

import { install, isInstalled, onInstalled } from "./install.js";
import { isOn, isPossible, turnOff, turnOn } from "./push.js";
import { send } from "./replica.js";
import { say } from "./texts.js";

const DEFAULTS = { start: "22:00", end: "07:00" };
const IMPOSSIBLE = say("This browser cannot receive push notifications. On an iPhone or iPad, install the chat first.");
const INSECURE = say("Browsers show notifications only where the address of the chat begins with https.");
const MENU = say("Your browser installs the chat from its own menu: “Install app”, or “Add to Home Screen”.");

class ChatPush extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["user-id"];
  /** @type {(() => void) | undefined} */
  #unsubscribe;

  connectedCallback() {
    this.addEventListener("click", this);
    this.addEventListener("change", this);
    this.#unsubscribe = onInstalled(() => this.#showInstall());
    this.#show();
    this.#showInstall();
  }

  disconnectedCallback() {
    this.removeEventListener("click", this);
    this.removeEventListener("change", this);
    this.#unsubscribe?.();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#show();
  }

  /** @param {Event} event */
  handleEvent(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.type === "change") {
      if (target.closest("[data-quiet-times]")) this.#keepQuiet();
    } else if (target.closest("[data-push]")) void this.#turn();
    else if (target.closest("[data-quiet]")) this.#turnQuiet();
    else if (target.closest("[data-install]")) void this.#install();
  }

  get #user() {
    return this.getAttribute("user-id") ?? "";
  }

  get #switch() {
    return /** @type {HTMLButtonElement | null} */ (this.querySelector("[data-push]"));
  }

  async #turn() {
    const button = this.#switch;
    if (!button || button.disabled) return;
    button.disabled = true;
    const problem = isOn(this.#user) ? await turnOff(this.#user) : await turnOn(this.#user);
    this.#show(problem);
    button.focus();
    // The server has not heard that this tab is visible: nothing was to be spared.
    dispatchEvent(new Event("chat:push"));
  }

  #show(words = isPossible() ? "" : isSecureContext ? IMPOSSIBLE : INSECURE) {
    const button = this.#switch;
    if (!button) return;
    button.disabled = !isPossible();
    button.setAttribute("aria-checked", String(isOn(this.#user)));
    this.#say("[data-push-state]", words);
  }

  #turnQuiet() {
    const isQuiet = this.querySelector("[data-quiet]")?.getAttribute("aria-checked") === "true";
    this.#sendQuiet(isQuiet ? { start: "", end: "" } : DEFAULTS);
  }

  #keepQuiet() {
    const start = /** @type {HTMLInputElement | null} */ (this.querySelector("#quiet_from"))?.value ?? "";
    const end = /** @type {HTMLInputElement | null} */ (this.querySelector("#quiet_to"))?.value ?? "";
    // A time that is being typed.
    if (start && end) this.#sendQuiet({ start, end });
  }

  /** @param {{ start: string, end: string }} hours */
  #sendQuiet(hours) {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    send(this.getAttribute("quiet-event") ?? "", { ...hours, time_zone: timeZone || "UTC" });
  }

  async #install() {
    this.#say("[data-install-state]", (await install()) ? "" : MENU);
  }

  #showInstall() {
    const section = /** @type {HTMLElement | null} */ (this.querySelector("[data-install-section]"));
    if (section) section.hidden = isInstalled() || !isSecureContext;
  }

  /**
   * @param {string} place
   * @param {string} words
   */
  #say(place, words) {
    const element = this.querySelector(place);
    if (element) element.textContent = words;
  }
}

globalThis.customElements?.define("chat-push", ChatPush);
