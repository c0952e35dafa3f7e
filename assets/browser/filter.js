// <chat-filter>: the buttons that choose which conversations the side pane lists (listed.js). The choice is
// the page's own: the server is not asked, and a reload begins with all of them.

import { store } from "./replica.js";

const LIST = "filter";

class ChatFilter extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    const target = /** @type {Element} */ (event.target);
    const pressed = /** @type {HTMLElement | null} */ (target.closest("[data-filter], [data-archived]"));
    if (pressed?.dataset.filter) store.apply([{ list: LIST, about: { choice: pressed.dataset.filter } }]);
    else if (pressed) store.apply([{ list: LIST, about: { archived: !store.read(LIST).about.archived } }]);
  }
}

globalThis.customElements?.define("chat-filter", ChatFilter);
