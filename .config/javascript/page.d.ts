// Names that the page shares with the scripts under assets/.

/** The part of socket.io's client that the scripts use. */
interface ChatLink {
  readonly connected: boolean;
  /** The manager of the connection. */
  readonly io: {
    readonly engine: { close(): unknown };
    on(event: "ping", listener: () => void): unknown;
    off(event: "ping", listener: () => void): unknown;
  };
  reconnect(): void;
  on(event: "connect" | "disconnect" | "too_many_tabs", listener: () => void): unknown;
  off(event: "connect" | "disconnect" | "too_many_tabs", listener: () => void): unknown;
}

/** The address of the chat's server, "" for the origin of the page. Set by assets/server.js. */
declare var chatServer: string | undefined;
/** The address at which browsers open the chat, "" for this one. Set by chat_app/server/home.py. */
declare var chatHome: string | undefined;
/** The live link of this tab. Set by Reflex's state.js, which chat_app/ui/reflex/build.py changes. */
declare var chatLink: ChatLink | undefined;
/** Whether assets/browser/forms.js handles forms already. */
declare var chatForms: boolean | undefined;
/** A form that was sent before forms.js was loaded. Set by a script in the page's head. */
declare var chatEarlyForm: HTMLFormElement | undefined;
