// <chat-report user-id>: around the button that reports a person. The dialog is loaded when it is first opened.

class ChatReport extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  async handleEvent() {
    try {
      const { report } = await import("./report.js");
      report("users", this.getAttribute("user-id") ?? "");
    } catch {
      // Never loaded, and no connection: nothing could be sent either.
    }
  }
}

globalThis.customElements?.define("chat-report", ChatReport);
