// <chat-invitation token>: loads an invitation, for anybody who has its link, and accepts it for whoever
// is signed in. What it loads it puts into the page's store, as facts of the list "invitation".

import { signInPath } from "./paths.js";
import { store } from "./replica.js";
import { call, sentenceOf } from "./request.js";
import { say } from "./texts.js";

const LIST = "invitation";

class ChatInvitation extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["token"];
  /** The invitation that was loaded: a page that gets another account forgets its lists. @type {Record<string, string>} */
  #about = {};
  /** @type {(() => void) | undefined} */
  #unsubscribe;

  connectedCallback() {
    this.addEventListener("click", this);
    this.#unsubscribe = store.subscribe(LIST, () => {
      if (!store.read(LIST).about.state) this.#show({});
    });
    void this.#load();
  }

  disconnectedCallback() {
    this.#unsubscribe?.();
  }

  attributeChangedCallback() {
    if (this.isConnected) void this.#load();
  }

  /** @param {Event} event */
  handleEvent(event) {
    const pressed = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest("[data-join], [data-again], [data-come-back]")
    );
    if (pressed?.dataset.join) void this.#join(/** @type {HTMLButtonElement} */ (pressed));
    else if (pressed?.dataset.again) void this.#load();
    else if (pressed?.dataset.comeBack) {
      event.preventDefault();
      location.assign(`${/** @type {HTMLAnchorElement} */ (pressed).pathname}?next=${encodeURIComponent(location.pathname)}`);
    }
  }

  get #path() {
    return `/api/invites/${encodeURIComponent(this.getAttribute("token") ?? "")}`;
  }

  async #load() {
    if (!this.getAttribute("token")) return;
    this.#show({ state: "loading", problem: "" });
    const answer = await call("GET", this.#path, { isAnswer: (body) => this.#take(body) });
    if (answer?.problem) this.#show({ state: answer.status === 404 ? "over" : "away" });
    else if (!answer) this.#show({ state: "away" });
  }

  /**
   * Show an invitation; return whether the answer was one.
   * @param {Record<string, unknown>} invitation
   */
  #take({ title, description, members_count, inviter, conversation_id }) {
    if (typeof title !== "string" || typeof members_count !== "number") return false;
    const { display_name } = /** @type {{ display_name?: unknown }} */ (inviter ?? {});
    this.#show({
      state: "valid",
      title,
      description: typeof description === "string" ? description : "",
      members: say("{n} member|{n} members", { n: members_count }),
      inviter: typeof display_name === "string" ? display_name : "",
      href: typeof conversation_id === "string" ? `/chat/${conversation_id}` : "",
    });
    return true;
  }

  /** @param {HTMLButtonElement} button */
  async #join(button) {
    button.disabled = true;
    const { path, problem, status } = await accept(this.getAttribute("token") ?? "");
    if (status === 401) location.assign(signInPath());
    else if (path) location.assign(path);
    else this.#show({ problem });
    button.disabled = path !== "";
  }

  /** @param {Record<string, string>} changes */
  #show(changes) {
    this.#about = { ...this.#about, ...changes };
    store.apply([{ list: LIST, about: this.#about }]);
  }
}

/**
 * Accept an invitation; return the address of its group, or why that failed.
 * @param {string} token
 * @returns {Promise<{ path: string, problem: string, status: number }>}
 */
export async function accept(token) {
  let path = "";
  const answer = await call("POST", `/api/invites/${encodeURIComponent(token)}/accept`, {
    isAnswer: ({ id }) => {
      if (typeof id === "string") path = `/chat/${id}`;
      return path !== "";
    },
  });
  const problem = answer?.problem ? sentenceOf(answer.problem) : "";
  return { path, problem: problem || say("The chat cannot be reached right now. Please try again."), status: answer?.status ?? 0 };
}

globalThis.customElements?.define("chat-invitation", ChatInvitation);
