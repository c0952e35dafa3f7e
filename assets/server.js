// Where the chat's server is. Empty: where these pages come from, which is the usual case.
// Pages on a static host name it here: "https://api.example.org" (docs/static-hosting.md).
globalThis.chatServer = "";
