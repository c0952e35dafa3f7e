// <chat-connection>: says so while the browser is offline or the live link is down; else it is empty.

class ChatConnection extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["down"];

  connectedCallback() {
    addEventListener("online", this);
    addEventListener("offline", this);
    this.handleEvent();
  }

  disconnectedCallback() {
    removeEventListener("online", this);
    removeEventListener("offline", this);
  }

  attributeChangedCallback() {
    this.handleEvent();
  }

  handleEvent() {
    const live = this.getAttribute("down") === "true" ? "Reconnecting…" : "";
    const words = navigator.onLine ? live : "Offline";
    if (this.textContent !== words) this.textContent = words;
  }
}

globalThis.customElements?.define("chat-connection", ChatConnection);
