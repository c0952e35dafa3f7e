// The address of the chat's server. Empty, the usual case, means the origin of these pages.
// Pages on a static host name the server here: "https://api.example.org" (docs/static-hosting.md).
globalThis.chatServer = "";
