// The address at which browsers open the chat. The chat's server answers this file itself, with its
// CHAT_PUBLIC_URL; on a static host and in development it stays empty, which means: right here.
globalThis.chatHome = "";
// The rule of who may register; the server refuses others in any case.
globalThis.chatRegistration = "open";
