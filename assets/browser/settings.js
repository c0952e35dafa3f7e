// <chat-settings sound="on" user-id="…">: the settings that belong to this browser. The choice of
// sounds is kept in local storage, for each account, which all tabs of this browser share; the
// permission for notifications is requested when the button is pressed and at no other time. What
// other tabs and devices may have changed is loaded again when the page is looked at.

import { say } from "./texts.js";

const MINUTE = 60_000;
const WORDS = {
  granted: say("Desktop notifications are allowed."),
  denied: say("Desktop notifications are blocked. Your browser's settings for this page can allow them."),
  default: "",
  missing: say("This browser cannot show desktop notifications."),
  insecure: say("Browsers show notifications only where the address of the chat begins with https."),
};

class ChatSettings extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["sound", "user-id"];
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watch;

  connectedCallback() {
    document.addEventListener("visibilitychange", this);
    addEventListener("focus", this);
    this.#watch = setInterval(() => this.#refresh(), MINUTE);
    this.addEventListener("click", this);
    this.#showPermission();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this);
    removeEventListener("focus", this);
    clearInterval(this.#watch);
    this.removeEventListener("click", this);
  }

  attributeChangedCallback() {
    const user = this.getAttribute("user-id");
    const sound = this.getAttribute("sound");
    if (!user || !sound) return;
    try {
      localStorage.setItem(`chat.sound.${user}`, sound);
    } catch {
      // Storage is blocked: the other tabs get the setting when they load.
    }
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "visibilitychange" || event.type === "focus") {
      this.#showPermission();
      this.#refresh();
    } else if (/** @type {Element} */ (event.target).closest("[data-notify]")) {
      void this.#requestPermission();
    }
  }

  #refresh() {
    if (document.hidden) return;
    /** @type {HTMLElement | null} */ (this.querySelector("[data-refresh]"))?.click();
  }

  async #requestPermission() {
    await Notification.requestPermission();
    this.#showPermission();
  }

  #showPermission() {
    const possible = "Notification" in globalThis ? Notification.permission : "missing";
    const permission = isSecureContext ? possible : "insecure";
    const button = /** @type {HTMLElement | null} */ (this.querySelector("[data-notify]"));
    const place = this.querySelector("[data-notify-state]");
    if (!button || !place) return;
    button.hidden = permission !== "default";
    place.textContent = WORDS[permission];
  }
}

globalThis.customElements?.define("chat-settings", ChatSettings);
