// <chat-shared conversation-id>: around the button that opens the list of files shared in a conversation. The list
// is loaded when it is first opened.

class ChatShared extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  async handleEvent() {
    try {
      const { showShared } = await import("./shared_files.js");
      showShared(this.getAttribute("conversation-id") ?? "");
    } catch {
      // Never loaded, and no connection: the server could not be asked either.
    }
  }
}

globalThis.customElements?.define("chat-shared", ChatShared);
