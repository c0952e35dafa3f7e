// <chat-language locale="de" user-id="…">: the choice of the language. It is stored in the account, for all
// devices, and in a cookie of this browser, which comes first; then the page is loaded in that language. What
// is being written in the settings is written again there, and drafts are kept anyway.

import { ask } from "./ask.js";
import { forgetKept } from "./kept.js";

const COOKIE = "locale";
const YEAR = 365 * 86_400;
const UNSAVED = "chat.unsaved";
/** The pages that the service worker keeps (assets/sw.js). */
const PAGES = "chat-pages";

class ChatLanguage extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["locale"];

  connectedCallback() {
    this.addEventListener("change", this);
    this.#show();
    // The fields are there when React has put in the whole page.
    queueMicrotask(() => this.#writeAgain());
  }

  disconnectedCallback() {
    this.removeEventListener("change", this);
  }

  attributeChangedCallback() {
    this.#show();
  }

  handleEvent() {
    void this.#choose(this.#select.value);
  }

  get #select() {
    return /** @type {HTMLSelectElement} */ (this.querySelector("select"));
  }

  #show() {
    if (this.isConnected && this.#select) this.#select.value = chosen() || (this.getAttribute("locale") ?? "");
  }

  /** @param {string} language "" for that of the browser */
  async #choose(language) {
    const place = /** @type {HTMLElement} */ (this.querySelector("[data-language-error]"));
    this.#select.disabled = true;
    const problem = await ask("PATCH", "/api/users/me", { locale: language || null }, ({ id }) => typeof id === "string");
    this.#select.disabled = false;
    place.textContent = problem;
    place.hidden = !problem;
    if (problem) {
      this.#show();
      return;
    }
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=${language}; Path=/; SameSite=Lax; Max-Age=${language ? YEAR : 0}${secure}`;
    // Kept pages and lists are in the language that they were seen in.
    await Promise.all([forgetKept(this.getAttribute("user-id") ?? ""), globalThis.caches?.delete(PAGES).catch(() => false)]);
    this.#keepUnsaved();
    location.reload();
  }

  /** Keep what is written in the settings, and not saved. */
  #keepUnsaved() {
    const fields = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll(".settings input.input, .settings textarea"));
    const unsaved = [...fields].filter(({ type, value, defaultValue }) => type !== "password" && value !== defaultValue);
    try {
      sessionStorage.setItem(UNSAVED, JSON.stringify(unsaved.map(({ id, value }) => [id, value])));
    } catch {
      // Storage is blocked.
    }
  }

  #writeAgain() {
    try {
      const kept = sessionStorage.getItem(UNSAVED);
      if (!kept) return;
      sessionStorage.removeItem(UNSAVED);
      /** @type {unknown} */
      const unsaved = JSON.parse(kept);
      for (const [id, value] of /** @type {[string, string][]} */ (unsaved)) {
        const field = /** @type {HTMLInputElement | null} */ (document.getElementById(id));
        if (field) field.value = value;
      }
      this.#select.focus({ preventScroll: true });
      this.scrollIntoView({ block: "center" });
    } catch {
      // Storage is blocked.
    }
  }
}

/** Return the language that was chosen in this browser, "" for none. */
const chosen = () => new RegExp(`(?:^|; )${COOKIE}=([a-z]*)(?:;|$)`).exec(globalThis.document?.cookie ?? "")?.[1] ?? "";

globalThis.customElements?.define("chat-language", ChatLanguage);
