// <chat-settings sound="on">: the settings that belong to this browser. The choice of sounds is kept
// in local storage, which all tabs of this browser share; the permission for notifications is
// requested when the button is pressed and at no other time.

const WORDS = {
  granted: "Desktop notifications are allowed.",
  denied: "Desktop notifications are blocked. Your browser's settings for this page can allow them.",
  default: "",
  missing: "This browser cannot show desktop notifications.",
};

class ChatSettings extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["sound"];

  connectedCallback() {
    document.addEventListener("visibilitychange", this);
    this.addEventListener("click", this);
    this.#showPermission();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this);
    this.removeEventListener("click", this);
  }

  attributeChangedCallback() {
    try {
      localStorage.setItem("chat.sound", this.getAttribute("sound") ?? "");
    } catch {
      // Storage is blocked: the other tabs get the setting when they load.
    }
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "visibilitychange") {
      this.#showPermission();
      const devices = /** @type {HTMLElement | null} */ (this.querySelector("[data-load-devices]"));
      if (!document.hidden) devices?.click();
    } else if (/** @type {Element} */ (event.target).closest("[data-notify]")) {
      void this.#requestPermission();
    }
  }

  async #requestPermission() {
    await Notification.requestPermission();
    this.#showPermission();
  }

  #showPermission() {
    const permission = "Notification" in globalThis ? Notification.permission : "missing";
    const button = /** @type {HTMLElement | null} */ (this.querySelector("[data-notify]"));
    const place = this.querySelector("[data-notify-state]");
    if (!button || !place) return;
    button.hidden = permission !== "default";
    place.textContent = WORDS[permission];
  }
}

globalThis.customElements?.define("chat-settings", ChatSettings);
