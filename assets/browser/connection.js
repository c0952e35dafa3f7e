// <chat-connection>: says so while the browser is offline or the live link is down; else it is empty.
// A broken link is tried again with growing waits (see build.py). Here are the moments at which
// waiting is pointless: the browser is online again, the page is looked at, the machine woke up.

const PATIENCE = 400; // ms: a link that is back at once was never gone
const LOOK_EVERY = 5_000;
const SILENT = 25_000; // the server pings every 10 s: longer silence is a link that is dead

class ChatConnection extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["down"];
  #link;
  #heard = 0;
  #watch;
  #patience;

  connectedCallback() {
    for (const event of ["online", "offline", "chat:link"]) addEventListener(event, this);
    document.addEventListener("visibilitychange", this);
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY);
    this.#follow();
    this.#show();
  }

  disconnectedCallback() {
    for (const event of ["online", "offline", "chat:link"]) removeEventListener(event, this);
    document.removeEventListener("visibilitychange", this);
    clearInterval(this.#watch);
    clearTimeout(this.#patience);
    this.#leave();
  }

  attributeChangedCallback() {
    this.#show();
  }

  handleEvent(event) {
    if (event.type === "chat:link") this.#follow();
    if (event.type === "online") this.#link?.reconnect();
    if (event.type === "visibilitychange") this.#look();
    this.#show();
  }

  #follow() {
    this.#leave();
    this.#link = window.chatLink;
    if (this.#link?.connected) this.#hear();
    this.#link?.on("connect", this.#connected);
    this.#link?.on("disconnect", this.#disconnected);
    this.#link?.io.on("ping", this.#hear);
  }

  #leave() {
    this.#link?.off("connect", this.#connected);
    this.#link?.off("disconnect", this.#disconnected);
    this.#link?.io.off("ping", this.#hear);
  }

  #hear = () => (this.#heard = Date.now());

  #connected = () => {
    this.#hear();
    this.#show();
  };

  #disconnected = () => {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#show(), PATIENCE);
  };

  /** After a sleep the link looks open, and it would be half a minute until it is missed. */
  #look() {
    if (document.hidden || !this.#link?.connected) return;
    if (Date.now() - this.#heard > SILENT) this.#link.io.engine.close();
  }

  get #isDown() {
    const wasUp = this.#heard > 0;
    return this.getAttribute("down") === "true" || (wasUp && !this.#link?.connected);
  }

  #show() {
    const words = !navigator.onLine ? "Offline" : this.#isDown ? "Reconnecting…" : "";
    if (this.textContent !== words) this.textContent = words;
  }
}

globalThis.customElements?.define("chat-connection", ChatConnection);
