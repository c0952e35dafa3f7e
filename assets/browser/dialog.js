// <chat-dialog>: shows the <dialog> in it for as long as it is on the page. Escape and a click
// beside it press its [data-dismiss] button; the focus goes back to where it came from.

class ChatDialog extends (globalThis.HTMLElement ?? class {}) {
  #opener;

  connectedCallback() {
    this.#opener = document.activeElement;
    const dialog = this.querySelector("dialog");
    dialog.addEventListener("cancel", this);
    dialog.addEventListener("click", this);
    if (dialog.showModal) dialog.showModal();
    else dialog.setAttribute("open", "");
    // Not on what cannot be taken back.
    this.#dismiss.focus();
  }

  disconnectedCallback() {
    // What it was about may have taken the opener along.
    queueMicrotask(() => (this.#opener?.isConnected ? this.#opener : document.getElementById("open"))?.focus());
  }

  handleEvent(event) {
    // The ground around a dialog counts as the dialog; what is in it does not.
    if (event.type === "click" && event.target !== event.currentTarget) return;
    event.preventDefault();
    this.#dismiss.click();
  }

  get #dismiss() {
    return this.querySelector("[data-dismiss]");
  }
}

globalThis.customElements?.define("chat-dialog", ChatDialog);
