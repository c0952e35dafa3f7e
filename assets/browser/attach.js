// <chat-attach>: the files that are chosen for a message, above the box of the composer: by the button, dropped on
// the conversation, pasted, or written again. They are kept for each conversation as long as the page lives;
// the browser asks before that ends, and while something is recorded. The tray, which shows and checks them, is
// loaded with the first ones.

/** @import { Chosen } from "./attached_files.js" */
/** @import { Tray } from "./tray.js" */

import { AWAY } from "./ask.js";

/** The files to attach, which may have been attached before. @typedef {{ files: (File | Chosen)[] }} Attach */
/** @typedef {ChatAttach} AttachElement */

/** The chosen files by user and conversation. @type {Map<string, Chosen[]>} */
const chosen = new Map();

class ChatAttach extends (globalThis.HTMLElement ?? class {}) {
  /** @type {Tray | undefined} */
  #tray;

  connectedCallback() {
    const composer = this.#composer;
    composer.addEventListener("click", this);
    composer.addEventListener("change", this);
    composer.addEventListener("paste", this);
    addEventListener("chat:attach", this);
    addEventListener("beforeunload", this);
    // Without a secure connection there is no microphone.
    composer.toggleAttribute("data-records", Boolean(navigator.mediaDevices && globalThis.MediaRecorder));
    void this.show();
    // It must be there when the chat cannot be reached.
    setTimeout(() => void import("./tray.js").catch(() => undefined), 3_000);
  }

  disconnectedCallback() {
    removeEventListener("chat:attach", this);
    removeEventListener("beforeunload", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "beforeunload") {
      const isRecording = this.#composer.hasAttribute("data-recording");
      if (isRecording || [...chosen.values()].some((files) => files.length)) event.preventDefault();
    } else if (event.type === "chat:attach") {
      void this.#attach(/** @type {CustomEvent<Attach>} */ (event).detail);
    } else if (event.type === "click") {
      const pressed = /** @type {Element} */ (event.target);
      if (pressed.closest("[data-attach]")) this.#input.click();
      else if (pressed.closest("[data-record]")) void this.#record();
    } else if (event.type === "change" && event.target === this.#input) {
      const files = [...(this.#input.files ?? [])];
      this.#input.value = ""; // The same file may be chosen again.
      void this.#attach({ files });
    } else if (event.type === "paste") {
      const { clipboardData } = /** @type {ClipboardEvent} */ (event);
      // A copied text may come with a picture of itself.
      if (!clipboardData?.files.length || clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      void this.#attach({ files: [...clipboardData.files] });
    }
  }

  /** How many files are attached. */
  get count() {
    return chosen.get(this.#place)?.length ?? 0;
  }

  /** Show the files of the conversation that is open now. */
  async show() {
    if (this.count || this.#tray) (await this.#load())?.show();
  }

  /** Take the files for a message. */
  take() {
    const files = chosen.get(this.#place) ?? [];
    chosen.delete(this.#place);
    this.#tray?.show();
    return files;
  }

  /** @param {Attach} attach */
  async #attach({ files }) {
    const place = this.#place;
    const tray = await this.#load();
    if (!tray) {
      this.#say(AWAY);
      return;
    }
    await tray.add(files, place);
    this.#composer.querySelector("textarea")?.focus({ preventScroll: true });
  }

  async #record() {
    try {
      const { record } = await import("./recorder.js");
      const place = this.#place;
      const problem = await record(this.#composer, (file, isSent) => {
        chosen.set(place, [...(chosen.get(place) ?? []), file]);
        if (isSent && this.isConnected && place === this.#place) this.closest("form")?.requestSubmit();
        else if (this.isConnected) void this.show();
      });
      this.#say(problem);
    } catch {
      this.#say(AWAY);
    }
  }

  /** @param {string} words */
  #say(words) {
    this.dispatchEvent(new CustomEvent("chat:problem", { detail: words, bubbles: true }));
  }

  async #load() {
    try {
      const { Tray: Made } = await import("./tray.js");
      this.#tray ??= new Made(this, chosen, () => this.#place);
    } catch {
      return undefined; // It was never loaded, and the chat cannot be reached.
    }
    return this.#tray;
  }

  get #composer() {
    return /** @type {HTMLElement} */ (this.closest("chat-composer"));
  }

  get #input() {
    return /** @type {HTMLInputElement} */ (this.#composer.querySelector("input[type=file]"));
  }

  get #place() {
    const composer = this.#composer;
    return `${composer.getAttribute("user-id")} ${composer.getAttribute("conversation-id")}`;
  }
}

globalThis.customElements?.define("chat-attach", ChatAttach);
