// <chat-avatar-choice path event>: sets the avatar at a path of the API, or removes it. A chosen picture is
// shown first, then uploaded like the files of messages; what failed is said, and the button tries it again. The
// event asks the server to show the page what is there now. Cameras are the browser's part of choosing a picture.

import { AWAY, problemIn } from "./ask.js";
import { send } from "./replica.js";
import { call, getPageUser } from "./request.js";
import { say } from "./texts.js";

const PATIENCE = 60_000; // ms: a large picture is made small meanwhile
const NO_PICTURE = say("This is no picture that the chat can read. Choose another one.");
const EMPTY = say("This file is empty. Choose another one.");
// The chat reads kinds of pictures that not every browser does.
const UNSHOWN = say("This browser cannot show this picture. The chat may be able to read it.");
const EXPIRED = say("The upload has expired. Please try again.");

/** A chosen picture, the address of its upload, and once that is done its id. @typedef {{ file: File, address: string, id: string }} Choice */

class ChatAvatarChoice extends (globalThis.HTMLElement ?? class {}) {
  /** @type {Choice | undefined} */
  #chosen;
  #isBusy = false;

  connectedCallback() {
    this.addEventListener("click", this);
    this.addEventListener("change", this);
    // It does not bubble.
    this.addEventListener("error", this, true);
  }

  disconnectedCallback() {
    this.#choose(undefined);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "change" && event.target === this.#input) {
      const [file] = this.#input.files ?? [];
      this.#input.value = ""; // The same file may be chosen again.
      if (file) this.#check(file);
    } else if (event.type === "error" && event.target === this.#preview && this.#chosen) {
      this.#preview.hidden = true;
      if (!this.#isBusy) this.#say(this.#chosen.file.name, UNSHOWN);
    } else if (event.type === "click") {
      const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-avatar]"));
      if (button) this.#act(button.dataset.avatar);
    }
  }

  /** @param {string | undefined} what */
  #act(what) {
    if (what === "cancel") this.#cancel();
    else if (this.#isBusy) return;
    else if (what === "choose") this.#input.click();
    else if (what === "use") void this.#use();
    else void this.#remove();
  }

  #cancel() {
    // An upload that still runs sees that its picture is no longer wanted.
    this.#choose(undefined);
    this.#setBusy(false);
  }

  /**
   * Choose a file, unless it is no picture in any case.
   * @param {File} file
   */
  #check(file) {
    const isOther = file.type && !file.type.startsWith("image/");
    const problem = !file.size ? EMPTY : isOther ? NO_PICTURE : "";
    this.#choose(problem ? undefined : file);
    if (problem) this.#say("", problem);
  }

  /** @param {File | undefined} file */
  #choose(file) {
    const { src } = this.#preview;
    if (src) URL.revokeObjectURL(src);
    const hadFocus = this.contains(document.activeElement);
    this.#chosen = file && { file, address: "", id: "" };
    this.toggleAttribute("data-chosen", Boolean(file));
    this.#preview.hidden = !file;
    if (file) this.#preview.src = URL.createObjectURL(file);
    else this.#preview.removeAttribute("src");
    this.#say(file ? file.name : "");
    // The button that was pressed is not there any more.
    if (file || hadFocus) /** @type {HTMLElement | null} */ (this.querySelector(`[data-avatar=${file ? "use" : "choose"}]`))?.focus();
  }

  async #use() {
    const chosen = this.#chosen;
    if (!chosen) return;
    this.#setBusy(true);
    const problem = (await this.#upload(chosen)) || (chosen === this.#chosen ? await this.#set(chosen) : "");
    // It was cancelled, or the page was left.
    if (chosen !== this.#chosen) return;
    this.#setBusy(false);
    if (problem) this.#say(chosen.file.name, problem);
    else {
      this.#choose(undefined);
      this.#say(say("The picture is set."));
    }
  }

  /**
   * Upload a picture, unless that is done, and return what went wrong.
   * @param {Choice} chosen
   */
  async #upload(chosen) {
    if (chosen.id) return "";
    const { file } = chosen;
    const isWanted = () => chosen === this.#chosen;
    const onProgress = (/** @type {number} */ bytes) => {
      if (isWanted()) this.#say(say("Uploading: {percent} %", { percent: file.size ? Math.floor((100 * bytes) / file.size) : 100 }));
    };
    try {
      const { uploaded } = await import("./upload.js");
      const { fileId, refused, restart } = await uploaded(getPageUser(), { name: file.name, blob: file }, chosen.address, {
        isWanted,
        onAddress: (address) => (chosen.address = address),
        onProgress,
      });
      if (refused || restart) chosen.address = "";
      chosen.id = fileId ?? "";
      return fileId ? "" : refused || AWAY;
    } catch {
      return AWAY; // The script was never loaded, and the chat cannot be reached.
    }
  }

  /**
   * Make an uploaded picture the avatar, and return what went wrong.
   * @param {Choice} chosen
   */
  async #set(chosen) {
    this.#say(say("Setting the picture…"));
    const isAnswer = (/** @type {Record<string, unknown>} */ body) => typeof body.avatar_url === "string";
    const answer = await call("PUT", this.#path, { body: { file_id: chosen.id }, patience: PATIENCE, isAnswer });
    // An upload that has expired, or was used up by a try whose answer was lost, is made again.
    if (answer?.status === 422) Object.assign(chosen, { address: "", id: "" });
    const code = answer?.problem?.code;
    if (code === "not_a_picture") return NO_PICTURE;
    if (code === "invalid") return EXPIRED;
    const problem = problemIn(answer);
    if (!problem) this.#showAnew();
    return problem;
  }

  async #remove() {
    this.#setBusy(true);
    this.#say("");
    const problem = problemIn(await call("DELETE", this.#path));
    this.#setBusy(false);
    if (problem) this.#say("", problem);
    else {
      this.#showAnew();
      this.#say(say("The picture is removed."));
      /** @type {HTMLElement | null} */ (this.querySelector("[data-avatar=choose]"))?.focus();
    }
  }

  #showAnew() {
    send(this.getAttribute("event") ?? "", {});
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.#isBusy = isBusy;
    for (const button of this.querySelectorAll("[data-avatar]:not([data-avatar=cancel])")) {
      button.setAttribute("aria-disabled", String(isBusy));
    }
  }

  /**
   * @param {string} words
   * @param {string} [problem]
   */
  #say(words, problem = "") {
    const state = /** @type {HTMLElement} */ (this.querySelector("[data-avatar-state]"));
    const error = /** @type {HTMLElement} */ (this.querySelector("[data-avatar-error]"));
    state.textContent = words;
    error.textContent = problem;
    error.hidden = !problem;
  }

  get #path() {
    return this.getAttribute("path") ?? "";
  }

  get #input() {
    return /** @type {HTMLInputElement} */ (this.querySelector("input[type=file]"));
  }

  get #preview() {
    return /** @type {HTMLImageElement} */ (this.querySelector("[data-avatar-preview]"));
  }
}

globalThis.customElements?.define("chat-avatar-choice", ChatAvatarChoice);
