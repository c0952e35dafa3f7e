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
  emit(event: "event", message: object): unknown;
  on(event: "connect" | "disconnect" | "too_many_tabs", listener: () => void): unknown;
  off(event: "connect" | "disconnect" | "too_many_tabs", listener: () => void): unknown;
}

/** The part of a service worker's scope that assets/sw.js uses: the types of pages lack it. */
interface ChatWorker {
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: "window"; includeUncontrolled?: boolean }): Promise<ChatWindow[]>;
    openWindow(address: string): Promise<unknown>;
  };
  readonly registration: ServiceWorkerRegistration;
  skipWaiting(): Promise<void>;
  addEventListener(type: "install", listener: () => void): void;
  addEventListener(type: "activate", listener: (event: { waitUntil(work: Promise<unknown>): void }) => void): void;
  addEventListener(
    type: "message",
    listener: (event: { data: { files: string[]; pages: string[] }; waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(
    type: "fetch",
    listener: (event: { request: Request; respondWith(reply: Promise<Response>): void }) => void,
  ): void;
  addEventListener(
    type: "push",
    listener: (event: { data: { json(): unknown } | null; waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(
    type: "notificationclick",
    listener: (event: {
      notification: Notification;
      waitUntil(work: Promise<unknown>): void;
    }) => void,
  ): void;
}

/** A page of the chat, as the service worker sees it. */
interface ChatWindow {
  readonly url: string;
  readonly visibilityState: DocumentVisibilityState;
  focus(): Promise<unknown>;
  postMessage(message: { open: string }): void;
}

/** What the server pushes (chat_app/push/schemas.py). */
interface ChatPush {
  type: string;
  conversation_id: string;
  unread: number;
  title?: string;
  body?: string;
  /** The beginning of the body that is no Markdown. */
  before?: string;
}

/** The types of pages lack it. */
interface NotificationOptions {
  renotify?: boolean;
}

/** The browser's offer to install the page as an app. */
interface InstallOffer extends Event {
  prompt(): Promise<{ outcome: "accepted" | "dismissed" }>;
}

/** The address of the chat's server, "" for the origin of the page. Set by assets/server.js. */
declare var chatServer: string | undefined;
/** The address at which browsers open the chat, "" for this one. Set by chat_app/server/home.py. */
declare var chatHome: string | undefined;
/** Who may register: "open", "invited" or "closed". Set by chat_app/server/home.py. */
declare var chatRegistration: string | undefined;
/** The live link of this tab. Set by Reflex's state.js, which chat_app/ui/reflex/build.py changes. */
declare var chatLink: ChatLink | undefined;
/** Patches that came before assets/browser/replica.js, and from then on what applies them. */
declare var chatPatches: unknown[] | { push(patches: any): void } | undefined;
/** The router's pages and their files. Set by React Router. */
declare var __reactRouterManifest: { routes: Record<string, { module: string; imports?: string[]; css?: string[] }> } | undefined;
/** Whether assets/browser/forms.js handles forms already. */
declare var chatForms: boolean | undefined;
/** A form that was sent before forms.js was loaded. Set by a script in the page's head. */
declare var chatEarlyForm: HTMLFormElement | undefined;

/** The catalogue of the page's language, none for English. Set by a script of chat_app/languages/pages.js. */
declare var chatTexts: Record<string, string | Record<string, string>> | undefined;
/** The texts of the service worker in its language, none for English. Set by the same step. */
declare var chatWords: { language: string; texts: Record<string, string | Record<string, string>> } | undefined;

/** Returns a text without its marks (markdown.js): the same step puts it before the service worker. */
declare var chatPlainText: ((text: string, cut?: boolean) => string) | undefined;

/** Set by Vite. */
interface ImportMeta {
  readonly env?: { readonly SSR?: boolean };
}

declare module "highlight.js/lib/core" {
  import hljs from "highlight.js";
  export default hljs;
}
