// <chat-dialog>: shows the <dialog> inside it for as long as it is on the page. Escape and a click
// outside press its [data-dismiss] button; closing returns the focus to where it was before. Where something
// is typed, a click outside does nothing.

class ChatDialog extends (globalThis.HTMLElement ?? class {}) {
  /** @type {HTMLElement | null} */
  #opener = null;

  connectedCallback() {
    this.#opener = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = /** @type {HTMLDialogElement} */ (this.querySelector("dialog"));
    dialog.addEventListener("cancel", this);
    dialog.addEventListener("click", this);
    if (dialog.showModal) dialog.showModal();
    else dialog.setAttribute("open", "");
    // The focus must not start on the button that cannot be undone. That to leave stands at the end: a long
    // dialog is read from its beginning nevertheless.
    if (this.#first) this.#first.focus();
    else this.#dismiss.focus({ preventScroll: true });
  }

  disconnectedCallback() {
    // The opener may have been removed together with the subject of the dialog.
    queueMicrotask(() => (this.#opener?.isConnected ? this.#opener : document.getElementById("open"))?.focus());
  }

  /** @param {Event} event */
  handleEvent(event) {
    // A click outside has the dialog itself as its target; a click inside has an element of it.
    if (event.type === "click" && (event.target !== event.currentTarget || this.#first)) return;
    event.preventDefault();
    this.#dismiss.click();
  }

  /** The field that is filled in first, where there is one. */
  get #first() {
    return /** @type {HTMLElement | null} */ (this.querySelector("[data-first]"));
  }

  get #dismiss() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-dismiss]"));
  }
}

globalThis.customElements?.define("chat-dialog", ChatDialog);
