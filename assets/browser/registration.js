// <chat-registration>: the form to sign up, or in its place the reason why nobody can without an invitation,
// or at all. `home.js` names the server's rule. Somebody who comes from an invitation registers with it.

import { nextPath } from "./paths.js";

/** Return the token of the invitation that the page leads back to, "" without one. */
export const inviteToken = () => /^\/invite\/([\w-]+)\/?$/.exec(nextPath())?.[1] ?? "";

class ChatRegistration extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    const rule = globalThis.chatRegistration;
    // Attributes only: React must find the content as it was built.
    if (rule === "closed" || (rule === "invited" && !inviteToken())) this.setAttribute("refused", rule);
  }
}

globalThis.customElements?.define("chat-registration", ChatRegistration);
