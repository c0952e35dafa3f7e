// <chat-settings sound="on">: what of the settings only a browser knows. The choice of sounds goes
// into local storage, where the other tabs of this browser hear of it at once; notifications are
// asked for when the button is pressed and at no other time.

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
      localStorage.setItem("chat.sound", this.getAttribute("sound"));
    } catch {
      // Storage is blocked: the other tabs know it when they load.
    }
  }

  async handleEvent(event) {
    if (event.type === "visibilitychange") {
      this.#showPermission();
      if (!document.hidden) this.querySelector("[data-load-devices]")?.click();
    } else if (event.target.closest?.("[data-notify]")) {
      await Notification.requestPermission();
      this.#showPermission();
    }
  }

  #showPermission() {
    const permission = "Notification" in globalThis ? Notification.permission : "missing";
    const button = this.querySelector("[data-notify]");
    const place = this.querySelector("[data-notify-state]");
    if (!button || !place) return;
    button.hidden = permission !== "default";
    place.textContent = WORDS[permission];
  }
}

globalThis.customElements?.define("chat-settings", ChatSettings);
